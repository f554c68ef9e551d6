"""What is found by keys in rows is loaded in common statements, and answers as if each were loaded alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from graphql import ExecutionResult

from db.engine import DatabaseUnavailable, ReadPool
from execution.columns import Formula
from resolvers.batches import MOST_PARTS, drive
from schema.measures import number_of, number_or_null_of, ratio_of
from schema.texts import shown_name_of
from schema.trends import displayed_of
from settings import DatabaseRole
from tests.conftest import Database
from tests.db.learning import add_organization
from tests.execution.loading import Both
from tests.execution.team_schema import (
    TABLES,
    Teams,
    load_broken,
    load_name,
    load_people_under,
    load_person,
    load_places,
    load_slowly,
    load_team,
    schema,
)


@dataclass
class Asking:
    """Asks both executors; ``told`` are the statements that the compiled one needed."""

    pool: ReadPool
    told: list[str]
    both: Both = field(default_factory=lambda: Both(schema))

    async def __call__(
        self, document: str, variables: dict[str, Any] | None = None, *, given: tuple[list[Any], ...] = ()
    ) -> tuple[ExecutionResult, str | None]:
        contexts: list[Teams] = []

        def new_context() -> Teams:
            contexts.append(Teams(self.pool, *given))
            return contexts[-1]

        try:
            found = await self.both(document, new_context, variables)
            # Statements are told of a moment later.
            await asyncio.sleep(0)
            self.told.clear()
            await self.both.executor.run(self.both.prepared(document), variables, new_context())
            await asyncio.sleep(0)
        finally:
            for context in contexts:
                await context.aclose()
        assert self.pool.in_use == 0
        return found

    async def data(self, document: str, variables: dict[str, Any] | None = None) -> Any:
        """Of an answer without errors that the compiled executor gave itself."""
        answer, bailout = await self(document, variables)
        assert (answer.errors, bailout) == (None, None)
        return answer.data


def new_pool(database: Database, told: list[str], statement_timeout: float) -> ReadPool:
    def listen(text: str, seconds: float, error: BaseException | None) -> None:
        if any(table in text for table in ("people", "places", "teams")):
            told.append(text)

    # One for each time that an operation is run.
    return ReadPool(database.url, DatabaseRole.API, size=4, statement_timeout=statement_timeout, listener=listen)


@pytest.fixture(scope="module")
def teams(new_database: Callable[[], Database]) -> Database:
    database = new_database()
    with database.connect() as owner:
        add_organization(owner, slug="north")
    with database.connect(None) as admin:
        admin.execute(TABLES)
    return database


@pytest.fixture(scope="module")
async def ask(teams: Database) -> AsyncIterator[Asking]:
    told: list[str] = []
    pool = new_pool(teams, told, 10)
    yield Asking(pool, told)
    await pool.aclose()


@pytest.fixture
async def quick_pool(teams: Database) -> AsyncIterator[ReadPool]:
    """Of statements that may take no time."""
    pool = new_pool(teams, [], 0.3)
    yield pool
    await pool.aclose()


# Whatever is found by keys, below a person (whose boss there may not be) and below several.
BELOW = {
    "rows": "boss { name boss { name boss { id } } }",
    "rows that may lack": "boss { name } toldBoss { id }",
    "rows that must not lack": "sureBoss { name }",
    "one row with different columns": "boss { name } b: boss { id } toldBoss { times boss { name } }",
    "values": "loadedName boss { loadedName }",
    "values and a row": "loadedName name boss { name loadedName toldBoss { loadedName } }",
    "lists": "under { name under { name boss { name } } }",
    "lists with different columns": "a: under { id } b: under { name boss { id } }",
    "pages": "places { nodes { id } }",
    "pages of one, of none, and of all": """a: places(first: 1) { nodes { id } } b: places(first: 0) { nodes { id } }
        c: places(first: 9) { nodes { id } }""",
    "a row more than is shown": "places(first: 2) { nodes { id team { toldLead { name } } } }",
    "a row that lacks": "places(first: 3) { nodes { id team { toldLead { name } } } }",
    "a name of a type": "places { __typename a: nodes { __typename id } t: __typename }",
    "only the name of a type": "places { __typename t: __typename }",
    "nodes twice": "places { nodes { id } __typename more: nodes { team { title } id } }",
    "edges": "places { edges { node { id team { title } } } }",
    "edges and nodes": "places { nodes { id team { id } } edges { node { team { title } } } hasMore }",
    "nodes and what is none of rows": "places { hasMore nodes { team { title lead { name } } } }",
    "a cycle": "places(first: 3) { nodes { person { name places(first: 1) { nodes { person { name } } } } } }",
    "two ways to one": "places { nodes { team { lead { name } } person { name boss { name } } } } boss { places { nodes { id } } }",
    "fragments": """...A places { ...C ... on Page { nodes { team { title } } } } ... on Person { boss { id ...A } }""",
    "nothing of it": "places { nodes @skip(if: true) { id } __typename }",
    "nothing at all": "id places { nodes @skip(if: true) { id } }",
    "prepared in vain": "name refused(first: 1) { id refused(first: 3) { id } }",
    "refused where reached": "name refused(first: 3) { name }",
}
FRAGMENTS = "fragment A on Person { name loadedName } fragment C on Page { nodes { id person { ...A } } }"


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("ids", [[1], [2], [3], [4], [1, 2, 3, 4], [2, 2, 4], []])
async def test_both_executors_answer_alike(ask: Asking, below: str, ids: list[int]) -> None:
    fragments = FRAGMENTS if below == "fragments" else ""
    answer, bailout = await ask(
        f"query ($ids: [Int!]!) {{ people(ids: $ids) {{ {BELOW[below]} }} }} {fragments}", {"ids": ids}
    )
    assert bailout is None or answer.errors
    for key in ids:
        answer, bailout = await ask(
            f"query ($id: Int!) {{ person(id: $id) {{ {BELOW[below]} }} }} {fragments}", {"id": key}
        )
        assert bailout is None or answer.errors


async def test_a_row_and_what_is_found_by_it_are_one_statement(ask: Asking) -> None:
    data = await ask.data(
        "{ person(id: 3) { name boss { name boss { name } } places { nodes { id team { title lead { name } } } } } }"
    )
    assert data == {
        "person": {
            "name": "Cleo",
            "boss": {"name": "Ben", "boss": {"name": "Ada"}},
            "places": {"nodes": [{"id": 16, "team": {"title": "Red", "lead": {"name": "Ada"}}}]},
        }
    }
    assert len(ask.told) == 1


async def test_a_row_that_lacks_is_null_or_told(ask: Asking) -> None:
    answer, bailout = await ask("{ people(ids: [4, 3]) { boss { id } toldBoss { id } } }")
    assert answer.data == {"people": [{"boss": None, "toldBoss": None}, {"boss": {"id": 2}, "toldBoss": {"id": 2}}]}
    assert [(error.path, error.message) for error in answer.errors or ()] == [
        (["people", 0, "toldBoss"], "There is no such person.")
    ]
    assert bailout is None
    answer, _ = await ask("{ people(ids: [4, 3]) { sureBoss { id } } }")
    assert answer.data is None
    assert [error.path for error in answer.errors or ()] == [["people", 0, "sureBoss"]]


async def test_pages_are_cut_for_each(ask: Asking) -> None:
    """2 has three places, 3 has one, 4 none; 2 is asked for twice."""
    data = await ask.data("{ people(ids: [2, 3, 2, 4]) { places(first: 2) { nodes { id } __typename } } }")
    pages = [each["places"] for each in data["people"]]
    assert [[node["id"] for node in page["nodes"]] for page in pages] == [[13, 14], [16], [13, 14], []]
    assert [list(page) for page in pages] == [["nodes", "__typename"]] * 4
    assert len(ask.told) == 2


async def test_what_goes_wrong_beyond_a_page_is_not_told(ask: Asking) -> None:
    """Who leads the team of the third place of 2, there is not."""
    document = "{ people(ids: [2]) { places(first: %s) { nodes { team { title toldLead { name } } } } } }"
    shown = [
        {"team": {"title": title, "toldLead": {"name": name}}} for title, name in (("Red", "Ada"), ("Blue", "Ben"))
    ]
    assert await ask.data(document % 2) == {"people": [{"places": {"nodes": shown}}]}
    answer, bailout = await ask(document % 3)
    assert answer.data == {"people": [{"places": {"nodes": [*shown, {"team": {"title": "Green", "toldLead": None}}]}}]}
    assert [error.path for error in answer.errors or ()] == [["people", 0, "places", "nodes", 2, "team", "toldLead"]]
    assert bailout is None


async def test_nodes_beside_what_is_none_of_rows(ask: Asking) -> None:
    data = await ask.data("{ people(ids: [2, 3]) { places { nodes { id } hasMore edges { node { id } } } } }")
    pages = [each["places"] for each in data["people"]]
    assert [page["hasMore"] for page in pages] == [True, False]
    assert all(page["nodes"] == [edge["node"] for edge in page["edges"]] for page in pages)


async def test_one_load_follows_two(ask: Asking) -> None:
    """Ben is in rows of two loads with other columns, and is himself asked for."""
    data = await ask.data(
        "{ person(id: 3) { a: boss { boss { name } } b: toldBoss { name boss { name } } loadedName } }"
    )
    assert data["person"] == {
        "a": {"boss": {"name": "Ada"}},
        "b": {"name": "Ben", "boss": {"name": "Ada"}},
        "loadedName": "Cleo",
    }
    assert len(ask.told) == 1


async def test_cycles_end(ask: Asking) -> None:
    depth = 2 * MOST_PARTS
    data = await ask.data("{ person(id: 3) { " + "name boss { " * depth + "id" + " }" * depth + " } }")
    found, names = data["person"], []
    while "name" in found:
        names.append(found["name"])
        found = found["boss"]
    assert names == ["Cleo", "Ben", *["Ada"] * (depth - 2)]


async def test_a_statement_has_so_many_parts_at_most(ask: Asking) -> None:
    """What follows beyond that is loaded later."""
    sizes = range(1, 2 * MOST_PARTS)
    pages = " ".join(f"p{size}: places(first: {size}) {{ nodes {{ id }} }}" for size in sizes)
    data = await ask.data(f"{{ person(id: 2) {{ {pages} }} }}")
    assert [len(data["person"][f"p{size}"]["nodes"]) for size in sizes] == [min(size, 3) for size in sizes]
    assert [text.count("FROM places") for text in ask.told] == [MOST_PARTS - 1, MOST_PARTS]


async def test_several_fields_share_what_is_loaded(ask: Asking) -> None:
    """Each shows what is of its own people."""
    shown = "{ under { name } boss { name } places(first: 1) { nodes { id } } }"
    data = await ask.data(f"{{ a: people(ids: [1]) {shown} b: people(ids: [3, 2]) {shown} }}")
    ada, ben, cleo = ({"name": name} for name in ("Ada", "Ben", "Cleo"))
    assert data == {
        "a": [{"under": [ada, ben], "boss": ada, "places": {"nodes": [{"id": 11}]}}],
        "b": [
            {"under": [], "boss": ben, "places": {"nodes": [{"id": 16}]}},
            {"under": [cleo], "boss": ada, "places": {"nodes": [{"id": 13}]}},
        ],
    }
    assert len(ask.told) == 2


@pytest.mark.parametrize("arguments", ["id: 3", "id: 3, afterLoad: true", "id: 77, afterLoad: true"])
async def test_what_was_foreseen_is_not_needed(ask: Asking, arguments: str) -> None:
    answer, bailout = await ask(f"{{ refused({arguments}) {{ boss {{ name }} broken refused(first: 9) {{ id }} }} }}")
    assert (answer.data, bailout) == ({"refused": None}, None)
    assert [error.message for error in answer.errors or ()] == ["Never."]


async def test_what_is_refused_is_refused_where_it_is_reached(ask: Asking) -> None:
    document = "{ person(id: %s) { under { name refused(first: 3) { id } } } }"
    answer, _ = await ask(document % 4)
    assert (answer.data, answer.errors) == ({"person": {"under": []}}, None)
    answer, _ = await ask(document % 1)
    assert answer.data == {"person": {"under": [{"name": name, "refused": None} for name in ("Ada", "Ben")]}}
    assert [error.path for error in answer.errors or ()] == [["person", "under", place, "refused"] for place in (0, 1)]


async def test_what_fails_with_others_fails_alone(ask: Asking) -> None:
    """One number cannot be divided: only what needs it lacks, whoever it was read together with."""
    answer, bailout = await ask(
        "{ people(ids: [1, 2]) { name broken boss { name } places(first: 1) { nodes { id } } } }"
    )
    assert answer.data == {
        "people": [
            {"name": "Ada", "broken": None, "boss": {"name": "Ada"}, "places": {"nodes": [{"id": 11}]}},
            {"name": "Ben", "broken": None, "boss": {"name": "Ada"}, "places": {"nodes": [{"id": 13}]}},
        ]
    }
    assert [error.path for error in answer.errors or ()] == [["people", place, "broken"] for place in (0, 1)]
    assert {type(error.original_error) for error in answer.errors or ()} == {asyncpg.DivisionByZeroError}
    assert bailout is None
    # Where what fails only follows.
    answer, _ = await ask("{ person(id: 3) { name boss { name broken loadedName } } }")
    assert answer.data == {"person": {"name": "Cleo", "boss": {"name": "Ben", "broken": None, "loadedName": "Ben"}}}
    assert [error.path for error in answer.errors or ()] == [["person", "boss", "broken"]]


async def load_side_by_side(context: Teams, *asked: tuple[Any, ...]) -> tuple[list[Any], dict[int, Exception]]:
    batches = context.run_in_step()

    async def one(load: Any, key: int, *arguments: Any) -> Any:
        return await context.load(load, key, *arguments)

    return await drive([one(*each) for each in asked], batches)


async def test_a_load_that_fails_fails_those_who_asked_for_it(ask: Asking) -> None:
    context = Teams(ask.pool)
    outcomes, failures = await load_side_by_side(
        context, (load_name, 1), (load_broken, 2), (load_name, 77), (load_broken, 1), (load_person, 3, None)
    )
    await context.aclose()
    assert (outcomes[0], outcomes[2], outcomes[4].name) == ("Ada", None, "Cleo")
    assert {place: type(error) for place, error in failures.items()} == {
        1: asyncpg.DivisionByZeroError,
        3: asyncpg.DivisionByZeroError,
    }


async def test_a_statement_that_takes_too_long_says_so_to_all(quick_pool: ReadPool) -> None:
    """Not that the database does not answer: whoever hears that asks again."""
    context = Teams(quick_pool)
    _, failures = await load_side_by_side(context, (load_name, 1), (load_slowly, 1), (load_team, 1), (load_person, 2))
    assert [type(failures[place]) for place in range(4)] == [asyncpg.QueryCanceledError] * 4
    # What is asked afterwards has no snapshot any more.
    _, failures = await load_side_by_side(context, (load_name, 1), (load_places, 1, None, 2))
    assert [type(failures[place]) for place in range(2)] == [DatabaseUnavailable] * 2
    await context.aclose()
    again = Teams(quick_pool)
    outcomes, failures = await load_side_by_side(again, (load_name, 1), (load_people_under, 2, frozenset({"name"})))
    assert (outcomes[0], [row.name for row, _ in outcomes[1]], failures) == ("Ada", ["Cleo"], {})
    await again.aclose()


async def test_a_follower_that_takes_too_long_ends_what_it_was_read_with(quick_pool: ReadPool) -> None:
    asking = Asking(quick_pool, [])
    context = Teams(quick_pool)
    operation = asking.both.prepared("{ person(id: 3) { name boss { slow } } p: person(id: 2) { name } }")
    answer = await asking.both.executor.run(operation, None, context)
    await context.aclose()
    assert answer.data == {"person": None, "p": None}
    assert {type(error.original_error) for error in answer.errors or ()} == {asyncpg.QueryCanceledError}


async def test_what_is_known_is_not_loaded(ask: Asking) -> None:
    document = "query ($known: [Int!]!) { known(ids: [1, 2], known: $known) { loadedName } }"
    data = await ask.data(document, {"known": [1, 2, 3]})
    assert data["known"] == [{"loadedName": "known 1"}, {"loadedName": "known 2"}]
    assert len(ask.told) == 1
    data = await ask.data(document, {"known": [2]})
    assert data["known"] == [{"loadedName": "Ada"}, {"loadedName": "known 2"}]
    assert len(ask.told) == 2
    data = await ask.data(document, {"known": []})
    assert data["known"] == [{"loadedName": "Ada"}, {"loadedName": "Ben"}]


BIG = 2**62
VALUES: dict[str, tuple[list[Any], ...]] = {
    "numbers": ([1, BIG, -BIG, 0], [0, 1, 2, 3], [Decimal("7.5"), 6, 0, None], [2, 3, 4, 5]),
    "nothing to divide by": ([0], [0], [Decimal(1)], [0]),
    "nothing to divide": ([None, None], [0, 1], [None, Decimal(0)], [0, 1]),
    "truth": ([True, False], [False, True], [True, 1.5], [True, 2]),
    "text": (["5", "-7"], ["0", "12"], [1, 1], [Decimal("0.5"), 0.25]),
    "exact numbers": ([Decimal(5), 2.0], [Decimal(0), 1.0], [Decimal("0.1"), Decimal("-0.0")], [3, 3]),
    "no number": (["x"], [1], [1], [1]),
    "null where none may be": ([1], [None], [1], [1]),
    "infinite": ([1, 1], [1, 1], [float("inf"), Decimal("NaN")], [1, 1]),
    "what cannot be divided by": ([1], [1], [1], ["x"]),
    "no rows": ([], [], [], []),
}


@pytest.mark.parametrize(
    "fields", ["big", "sure", "share", "again", "home { street number }", "big share home { number }"]
)
@pytest.mark.parametrize("values", VALUES)
async def test_formulas_in_line_say_what_their_functions_say(ask: Asking, values: str, fields: str) -> None:
    given = VALUES[values]
    homes = [SimpleNamespace(street=f"S {place}", number=place or None) for place in range(len(given[0]))]
    answer, bailout = await ask(f"{{ values {{ {fields} }} }}", given=(*given, homes))
    assert answer.errors or (bailout is None and len(answer.data["values"]) == len(homes))
    if values in ("numbers", "nothing to divide by", "truth", "text", "no rows") and "sure" not in fields:
        assert answer.errors is None


async def test_big_numbers_are_text(ask: Asking) -> None:
    given = ([True, 999, "7", BIG, None], [False, -5, "0", 1000, 1], [1] * 5, [1] * 5, [SimpleNamespace()] * 5)
    answer, bailout = await ask("{ values { big sure } }", given=given)
    assert bailout is None
    assert answer.data is not None
    found = [(each["big"], each["sure"]) for each in answer.data["values"]]
    assert found == [("1", "0"), ("999", "-5"), ("7", "0"), (str(BIG), "1000"), (None, "1")]


@pytest.mark.parametrize("times", [1, 86_400])
def test_a_ratio_is_the_same_in_line(times: int) -> None:
    formula = ratio_of("above", "below", times)
    in_line = eval(f"lambda a, b, function: {formula.in_line.format('a', 'b')}")
    numbers = [0, 1, -7, 3, BIG, Decimal(0), Decimal("0.30"), Decimal("-1e-9"), Decimal(3)]
    for above in numbers:
        for below in numbers:
            found, expected = in_line(above, below, formula.function), formula.function(above, below)
            assert (found, type(found)) == (expected, type(expected)), (above, below)


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        (number_of("a"), [0, 3, Decimal("0.1"), Decimal(-7), 2.5]),
        (number_or_null_of("a"), [None, 0, Decimal("99.9")]),
        (displayed_of("a"), [None, Decimal("0.05"), Decimal("0.15"), Decimal("-0.04"), Decimal("99.95")]),
        (shown_name_of("a"), ["", "Ada", "Zoë", "a\u202eb", "\u2066x\u2069"]),
    ],
)
def test_formulas_are_the_same_in_line(formula: Formula, values: list[Any]) -> None:
    in_line = eval(f"lambda a, function: {formula.in_line.format('a')}")
    for value in values:
        assert repr(in_line(value, formula.function)) == repr(formula.function(value))
