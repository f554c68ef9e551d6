"""Values that no resolver should give: the compiled executor answers them as the standard one does, or leaves them to it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, Undefined

from tests.execution.loading import Both
from tests.execution.odd_schema import FIELDS, Cat, Colour, Dog, Holding, Kitten, Made, Size, Stone, raising, schema

# Of how many of the 540 fields each value is given.
FIELDS_EACH = min(len(FIELDS), max(6, int(os.environ.get("SCOREGRAPH_EXAMPLES", "0")) // 20))

GOOD = {
    "int": 2,
    "float": 0.5,
    "text": "text",
    "id": "id",
    "bool": True,
    "colour": Colour.RED,
    "size": Size.SMALL,
    "even": 4,
    "at": datetime(2026, 1, 1, tzinfo=UTC),
    "stone": Stone(weight=2.5),
    "named": Cat(name="Tom"),
    "pet": Dog(name="Rex", tricks=["sit"]),
}
BELOW = {
    "stone": "{ weight __typename }",
    "named": "{ __typename name ... on Cat { lives } ... on Dog { tricks friend { name } } }",
    "pet": "{ ... on Named { name } ... on Dog { tricks friend { name } } }",
}


class Awaited:
    def __repr__(self) -> str:
        return "awaited"

    def __await__(self) -> Iterator[Any]:
        return 5
        yield


class List(list):  # type: ignore[type-arg]
    pass


def numbers() -> Iterator[int]:
    yield 2
    yield 4


def broken_numbers() -> Iterator[int]:
    yield 2
    raise ValueError("midway")


async def later_numbers() -> AsyncIterator[int]:
    yield 2


ODD: dict[str, Any] = {
    "null": None,
    "undefined": Undefined,
    "true": True,
    "zero": 0,
    "two": 2,
    "largest int": 2**31 - 1,
    "too large": 2**31,
    "smallest int": -(2**31),
    "too small": -(2**31) - 1,
    "no float": 10**400,
    "half": 0.5,
    "whole": 2.0,
    "nan": float("nan"),
    "infinite": float("inf"),
    "less than all": -float("inf"),
    "negative zero": -0.0,
    "decimal": Decimal("2.5"),
    "digits": "12",
    "empty": "",
    "surrogate": "\ud800",
    "bytes": b"abc",
    "an enum's member": Colour.RED,
    "an enum's value": "red",
    "an enum's name": "RED",
    "another enum's member": Size.LARGE,
    "instant": datetime(2026, 1, 1, tzinfo=UTC),
    "dict": {"name": "x", "weight": 2.0},
    "class": int,
    "list": [2, 4],
    "tuple": (2, 4),
    "set": {2},
    "list of a class of its own": List([2]),
    "lists of lists": [[2, None], None, [4]],
    "list of null": [None],
    "generator": Made(numbers),
    "broken generator": Made(broken_numbers),
    "async generator": Made(later_numbers),
    "raised": raising(ValueError("no")),
    "raised with extensions": raising(GraphQLError("gone", extensions={"code": "X"})),
    "raised by depth": raising(RecursionError("deep")),
    "an exception": ValueError("as a value"),
    "exception in a list": [2, ValueError("in a list"), 4],
    "exceptions in lists of lists": [[2, KeyError("deep")], ValueError("shallow"), [4]],
    "awaitable": Made(Awaited),
    "awaitable in a list": Made(lambda: [2, Awaited()]),
    "cat": Cat(name="Tom"),
    "broken cat": Cat(name=5, lives=2**40),  # type: ignore[arg-type]
    "kitten": Kitten(name="Kit"),
    "dog": Dog(name="Rex", tricks=["sit", None]),  # type: ignore[list-item]
    "stone": Stone(weight=1.5),
    "pets": [Cat(name="Tom"), Dog(name="Rex", tricks=["sit"]), Cat(name=None)],  # type: ignore[arg-type]
    "pets in lists of lists": [[Cat(name="Tom"), None], None],
    "pets and others": [Cat(name="Tom"), None, Stone(weight=2), ValueError("no pet")],
    "stones": [Stone(weight=1), Stone(weight=float("nan"))],
    "a cat that says it is a dog": Made(lambda: strawberry.cast(Dog, Cat(name="Tom"))),
}


@pytest.fixture(scope="module")
def both() -> Both:
    return Both(schema)


def shaped(leaf: str, shape: str) -> Any:
    good = GOOD[leaf]
    return {"sure_list": [good], "maybe_list": [good], "nested": [[good]]}.get(shape, good)


def selection(name: str) -> str:
    return f"{name} {BELOW.get(name.split('_')[0], '')}"


@pytest.mark.parametrize("way", sorted({way for _, _, way in FIELDS.values()}))
async def test_what_fits_is_never_left_to_the_standard_executor(both: Both, way: str) -> None:
    for name, (_, shape, field_way) in FIELDS.items():
        if field_way == way:
            value = shaped(name.split("_")[0], shape)
            answer, bailout = await both(f"{{ holders {{ {selection(name)} }} }}", lambda held=value: Holding([held]))
            assert (name, answer.errors, bailout) == (name, None, None)


@pytest.mark.parametrize("odd", ODD)
async def test_odd_values_answer_alike(both: Both, odd: str) -> None:
    for name in Random(odd).sample(sorted(FIELDS), FIELDS_EACH):
        _, shape, way = FIELDS[name]
        if way in ("attribute", "column") and isinstance(ODD[odd], Made):
            continue
        good = shaped(name.split("_")[0], shape)
        for document, held in (
            (f"{{ holders {{ {selection(name)} }} }}", [good, ODD[odd], good]),
            (f"{{ holder {{ again: {selection(name)} __typename {selection(name)} }} }}", [ODD[odd]]),
        ):
            await both(document, lambda held=held: Holding(held))
