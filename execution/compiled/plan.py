"""Plans: which fields an object of a type is asked for, worked out once per operation.

A plan follows from the document alone, but for the variables of ``@skip`` and ``@include``: each combination of those has a
plan of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Node,
    get_named_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.language import Visitor, visit
from strawberry.types.field import StrawberryField

from execution.columns import ByKey, Column, Items, Needs, Reference, Related, RowIn, SameRow, declared_of
from execution.compiled.bail import Bail
from execution.compiled.leaves import Complete, completion_of
from execution.compiled.shapes import Shape
from execution.operations import Operation

DEFINITION = "strawberry-definition"
MOST_CHARACTERS = 500_000
"""Of the documents of all plans that are kept, each counted once for each of its plans."""

CHANCES = 3
REST = 100
"""For how many runs a plan is spared what disappointed ``CHANCES`` times in a row."""


@dataclass(eq=False)
class Plans:
    """The plans of one operation under one combination of ``@skip`` and ``@include``."""

    schema: GraphQLSchema
    operation: Operation
    variables: VariableValues
    fragments: Mapping[str, FragmentDetails]
    reads_once: bool | None = None
    """Whether one statement was enough for a query; None before it ran."""
    # How often in a row it may still turn out that it was not, or that what was expected was not so.
    _chances: int = CHANCES

    def may_read_once(self) -> bool:
        """Whether to try again what was enough before. While a plan rests, each question brings its next chance nearer."""
        if self.reads_once and self._chances <= 0:
            self._chances += 1
            return False
        return bool(self.reads_once)

    def did_read_once(self, *, well: bool) -> None:
        """Says how it went. After several disappointments in a row it is not tried for a while."""
        self._chances = CHANCES if well else self._chances - 1 or -REST

    @cached_property
    def object_types(self) -> dict[type, GraphQLObjectType]:
        """The types of the schema by the Python class of their objects."""
        return {
            type_.extensions[DEFINITION].origin: type_
            for type_ in self.schema.type_map.values()
            if isinstance(type_, GraphQLObjectType) and DEFINITION in (type_.extensions or {})
        }

    @cached_property
    def root(self) -> ObjectPlan:
        """Raises Bail for introspection."""
        root_type = self.schema.get_root_type(self.operation.kind)
        assert root_type is not None
        collected = collect_fields(self.schema, dict(self.fragments), self.variables, root_type, self.operation.node)
        return ObjectPlan(self, root_type, collected.grouped_field_set)

    def below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> ObjectPlan:
        collected = collect_subfields(
            self.schema, dict(self.fragments), self.variables, self.operation.node, type_, details
        )
        return ObjectPlan(self, type_, collected.grouped_field_set)


class KeptPlans:
    """The plans of a schema that were used last. One takes about 400 bytes for each character of its document, and a document
    has one for each combination of what its ``@skip`` and ``@include`` ask for.
    """

    def __init__(self, schema: GraphQLSchema, most_characters: int = MOST_CHARACTERS) -> None:
        self._schema = schema
        self._most_characters = most_characters
        self._characters = 0
        self._plans: OrderedDict[tuple[object, ...], Plans] = OrderedDict()

    def of(self, operation: Operation, variables: VariableValues) -> Plans:
        names = operation.memo.get("conditions")
        if names is None:
            names = operation.memo["conditions"] = _condition_variables(operation)
        conditions = [variables.coerced.get(name) for name in names]
        if None in conditions:
            raise Bail("arguments")
        key = (operation, *conditions)
        plans = self._plans.get(key)
        if plans is not None:
            self._plans.move_to_end(key)
            return plans
        fragments = {name: FragmentDetails(node) for name, node in operation.fragments.items()}
        plans = self._plans[key] = Plans(self._schema, operation, variables, fragments)
        self._characters += len(operation.text)
        while self._characters > self._most_characters:
            (oldest, *_), _ = self._plans.popitem(last=False)
            assert isinstance(oldest, Operation)
            self._characters -= len(oldest.text)
        return plans


class ObjectPlan:
    """The fields of an object type in the order of the answer."""

    def __init__(self, plans: Plans, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> None:
        self.type = type_
        definition = type_.extensions[DEFINITION]
        if definition.is_type_of is not None:
            raise Bail("type")
        # What a value of this type is an instance of; of a generic type also the class that it was made from.
        origins = {definition.origin, *([definition.concrete_of.origin] if definition.concrete_of else [])}
        self.classes = frozenset(origins)
        self.keys = list(grouped)
        self.projection: Any = None
        """Filled in when the plan is first run."""
        self.fields = [
            FieldPlan(plans, self, key, details)
            for key, details in grouped.items()
            if details[0].node.name.value != "__typename"
        ]

    @cached_property
    def columns(self) -> frozenset[str] | None:
        """The columns of the row behind the object that the fields need; None where not every field says what it needs."""
        found: set[str] = set()
        for each in self.fields:
            needed = each.columns
            if needed is None:
                return None
            found |= needed
        return frozenset(found)

    @cached_property
    def by_key(self) -> list[FieldPlan]:
        """The fields that are found by a key in the row behind the object."""
        found: list[FieldPlan] = []
        for each in self.fields:
            if isinstance(each.declared, Reference | Related):
                found.append(each)
            elif isinstance(each.declared, SameRow | Items):
                found += each.followed_by
        return found


class FieldPlan:
    """One field of the answer: what it is called, how it is resolved, and what its value is to become."""

    def __init__(self, plans: Plans, parent: ObjectPlan, key: str, details: FieldDetailsList) -> None:
        node = details[0].node
        if node.name.value.startswith("__"):
            raise Bail("introspection")
        definition: GraphQLField | None = plans.schema.get_field(parent.type, node.name.value)
        assert definition is not None, "validation knows every field"
        self.plans = plans
        self.parent = parent
        self.key = key
        self.details = details
        self.definition = definition
        self.type: GraphQLOutputType = definition.type
        self.shape = Shape.of(definition.type)
        self.nullable = self.shape.nullable
        self.named_type = get_named_type(definition.type)
        if getattr((self.named_type.extensions or {}).get(DEFINITION), "resolve_type", None) is not None:
            raise Bail("type")
        strawberry_field = (definition.extensions or {}).get(DEFINITION)
        if not isinstance(strawberry_field, StrawberryField) or strawberry_field.extensions:
            raise Bail("resolver")
        self.field = strawberry_field
        self.declared = declared_of(strawberry_field)
        base = strawberry_field.base_resolver
        if base is not None and base.self_parameter is None:
            raise Bail("resolver")
        self.resolver: Any = base.wrapped_func if base else None
        self.python_name = strawberry_field.python_name
        self.is_async = strawberry_field.is_async
        self.info_name = base.info_parameter.name if base and base.info_parameter else None
        self.takes_arguments = base is not None and bool(definition.args or self.info_name)
        """Whether its resolver wants more than the object that it is of."""
        self.definition_name = node.name.value
        self.variables = _variables_in(*(argument.value for argument in node.arguments or ()))
        """The names of the variables in its arguments, each as often as it stands there."""
        self.template: Any = None
        self.is_templated = False
        """Filled in when the field is first resolved."""
        self._below: dict[str, ObjectPlan] = {}
        self.layouts: dict[bool, Any] = {}
        """Filled in when rows first become its objects."""

    @property
    def nodes(self) -> list[FieldNode]:
        return [detail.node for detail in self.details]

    def below(self, type_: GraphQLObjectType) -> ObjectPlan:
        """What is asked of an object of this type that the field gives."""
        plan = self._below.get(type_.name)
        if plan is None:
            plan = self._below[type_.name] = self.plans.below(type_, self.details)
        return plan

    @cached_property
    def columns_below(self) -> frozenset[str] | None:
        """The columns that are needed of the rows that it gives; None for all."""
        return self.below(self.named_type).columns if isinstance(self.named_type, GraphQLObjectType) else None

    @cached_property
    def key_column(self) -> str:
        """The column of its object's row that has the key by which it is found."""
        assert isinstance(self.declared, Reference | Related)
        [name] = self.declared.names
        return name

    @cached_property
    def reference(self) -> ByKey:
        """How the objects of a reference are found."""
        assert isinstance(self.declared, Reference)
        return self.declared.by_key(self.columns_below)

    @cached_property
    def of_loaded(self) -> Complete:
        """Completes what was loaded for a leaf that is a formula of it."""
        assert self.shape.leaf is not None
        return completion_of(self.shape.leaf, nullable=self.nullable, formula=self.reference.formula)

    @cached_property
    def followed_by(self) -> list[FieldPlan]:
        """The fields that are found by a key in the rows behind the objects that it gives."""
        return [] if not isinstance(self.named_type, GraphQLObjectType) else self.below(self.named_type).by_key

    def columns_of(self, name: str) -> frozenset[str] | None:
        """The columns that are needed of the rows that a field of its object gives, in all places that ask for it."""
        assert isinstance(self.named_type, GraphQLObjectType)
        found: set[str] = set()
        for each in self.below(self.named_type).fields:
            if each.python_name == name:
                if each.columns_below is None:
                    return None
                found |= each.columns_below
        return frozenset(found)

    @cached_property
    def columns(self) -> frozenset[str] | None:
        """The columns of its object's row that it needs; None where it does not say."""
        match self.declared:
            case (
                Column(names=names)
                | RowIn(names=names)
                | Reference(names=names)
                | Related(names=names)
                | Needs(names=names)
            ):
                return frozenset(names)
            case SameRow() | Items():
                assert isinstance(self.named_type, GraphQLObjectType)
                return self.below(self.named_type).columns
        # An attribute of the object itself is none of its row's.
        return frozenset() if self.resolver is None else None


def _condition_variables(operation: Operation) -> tuple[str, ...]:
    """The names of the variables that decide about ``@skip`` and ``@include``, in the operation and all fragments."""
    conditions: list[Node] = []

    class Conditions(Visitor):
        def enter_directive(self, node: Any, *_: Any) -> None:
            conditions.append(node)

    for part in (operation.node, *operation.fragments.values()):
        visit(part, Conditions())
    return tuple(dict.fromkeys(_variables_in(*conditions)))


def _variables_in(*nodes: Node) -> tuple[str, ...]:
    names: list[str] = []

    class Variables(Visitor):
        def enter_variable(self, node: Any, *_: Any) -> None:
            names.append(node.name.value)

    for node in nodes:
        visit(node, Variables())
    return tuple(names)
