"""Lists by column answer as lists of objects do, whatever is asked of them and whatever is in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.execution.loading import Both
from tests.execution.row_schema import NUMBERS, TEXTS, Rows, schema

DOCUMENTS = {
    "leaves": "{ rows { number text sum } }",
    "one leaf": "{ rows { number } }",
    "a formula that may fail": "{ rows { share text } }",
    "no leaf": "{ rows { __typename } }",
    "no leaf at any level": "{ rows { inner { __typename } t: __typename middle { __typename inner { __typename } } } }",
    "the same row": "{ rows { inner { number double } middle { text inner { number } maybeInner { double } } } }",
    "the same row, waiting": "{ rows { middle { text waiting { text thrice } } number } }",
    "references": "{ rows { itself { text loaded } loaded } }",
    "references of references": "{ rows { itself { itself { itself { number } } isOdd rows { number } } } }",
    "references to an interface": "{ rows { numbered { __typename number ... on Inner { double } } } }",
    "resolvers that say what they need": "{ rows { isOdd letters l2: letters(times: 2) } }",
    "lists in lists": "{ rows { rows(first: 3) { number rows { text letters itself { number } } } } }",
    "resolvers that do not say": "{ rows { anything number } }",
    "resolvers that do not say, deeper": "{ rows { rows { anything } } }",
    "nulls where none may be": "{ rows { sure } sureRows(place: 1) { number } }",
    "items that may be null": "{ maybeRows { sure text } }",
    "references that may not be null": "{ maybeRows { same { number } } }",
    "several lists": "{ allRows { number letters } }",
    "several lists, with references": "{ allRows { itself { number } middle { waiting { thrice } } } }",
    "several lists, as objects": "{ allRows { anything } }",
    "some as objects": "{ mixed { number } }",
    "some as objects, waiting": "{ mixed { number letters itself { text } } }",
    "below another object": "{ page { rows { number } more } }",
    "twice below another object": "{ page { a: rows { number } b: rows { text letters } more } }",
    "objects of an interface": "{ numbered { number ... on Inner { double } } }",
    "an empty list of objects": "{ listsOfNone { number itself { number } } }",
    "fields of fragments": """{ rows { ...A ...B inner { number } } }
      fragment A on Row { inner { double } itself { number } }
      fragment B on Row { number itself { text } ... on Row { middle { inner { double } } } }""",
}
ROWS: dict[str, Callable[[], Rows]] = {
    "lists": lambda: Rows([1, 2, 3], [4], None, [], [5, 6]),
    "equal rows": lambda: Rows([1, 1, 1, 2], [1]),
    "no rows": lambda: Rows([], []),
    "no lists": lambda: Rows(None, None),
    "nulls": lambda: Rows([1, None, 3], [None]),
    "loads that fail": lambda: Rows([1, 2, 3], [2], fails=frozenset({2})),
    "loads that fail for equal rows": lambda: Rows([2, 2, 3], [2], fails=frozenset({2})),
    "values that do not fit": lambda: Rows([1, 2**31, 3], ["x", 2]),
    "zero": lambda: Rows([0, 1], [0]),
}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both(schema)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("document", DOCUMENTS)
async def test_columns_answer_as_objects_do(both: Both, document: str, rows: str) -> None:
    answer, bailout = await both(DOCUMENTS[document], ROWS[rows])
    assert answer.data is None or answer.data
    if rows in ("lists", "equal rows", "no rows"):
        assert (answer.errors, bailout) == (None, None)


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ("leaves", {NUMBERS, TEXTS}),
        ("one leaf", {NUMBERS}),
        ("no leaf", set()),
        ("no leaf at any level", set()),
        ("the same row, waiting", {NUMBERS, TEXTS}),
        ("references", {NUMBERS}),
        ("resolvers that say what they need", {NUMBERS, TEXTS}),
        ("resolvers that do not say", None),
        ("resolvers that do not say, deeper", {NUMBERS}),
        ("below another object", {NUMBERS}),
        ("twice below another object", {NUMBERS, TEXTS}),
        ("fields of fragments", {NUMBERS}),
    ],
)
async def test_no_more_columns_are_asked_for_than_are_shown(both: Both, document: str, wanted: set[str] | None) -> None:
    rows = Rows([1, 2])
    await both.executor.run(both.prepared(DOCUMENTS[document]), None, rows)
    assert rows.seen[0] == wanted
