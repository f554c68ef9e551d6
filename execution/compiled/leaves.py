"""Leaf values: those of the expected Python type pass as they are, others go through graphql-core's coercion.

What is done to each value is written in line, as Python, into what is generated for a plan: a call for each would take longer
than all else.
"""

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

from execution.columns import Formula
from execution.compiled.bail import Bail

Coerce = Callable[[Any], Any]
Complete = Callable[[list[Any]], list[Any]]

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


class Names:
    """The names that generated Python uses of what is not in it; each is numbered."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def add(self, name: str, value: Any) -> str:
        numbered = f"{name}_{len(self.values)}"
        self.values[numbered] = value
        return numbered


def formula_in_line(formula: Formula, columns: list[str], names: Names) -> str:
    """What the formula says of columns, as an expression."""
    text = formula.in_line
    if "function" in text:
        text = text.replace("function", names.add("function", formula.function))
    return text.format(*columns)


def coercion_in_line(leaf: GraphQLLeafType, value: str, names: Names, *, nullable: bool) -> str:
    """The completed ``value``, which is the name of one, as an expression that raises Bail for what would be an error."""
    coerce = f"{names.add('coerce', coercion_of(leaf, nullable=nullable))}({value})"
    if fits := FITS.get(leaf.name):
        return f"{value} if {f'{value} is None or ' if nullable else ''}{fits.format(value)} else {coerce}"
    if written := getattr(leaf.coerce_output_value, "in_line", None):
        test, expression, given = written
        for name, constant in given.items():
            numbered = names.add(name, constant)
            test, expression = test.replace(name, numbered), expression.replace(name, numbered)
        return f"{expression.format(value)} if {test.format(value)} else {coerce}"
    return coerce


@cache
def completion_of(leaf: GraphQLLeafType, *, nullable: bool, formula: Formula | None = None) -> Complete:
    """How many values of a leaf are completed at once, or what a formula makes of each. Raises Bail for what would be an
    error, and whatever the formula raises.
    """
    names = Names()
    value = "" if formula is None else f" for value in ({formula_in_line(formula, ['given'], names)},)"
    completed = coercion_in_line(leaf, "value", names, nullable=nullable)
    # Nothing in it comes from a document.
    complete: Complete = eval(  # noqa: S307
        f"lambda values: [{completed} for {'given' if value else 'value'} in values{value}]", names.values
    )
    return complete


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
    if value.__class__ not in PLAIN:
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
