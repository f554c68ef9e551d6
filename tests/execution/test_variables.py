"""Variables are read as graphql-core reads them, however quickly."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import get_variable_values

from execution.operations import Operation, RequestErrors
from execution.variables import variables_of

SCHEMA = build_schema(
    """
    enum Colour { RED GREEN }
    scalar Anything
    input Box { colour: Colour!, size: Int = 3 }
    type Query { a: Int }
    """
)
TYPES = (
    "Int",
    "Float",
    "String",
    "Boolean",
    "ID",
    "Colour",
    "Anything",
    "Box",
    "[Int]",
    "[Colour!]",
    "Missing",
    "Query",
)
VALUES = (
    None,
    0,
    7,
    2**40,
    2.0,
    2.5,
    "",
    "RED",
    "BLUE",
    True,
    [],
    [1, "RED"],
    {"colour": "RED"},
    {"colour": "BLUE"},
    {"size": 1},
)
LEFT_OUT = object()


def operation_of(text: str) -> Operation:
    document = parse(text)
    (node,) = document.definitions
    assert isinstance(node, OperationDefinitionNode)
    return Operation(text, None, document, node, {})


def outcomes(text: str, given: dict[str, Any]) -> tuple[Any, Any]:
    """What comes of it here, twice alike, and by graphql-core."""
    operation = operation_of(text)

    def ours() -> Any:
        try:
            return variables_of(SCHEMA, operation, given)
        except RequestErrors as error:
            return error.errors

    expected = get_variable_values(SCHEMA, operation.node.variable_definitions or (), given, hide_suggestions=True)
    found, again = ours(), ours()
    assert told(found) == told(again)
    return told(found), told(expected)


def told(values: Any) -> Any:
    if isinstance(values, list):
        return [error.message for error in values if isinstance(error, GraphQLError)]
    sources = [
        (name, source.value, str(source.signature.type), source.signature.default)
        for name, source in values.sources.items()
    ]
    return [(name, repr(value)) for name, value in values.coerced.items()], sources


@pytest.mark.parametrize("suffix", ["", "!", " = null", " = 1", " = RED"])
@pytest.mark.parametrize("type_", TYPES)
def test_one_of_each_type(type_: str, suffix: str) -> None:
    for value in (*VALUES, LEFT_OUT):
        found, expected = outcomes(f"query ($a: {type_}{suffix}) {{ a }}", {} if value is LEFT_OUT else {"a": value})
        assert found == expected, value


def test_several() -> None:
    for left, right in product(VALUES, repeat=2):
        found, expected = outcomes("query ($a: Int!, $b: Colour = RED) { a }", {"a": left, "b": right, "more": 1})
        assert found == expected, (left, right)


def test_none() -> None:
    for given in ({}, {"a": 1}):
        found, expected = outcomes("{ a }", given)
        assert found == expected == ([], [])
