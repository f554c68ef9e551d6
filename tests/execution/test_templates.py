"""Arguments are converted once and filled in with the values of variables: what resolvers get is the same as each time anew."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.types.info import Info

from tests.execution.loading import Both, LoadingContext


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = strawberry.enum_value("blue")


@strawberry.input
class Inner:
    number: int = 1
    colour: Colour | None = None
    maybe: strawberry.Maybe[str]
    either: strawberry.Maybe[int | None]


@strawberry.input
class Outer:
    inner: Inner | None = None
    inners: list[Inner] | None = None
    name: str | None = "nobody"


@strawberry.input
class Checked:
    number: int

    def __post_init__(self) -> None:
        """A template would not be asked whether the value will do."""
        if self.number == 3:
            raise ValueError("not 3")


@strawberry.input(one_of=True)
class OneOf:
    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]


@strawberry.type
class Query:
    @strawberry.field
    def told(
        self,
        info: Info[Any, Any],
        number: int | None = 7,
        numbers: list[int | None] | None = None,
        colour: Colour = Colour.RED,
        outer: Outer | None = None,
        one_of: OneOf | None = None,
    ) -> str:
        assert info.context is not None
        return repr((info.field_name, number, numbers, colour, outer, one_of))

    @strawberry.field
    def checked(self, given: Checked) -> int:
        return given.number


schema = strawberry.Schema(Query)

DOCUMENTS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "none": ('{ told(number: 5, outer: {name: "a", inner: {maybe: "b"}}) }', [{}]),
    "a leaf": ("query ($n: Int) { told(number: $n) }", [{"n": 1}, {"n": 2}, {"n": None}, {}, {"n": 3}]),
    "a leaf with a default": ("query ($n: Int = 4) { told(number: $n) }", [{"n": 1}, {"n": None}, {}, {"n": 3}]),
    "an enumeration": ("query ($c: Colour!) { told(colour: $c) }", [{"c": "RED"}, {"c": "BLUE"}, {"c": "RED"}]),
    "a list": ("query ($l: [Int]) { told(numbers: $l) }", [{"l": [1, 2]}, {"l": 3}, {"l": []}, {"l": None}, {}]),
    "in a list": ("query ($n: Int) { told(numbers: [$n, 2, $n]) }", [{"n": 1}, {"n": 5}, {"n": None}, {}]),
    "an object": (
        "query ($o: Outer) { told(outer: $o) }",
        [{"o": {"name": "a"}}, {"o": {"inners": [{"maybe": "b", "colour": "BLUE"}]}}, {"o": None}, {}],
    ),
    "in an object": (
        """query ($n: Int!, $s: String, $c: Colour) {
          told(outer: {name: $s, inner: {number: $n, colour: $c}, inners: [{maybe: "x"}, {number: $n}]}) }""",
        [
            {"n": 1, "s": "a", "c": "RED"},
            {"n": 2, "s": "b", "c": "BLUE"},
            {"n": 2, "s": None, "c": "BLUE"},
            {"n": 2},
            {"n": 3, "s": "c", "c": "RED"},
        ],
    ),
    "what may be left out": (
        "query ($s: String!, $n: Int) { told(outer: {inner: {maybe: $s, either: $n}}) }",
        [{"s": "a", "n": 1}, {"s": "b", "n": None}, {"s": "c"}, {"s": "d", "n": 2}],
    ),
    "one of several": ("query ($s: String!) { told(oneOf: {name: $s}) }", [{"s": "a"}, {"s": "b"}]),
    "several fields": (
        "query ($n: Int!) { told(number: $n) again: told(outer: {inner: {number: $n}}) last: told(numbers: [$n]) }",
        [{"n": 1}, {"n": 2}],
    ),
    "objects that check their values": (
        "query ($n: Int!) { checked(given: {number: $n}) }",
        [{"n": 1}, {"n": 3}, {"n": 2}],
    ),
}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both(schema)


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_arguments_are_those_of_the_request(both: Both, document: str) -> None:
    text, variables = DOCUMENTS[document]
    operation = both.prepared(text)
    for given in (*variables, *variables[::-1]):
        compiled = await both.executor.run(operation, given, LoadingContext())
        stock = await both.executor.run(operation, given, LoadingContext(), compiled=False)
        assert (compiled.data, repr(compiled.errors)) == (stock.data, repr(stock.errors)), given
        assert (
            document == "objects that check their values" or not compiled.errors or None in given.values() or not given
        )
