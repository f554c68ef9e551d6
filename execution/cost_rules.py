"""What the schema says about the cost of each field, and what the arguments of a field say about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FloatValueNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_list_type,
    is_object_type,
)
from graphql.language import EnumValueNode

from execution.cost_directives import CountedList, FieldCost, ListSize

CEILING = 10**9
"""No count goes beyond this: it is far above every limit, and every JSON reader takes it."""

DIGITS = 12
"""Of a number in a document: more of them only say that it is beyond the ceiling."""

UNSIZED = 100
"""The length of a list that the schema says nothing about."""

MUTATION = 10
"""What a field of Mutation costs, if it has no @cost."""

LEVELS = 3
"""How far arguments are looked into. What sizes lists is near the top; what clients nest has no end."""


class FieldRule:
    """Of one field of one object type."""

    def __init__(self, schema: GraphQLSchema, parent: GraphQLObjectType, name: str) -> None:
        field = parent.fields[name]
        directives = _directives(field)
        named = get_named_type(field.type)
        self.size = next((found for found in directives if isinstance(found, ListSize)), None)
        self.weight = _weight(directives, MUTATION if parent is schema.mutation_type else 0)
        self.is_list = _is_list(field.type)
        self.is_page = self.size is not None and not self.is_list
        self.kinds: tuple[GraphQLObjectType, ...] = ()
        if is_object_type(named):
            self.kinds = (named,)
        elif is_abstract_type(named):
            self.kinds = tuple(schema.get_possible_types(named))
        self._argument_weights = {
            key: weight for key, argument in field.args.items() if (weight := _weight(_directives(argument), 0))
        }
        self._defaults = {
            key: argument.default_value
            for key, argument in field.args.items()
            if argument.default_value is not Undefined
        }
        self._reads = {*self._argument_weights, *_sized_by(self.size)}

    def depends(self, node: FieldNode) -> bool:
        """Whether variables have a say in ``read``."""
        return any(
            argument.name.value in self._reads and _has_variable(argument.value, LEVELS)
            for argument in node.arguments or ()
        )

    def read(self, node: FieldNode, variables: Mapping[str, Any]) -> tuple[int, int]:
        """How long the list is that the field sizes, and what its arguments cost."""
        given = {
            argument.name.value: value
            for argument in node.arguments or ()
            if argument.name.value in self._reads
            and (value := value_of(argument.value, variables, LEVELS)) is not Undefined
        }
        extra = sum(
            weight
            for name, weight in self._argument_weights.items()
            if given.get(name) is not None and given[name] is not False
        )
        return (UNSIZED if self.size is None else self._length(self.size, {**self._defaults, **given})), extra

    def _length(self, size: ListSize, arguments: Mapping[str, Any]) -> int:
        if isinstance(size, CountedList):
            lengths: list[Any] = [size.count(*(arguments.get(name) for name in size.counted_by))]
        else:
            lengths = [arguments.get(name) for name in size.slicing_arguments or ()]
        return max((found for length in lengths if (found := _whole(length)) is not None), default=_assumed(size))


class Rules:
    """Of one schema; each is made when it is first needed."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._fields: dict[tuple[str, str], FieldRule] = {}
        self._names: dict[str, frozenset[str]] = {}

    def field(self, parent: GraphQLObjectType, name: str) -> FieldRule:
        rule = self._fields.get((parent.name, name))
        if rule is None:
            rule = self._fields[parent.name, name] = FieldRule(self.schema, parent, name)
        return rule

    def applies(self, condition: str, kind: GraphQLObjectType) -> bool:
        """Whether a fragment on the type named ``condition`` is about objects of ``kind``."""
        names = self._names.get(kind.name)
        if names is None:
            abstract = (other for other in self.schema.type_map.values() if is_abstract_type(other))
            names = frozenset([kind.name, *(other.name for other in abstract if self.schema.is_sub_type(other, kind))])
            self._names[kind.name] = names
        return condition in names


def value_of(node: ValueNode, variables: Mapping[str, Any], levels: int = 1) -> Any:
    """The value as it is written, or sent, without coercion; Undefined for a variable that was not sent.

    Below ``levels`` of lists and objects everything is None.
    """
    match node:
        case VariableNode():
            return variables.get(node.name.value, Undefined)
        case IntValueNode():
            return int(node.value[:DIGITS])
        case FloatValueNode():
            return float(node.value)
        case BooleanValueNode() | StringValueNode() | EnumValueNode():
            return node.value
        case ListValueNode() if levels:
            return [value_of(item, variables, levels - 1) for item in node.values]
        case ObjectValueNode() if levels:
            return {entry.name.value: value_of(entry.value, variables, levels - 1) for entry in node.fields}
    return None


def _has_variable(node: ValueNode, levels: int) -> bool:
    match node:
        case VariableNode():
            return True
        case ListValueNode() if levels:
            return any(_has_variable(item, levels - 1) for item in node.values)
        case ObjectValueNode() if levels:
            return any(_has_variable(entry.value, levels - 1) for entry in node.fields)
    return False


def _whole(value: Any) -> int | None:
    """A length from whatever was sent: what is no number is none, and what is out of range its edge."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not isfinite(value):
        return CEILING
    return int(min(max(value, 0), CEILING))


def _assumed(size: ListSize) -> int:
    return size.assumed_size if isinstance(size.assumed_size, int) else UNSIZED


def _sized_by(size: ListSize | None) -> Iterable[str]:
    if size is None:
        return ()
    return size.counted_by if isinstance(size, CountedList) else size.slicing_arguments or ()


def _weight(directives: Iterable[object], otherwise: int) -> int:
    return next((int(found.weight) for found in directives if isinstance(found, FieldCost)), otherwise)


def _directives(owner: Any) -> list[object]:
    definition = (owner.extensions or {}).get("strawberry-definition")
    return list(getattr(definition, "directives", None) or ())


def _is_list(kind: Any) -> bool:
    return is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
