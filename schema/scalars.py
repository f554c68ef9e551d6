"""Scalars for whole numbers beyond 32 bits and for free-form data."""

from __future__ import annotations

from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from execution.columns import in_line

LARGEST = 2**63 - 1

BigInt = NewType("BigInt", int)
JSON = NewType("JSON", object)


def _parse_big_int(value: object) -> int:
    if (
        isinstance(value, str)
        and len(value) <= 20
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise ValueError("BigInt is a whole number of at most 63 bits, as a string or number.")
    return value


# Most counts are small.
TEXTS = tuple(map(str, range(1000)))


@in_line("{0}.__class__ is int", "(TEXTS[{0}] if 0 <= {0} < 1000 else str({0}))", TEXTS=TEXTS)
def _serialize_big_int(value: int | str) -> str:
    return str(int(value))


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number that may exceed 32 bits; a string in answers, a string or number in inputs.",
        serialize=_serialize_big_int,
        parse_value=_parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
