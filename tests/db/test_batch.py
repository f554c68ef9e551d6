"""What is read together is what each part would give alone, whatever is in it and however its keys are found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import asyncpg
import pytest
from psycopg.types.json import Jsonb

from db.batch import Batch, page_of_each, read_together, row_of_each, table_of_each, value_of_each
from db.dependencies import ON_CATALOGUE, on_groups, on_users
from db.engine import ReadPool
from db.entering import Caller
from db.parts import Part, Query, Table
from db.reading import Reading, recording
from db.snapshot import Snapshot
from db.statement import sql
from settings import DatabaseRole
from tests.asking import is_read
from tests.conftest import Database
from tests.db.learning import add_attempt, add_lab, add_organization, add_user, fold

Rows = list[tuple[Any, ...]]
ADMIN = Caller("north", "root", "ADMIN")
COLUMNS = ("id", "other_id", "amount", "at", "doc", "label")
SPRING = datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC)
THINGS: Rows = [
    (1, 2, Decimal("1.50"), SPRING, {"a": [1, None, "x"]}, 'it\'s "so", {1,2} \\ $1'),
    (2, 3, Decimal(0), SPRING, [], ""),
    (3, None, Decimal("12345678901234567890.123456789"), None, None, "NULL"),
    (4, 2, None, datetime(1, 1, 1, tzinfo=UTC), "text", "Zoë 日本 \U0001f680\n\t\u200f"),
    (5, None, None, None, None, None),
    (6, 99, Decimal("NaN"), None, {"b": {}}, "%s :ids"),
]
BY_NUMBER = dict(enumerate(THINGS, start=1))
_FROM = f"SELECT {', '.join(COLUMNS)} FROM things WHERE id = ANY (:ids)"

BY_ID = Query(sql(_FROM, on_users("ids")), "ids", COLUMNS, is_unique=True)
IN_ORDER = Query(sql(f"{_FROM} ORDER BY id", on_users("ids")), "ids", COLUMNS)
LABELS = Query(
    sql("SELECT id, label FROM things WHERE id = ANY (:ids) ORDER BY id DESC", on_groups("ids")), "ids", ("id", "label")
)
EACH_LABEL = Query(
    sql("SELECT key, label FROM unnest(:ids) AS key JOIN things ON id = key", on_groups("ids")),
    "ids",
    ("id", "label"),
)
BY_OTHER = Query(
    sql("SELECT other_id, id FROM things WHERE other_id = ANY (:others) ORDER BY other_id, id", on_groups("others")),
    "others",
    ("other_id", "id"),
)
# A pack of ids of things, and one of floats, for each number: those of 1 are 2, 3 and 2, 4 has none.
PACKED = Query(
    sql(
        """SELECT number, string_agg(int8send(id), '' ORDER BY place), string_agg(float8send(share), '' ORDER BY place)
        FROM (VALUES (1, 1, 2, 0.5), (1, 2, 3, 'NaN'), (1, 3, 2, -1e300), (2, 1, 6, 0), (3, 1, 2, 1)) AS p (number, place, id, share)
        WHERE number = ANY (:numbers) GROUP BY number UNION ALL SELECT 4, '', '' WHERE 4 = ANY (:numbers) ORDER BY 1""",
        ON_CATALOGUE,
    ),
    "numbers",
    ("number", "id", "share"),
    packs="qd",
)
OF_ONE = BY_ID._replace(of_one=sql(f"{_FROM} AND 'alone' <> ''", on_users("ids")))
WHO = Query(
    sql("SELECT id, viewer_user_id() AS who FROM things WHERE id = ANY (:ids) ORDER BY id", ON_CATALOGUE),
    "ids",
    ("id", "who"),
)
CLOCK = Query(
    sql("SELECT id, now() AS now FROM things WHERE id = ANY (:ids) ORDER BY id", ON_CATALOGUE), "ids", ("id", "now")
)


def between(least: int, most: int) -> Query:
    """Two of them have parameters of the same names."""
    statement = sql(
        "SELECT id, CAST(:most AS bigint) FROM things WHERE id = ANY (:ids) AND id BETWEEN :least AND :most ORDER BY id",
        ON_CATALOGUE,
    )
    return Query(statement, "ids", ("id", "most"), values={"least": least, "most": most})


def rows_of(table: Table) -> Rows:
    return list(zip(*table.values, strict=True))


def things(*numbers: int) -> str:
    """To the letter: NaN is not equal to itself."""
    return repr([BY_NUMBER[number] for number in numbers])


@dataclass
class Reader:
    """Reads in a snapshot of its own each time; ``told`` are the statements of the last one."""

    database: Database
    pool: ReadPool
    told: list[str]
    organization_id: int
    reading: Reading = field(default_factory=Reading)

    async def __call__(self, *parts: Part) -> list[Table]:
        self.told.clear()
        with recording() as self.reading:
            snapshot = Snapshot(self.pool, ADMIN)
            try:
                await snapshot.viewer()
                found = [table for table, _ in await read_together(snapshot, parts)]
                # They are told of a moment later.
                await asyncio.sleep(0)
                return found
            finally:
                await snapshot.aclose()

    async def rows(self, *parts: Part) -> list[Rows]:
        return [rows_of(table) for table in await self(*parts)]


@pytest.fixture(scope="module")
async def read(database: Database) -> AsyncIterator[Reader]:
    with database.connect() as owner:
        organization_id = add_organization(owner, slug="north")
    with database.connect(None) as admin, admin.cursor() as cursor:
        cursor.execute(
            """CREATE TABLE things (id bigint, other_id bigint, amount numeric, at timestamptz, doc jsonb, label text);
            GRANT SELECT ON things TO scoregraph_api"""
        )
        cursor.executemany(
            "INSERT INTO things VALUES (%s, %s, %s, %s, %s, %s)",
            [(*row[:4], None if row[4] is None else Jsonb(row[4]), row[5]) for row in THINGS],
        )
    told: list[str] = []

    def listen(text: str, seconds: float, error: BaseException | None) -> None:
        if is_read(text):
            told.append(text)

    pool = ReadPool(database.url, DatabaseRole.API, size=2, statement_timeout=10, listener=listen)
    yield Reader(database, pool, told, organization_id)
    await pool.aclose()


async def test_one_key_has_a_statement_of_its_own(read: Reader) -> None:
    assert OF_ONE.of_one is not None
    assert repr(await read.rows(Part.of_keys(OF_ONE, [1]))) == f"[{things(1)}]"
    assert "alone" in read.told[0]
    await read(Part.of_keys(OF_ONE, [1, 2]))
    assert "alone" not in read.told[0]
    await read(Part.of_keys(OF_ONE, [1]), Part.of_keys(OF_ONE, [2, 3]))
    assert [text.count("alone") for text in read.told] == [1]


async def test_several_keys_are_one_statement(read: Reader) -> None:
    [rows] = await read.rows(Part.of_keys(IN_ORDER, [3, 1, 2]))
    assert repr(rows) == things(1, 2, 3)
    assert len(read.told) == 1


@pytest.mark.parametrize("keys", [[1], [2], [3], [4], [5], [6], [1, 2, 3, 4, 5, 6], [5, 6], [3, 5]])
async def test_values_come_as_they_are(read: Reader, keys: list[int]) -> None:
    """NULLs, documents, instants, exact numbers and any text: alone, as a plain row, and in arrays."""
    expected = [things(*keys), things(6), things(*keys)]
    alone, whole, lines = await read.rows(
        Part.of_keys(IN_ORDER, keys), Part.of_keys(BY_ID, [6]), Part.of_keys(IN_ORDER._replace(is_unique=True), keys)
    )
    assert [repr(alone), repr(whole), repr(lines)] == expected
    assert len(read.told) == 1
    assert repr((await read.rows(Part.of_keys(IN_ORDER, keys)))[0]) == things(*keys)


async def test_no_rows_at_all(read: Reader) -> None:
    for keys in ([77], [77, 78], []):
        for others in ([2], [88], []):
            found = await read(
                Part.of_keys(BY_ID, keys),
                Part.of_keys(BY_OTHER, others),
                Part.of_keys(LABELS, [77]),
                *_none_below(keys),
            )
            assert [table.columns for table in found] == [
                COLUMNS,
                ("other_id", "id"),
                ("id", "label"),
                COLUMNS,
                COLUMNS,
            ]
            assert [len(table.values) for table in found] == [6, 2, 2, 6, 6]
            assert [rows_of(table) for table in found] == [[], [(2, 1), (2, 4)] if others == [2] else [], [], [], []]
            assert len(read.told) == 1
    for keys in ([77], [77, 78], []):
        [alone] = await read(Part.of_keys(BY_ID, keys))
        assert [list(values) for values in alone.values] == [[]] * 6


def _none_below(keys: list[int]) -> list[Part]:
    """What follows a part without rows, and what follows that."""
    first = Part.of_keys(BY_ID, keys)
    parts = [first, first, first]
    second = Part.following(BY_ID, parts, 0, "other_id")
    return [second, Part.following(BY_ID, [*parts, second], 3, "other_id")]


async def test_keys_are_found_in_the_rows_of_another(read: Reader) -> None:
    first = Part.of_keys(IN_ORDER, [1, 2, 3, 4, 5, 6])
    # 2 twice, 3, nothing twice, and one that there is not.
    second = Part.following(IN_ORDER, [first], 0, "other_id")
    third = Part.following(LABELS, [first, second], 1, "other_id")
    fourth = Part.following(BY_OTHER, [first, second, third], 2, "id")
    found = await read.rows(first, second, third, fourth)
    assert [repr(rows) for rows in found[:2]] == [things(1, 2, 3, 4, 5, 6), things(2, 3)]
    assert found[2:] == [[(3, "NULL")], [(3, 2)]]
    assert len(read.told) == 1


async def test_rows_come_once_however_often_their_keys_do(read: Reader) -> None:
    for query, column, may_repeat in (
        (IN_ORDER, "other_id", True),
        (IN_ORDER, "id", True),
        (BY_ID, "other_id", True),
        (BY_ID, "id", False),
    ):
        # 2 twice, and nothing.
        first = Part.of_keys(query, [1, 3, 4])
        labels = [(number, THINGS[number - 1][5]) for number in ([2] if column == "other_id" else [4, 3, 1])]
        for following, looks_for_each in ((LABELS, False), (EACH_LABEL, True)):
            found = await read.rows(first, Part.following(following, [first], 0, column))
            assert sorted(found[1], reverse=True) == labels
            assert ("DISTINCT" in read.told[0]) is (looks_for_each and may_repeat)


async def test_a_row_of_packs_stands_for_many(read: Reader) -> None:
    of_one: Rows = [(1, 2, 0.5), (1, 3, None), (1, 2, -1e300)]
    for keys, rows in (
        ([1], of_one),
        ([1, 2, 3, 4], [*of_one, (2, 6, 0.0), (3, 2, 1.0)]),
        ([4], []),
        ([5], []),
        ([], []),
    ):
        first = Part.of_keys(PACKED, keys)
        second = Part.following(BY_ID, [first], 0, "id")
        assert await read.rows(first) == [rows]
        [packed, found] = await read.rows(first, second)
        assert packed == rows
        assert sorted(row[0] for row in found) == sorted({id for _, id, _ in rows})


async def test_what_follows_one_row_is_one_row(read: Reader) -> None:
    first = Part.of_keys(BY_ID, [1])
    second = Part.following(BY_ID, [first], 0, "other_id")
    third = Part.following(BY_ID, [first, second], 1, "other_id")
    fourth = Part.following(BY_ID, [first, second, third], 2, "other_id")
    beside = Part.following(BY_OTHER, [first, second, third, fourth], 0, "other_id")
    assert [part.is_row for part in (first, second, third, fourth, beside)] == [True, True, True, True, False]
    found = await read.rows(first, second, third, fourth, beside)
    # 1 → 2 → 3 → NULL
    assert [repr(rows) for rows in found] == [things(1), things(2), things(3), "[]", repr([(2, 1), (2, 4)])]
    assert "array_agg" in read.told[0]
    await read(first, second, third, fourth)
    assert "array_agg" not in read.told[0]


async def test_one_row_beside_many(read: Reader) -> None:
    """One row is not repeated for the others, and what lacks takes nothing along."""
    parts = [Part.of_keys(BY_ID, [2]), Part.of_keys(BY_ID, [77]), Part.of_keys(LABELS, [1, 2, 3])]
    expected: list[Rows] = [[BY_NUMBER[2]], [], [(3, "NULL"), (2, ""), (1, THINGS[0][5])]]
    for order in permutations(range(3)):
        assert await read.rows(*(parts[place] for place in order)) == [expected[place] for place in order]


async def test_parameters_of_the_same_name(read: Reader) -> None:
    keys = [1, 2, 3, 4, 5, 6]
    found = await read.rows(
        Part.of_keys(between(2, 3), keys),
        Part.of_keys(between(5, 9), keys),
        Part.of_keys(between(1, 9), [4]),
        Part.following(between(3, 8), [Part.of_keys(BY_ID, keys)] * 4, 0, "id"),
    )
    assert found == [[(2, 3), (3, 3)], [(5, 9), (6, 9)], [(4, 9)], [(3, 8)]]
    assert len(read.told) == 1


async def test_the_live_and_the_settled_are_chosen_for_the_whole(read: Reader) -> None:
    with read.database.connect() as owner:
        user_id = add_user(owner, read.organization_id)
        lab_id = add_lab(owner, read.organization_id)
        add_attempt(owner, read.organization_id, user_id, lab_id)
    days = Query(
        sql("SELECT user_id, attempts FROM user_days_live WHERE user_id = ANY (:ids)", on_users("ids")),
        "ids",
        ("user_id", "attempts"),
    )
    labs = Query(
        sql("SELECT user_id, attempts FROM user_lab_totals_live WHERE user_id = ANY (:ids)", on_users("ids")),
        "ids",
        ("user_id", "attempts"),
    )
    first = Part.of_keys(days, [user_id])
    parts = [first, Part.following(labs, [first], 0, "user_id")]
    assert await read.rows(*parts) == [[(user_id, 1)], [(user_id, 1)]]
    [text] = read.told
    assert ("FROM user_days_live" in text, "FROM user_lab_totals_live" in text) == (True, True)
    with read.database.connect(None) as admin:
        admin.execute("SET ROLE scoregraph_worker")
        assert fold(admin)
    assert await read.rows(*parts) == [[(user_id, 1)], [(user_id, 1)]]
    [text] = read.told
    assert "_live" not in text
    assert ("FROM user_days " in text, "FROM user_lab_totals " in text) == (True, True)


async def test_what_asks_for_pending_changes_is_left_out_where_there_are_none() -> None:
    asked = sql("SELECT 1 /*pending*/ + (SELECT count(*)\nFROM attempt_deltas) /*.*/ + 2 /*pending*/ + 3 /*.*/ + 4")
    assert "/*pending*/ + 3" in asked.sql
    assert asked.settled_sql == "SELECT 1  + 2  + 4"


async def test_changes_concern_the_whole_as_they_concern_its_parts(read: Reader) -> None:
    first = Part.of_keys(IN_ORDER, [1, 2, 3, 6])
    second = Part.following(LABELS, [first], 0, "other_id")
    third = Part.following(IN_ORDER, [first, second], 1, "id")
    fourth = Part.of_keys(between(0, 9), [1])
    found = await read(first, second, third, fourth)
    together = read.reading.tags
    alone: set[str] = set()
    for part, keys in (
        (first, [1, 2, 3, 6]),
        (second, [key for key in found[0].column("other_id") if key is not None]),
        (third, list(found[1].column("id"))),
        (fourth, [1]),
    ):
        await read(Part.of_keys(part.query, keys))
        alone |= read.reading.tags
    assert together == alone
    assert {"user:1", "group:2", "group:99", f"catalogue:{read.organization_id}"} <= together
    assert not any("None" in tag for tag in together)


async def test_an_answer_is_fleeting_or_personal_if_any_part_is(read: Reader) -> None:
    plain = Part.of_keys(LABELS, [1, 2])
    await read(plain, plain)
    assert (read.reading.fleeting, read.reading.is_personal) == (None, False)
    for other, is_fleeting, is_personal in ((CLOCK, True, False), (WHO, False, True)):
        for parts in (
            [Part.of_keys(other, [1])],
            [Part.of_keys(other, [1, 2])],
            [plain, Part.of_keys(other, [1])],
            [plain, Part.following(other, [plain], 0, "id")],
            # Also where there is nothing to tell the time of.
            [Part.of_keys(LABELS, [77]), Part.following(other, [plain], 0, "id")],
        ):
            await read(*parts)
            found = (read.reading.fleeting is not None, read.reading.is_personal)
            assert found == (is_fleeting, is_personal), parts


async def test_a_part_that_fails(read: Reader) -> None:
    """Fails with what it fails with alone; the snapshot can read on."""
    broken = Query(sql("SELECT id, 1 / (id - id) FROM things WHERE id = ANY (:ids)", ON_CATALOGUE), "ids", ("id", "no"))
    snapshot = Snapshot(read.pool, ADMIN)
    first = Part.of_keys(BY_ID, [1])
    for parts in (
        [Part.of_keys(broken, [1])],
        [first, Part.of_keys(broken, [1, 2])],
        [first, Part.following(broken, [first], 0, "id")],
    ):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await read_together(snapshot, parts)
        assert [rows_of(table) for table, _ in await read_together(snapshot, [first, first])] == [[THINGS[0]]] * 2
    await snapshot.aclose()
    assert read.pool.in_use == 0


async def test_what_rows_come_to_for_each_key(read: Reader) -> None:
    snapshot = Snapshot(read.pool, ADMIN)
    keys = [4, 77, 1]
    narrow = Batch(lambda: LABELS, row_of_each())
    assert [row and tuple(row) for row in await narrow(snapshot, keys)] == [(4, THINGS[3][5]), None, (1, THINGS[0][5])]
    assert await Batch(lambda: LABELS, value_of_each)(snapshot, [5, 77, 2]) == [None, None, ""]
    below = Batch(lambda: BY_OTHER, table_of_each)
    for others in ([3, 77, 2], [2], [77]):
        expected = {3: [(3, 2)], 2: [(2, 1), (2, 4)], 77: []}
        assert [rows_of(table) for table in await below(snapshot, others)] == [expected[key] for key in others]
    pages = Batch(lambda: BY_OTHER, page_of_each(None))
    found = await pages(snapshot, [3, 77, 2])
    assert [[(row.id, values) for row, values in page] for page in found] == [[(2, ())], [], [(1, ()), (4, ())]]
    await snapshot.aclose()
