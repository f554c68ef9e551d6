"""The variables of an operation, as their types want them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import GraphQLError, GraphQLSchema, Undefined, get_nullable_type, is_leaf_type
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values

from execution.limits import check_variables
from execution.operations import Operation, RequestErrors


class _Leaf(NamedTuple):
    """A variable of a scalar or enumeration."""

    name: str
    signature: GraphQLVariableSignature
    coerce: Callable[[Any], Any]


def variables_of(schema: GraphQLSchema, operation: Operation, given: dict[str, Any] | None) -> VariableValues:
    """Raises RequestErrors."""
    given = given or {}
    try:
        check_variables(given)
    except GraphQLError as error:
        raise RequestErrors(error) from None
    if not operation.node.variable_definitions:
        return VariableValues({}, {})
    if variables_of not in operation.memo:
        operation.memo[variables_of] = _leaves(schema, operation)
    leaves = operation.memo[variables_of]
    quickly = None if leaves is None else _leaf_values(leaves, given)
    return quickly or _values(schema, operation, given)


def _leaves(schema: GraphQLSchema, operation: Operation) -> list[_Leaf] | None:
    """The variables, if all of them are leaves."""
    leaves = []
    for definition in operation.node.variable_definitions or ():
        signature = get_variable_signature(schema, definition)
        type_ = None if isinstance(signature, GraphQLError) else get_nullable_type(signature.type)
        if isinstance(signature, GraphQLError) or not is_leaf_type(type_):
            return None
        leaves.append(_Leaf(signature.name, signature, type_.coerce_input_value))
    return leaves


def _leaf_values(leaves: list[_Leaf], given: Mapping[str, Any]) -> VariableValues | None:
    """None where anything is left out, null or wrong: graphql-core then knows what that means."""
    values = VariableValues({}, {})
    for name, signature, coerce in leaves:
        value = given.get(name)
        if value is None:
            return None
        try:
            coerced = coerce(value)
        except Exception:
            return None
        if coerced is Undefined:
            return None
        values.sources[name] = VariableValueSource(signature, value)
        values.coerced[name] = coerced
    return values


def _values(schema: GraphQLSchema, operation: Operation, given: dict[str, Any]) -> VariableValues:
    definitions = operation.node.variable_definitions or ()
    # What is suggested are names of the schema, which may not be for everybody.
    values = get_variable_values(schema, definitions, given, hide_suggestions=True)
    if isinstance(values, list):
        raise RequestErrors(*values)
    return values
