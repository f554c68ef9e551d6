"""Leaf values: those of the expected Python type pass as they are, others go through graphql-core's coercion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

from execution.compiled.bail import Bail

Coerce = Callable[[Any], Any]

# Tests in Python of which values need no coercion, by the name of the scalar.
FITS = {
    GraphQLString.name: "{0}.__class__ is str",
    GraphQLID.name: "{0}.__class__ is str",
    GraphQLBoolean.name: "{0}.__class__ is bool",
    GraphQLInt.name: "{0}.__class__ is int and -2147483648 <= {0} <= 2147483647",
    # Infinities and NaN are not equal to zero when taken from themselves.
    GraphQLFloat.name: "{0}.__class__ is float and {0} - {0} == 0.0",
}


# Values of these classes can be handed to a scalar's own serializer at once: none of them is an error or null.
PLAIN = frozenset({bool, date, datetime, Decimal, float, int, str})


def coercion_of(leaf: GraphQLLeafType, *, nullable: bool) -> Coerce:
    """How any value of a leaf is completed. Raises Bail for what would be an error."""
    if isinstance(leaf, GraphQLEnumType):
        return _enum(leaf, nullable=nullable)
    coerce_output_value = leaf.coerce_output_value

    def coerce(value: Any) -> Any:
        if value is None and nullable:
            return None
        return _checked(coerce_output_value, value)

    return coerce


@cache
def completion_of(leaf: GraphQLLeafType, *, nullable: bool) -> Callable[[list[Any]], list[Any]]:
    """How many values of a leaf are completed at once. Raises Bail for what would be an error."""
    coerce = coercion_of(leaf, nullable=nullable)
    fits = FITS.get(leaf.name)
    if fits is None:
        return lambda values: [coerce(value) for value in values]
    passes = f"({fits.format('value')})" + (" or value is None" if nullable else "")
    # Nothing in it comes from a document.
    complete: Callable[[list[Any]], list[Any]] = eval(  # noqa: S307
        f"lambda values: [value if {passes} else coerce(value) for value in values]", {"coerce": coerce}
    )
    return complete


def _enum(leaf: GraphQLEnumType, *, nullable: bool) -> Coerce:
    names: dict[Any, str] = {}

    def coerce(value: Any) -> Any:
        if value is None and nullable:
            return None
        try:
            return names[value]
        except (KeyError, TypeError):
            name = _checked(leaf.coerce_output_value, value)
        names[value] = name
        return name

    return coerce


def _checked(coerce_output_value: Coerce, value: Any) -> Any:
    if value is None or value is Undefined:
        raise Bail("null")
    if isinstance(value, Exception):
        raise Bail("error")
    # A scalar may take whatever it is given: an awaitable must not get that far.
    if hasattr(value, "__await__"):
        raise Bail("type")
    try:
        coerced = coerce_output_value(value)
    except Exception:
        raise Bail("coercion") from None
    if coerced is None or coerced is Undefined:
        raise Bail("coercion")
    return coerced
