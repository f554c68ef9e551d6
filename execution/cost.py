"""What an operation costs, before anything of it is executed: IBM's static analysis, by @cost and @listSize.

One walk, in which each fragment is summed up once for each type that it is about, however often and however deep it is
spread; pages are multiplied afterwards. So it takes time by the length of the document, never by what that spreads out to.

The result is an upper bound: places that are asked for twice count twice, and of what @skip and @include leave to a variable
only that is left out which the variables at hand do leave out. Of an abstract type the dearest possible object counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from execution.cost_rules import CEILING, LEVELS, UNSIZED, FieldRule, Rules, value_of
from execution.operations import Operation

INTROSPECTION = 2_000
"""What ``__schema`` and ``__type`` cost: the standard query takes as long as that many objects, 100 ms."""

MOST_KEPT = 200
"""Results of one operation, by what its variables say of sizes."""

Read = Callable[[Mapping[str, Any]], Any]


class Cost(NamedTuple):
    """``total`` is what is charged; ``nodes`` is how many objects the answer can have."""

    total: int
    nodes: int


class CostMeter:
    """Weighs the operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._rules = Rules(schema)

    def measure(self, operation: Operation, variables: Mapping[str, Any] | None) -> Cost:
        """What the operation costs with these variables, which need not be of the right types."""
        weighed: _Weighed | None = operation.memo.get(CostMeter)
        if weighed is None:
            weighed = operation.memo[CostMeter] = _Weighed(self._rules, operation)
        return weighed.with_variables(variables or {})


class _Weighed:
    """One operation: what its cost depends on, and its costs so far."""

    def __init__(self, rules: Rules, operation: Operation) -> None:
        self._rules = rules
        self._operation = operation
        self._defaults = {
            definition.variable.name.value: value_of(definition.default_value, {}, LEVELS)
            for definition in operation.node.variable_definitions or ()
            if definition.default_value
        }
        walk = Walk(rules, operation.fragments)
        cost = walk.cost(operation)
        self._unknown = walk.unknown
        self._costs: dict[tuple[Any, ...], Cost] = {} if walk.unknown else {(): cost}

    def with_variables(self, variables: Mapping[str, Any]) -> Cost:
        if self._defaults:
            variables = {**self._defaults, **variables}
        found = tuple([read(variables) for read in self._unknown.values()])
        cost = self._costs.get(found)
        if cost is None:
            if len(self._costs) == MOST_KEPT:
                self._costs.clear()
            known = dict(zip(self._unknown, found, strict=True))
            cost = self._costs[found] = Walk(self._rules, self._operation.fragments, known).cost(self._operation)
        return cost


@dataclass(slots=True)
class _Sum:
    """Of one selection: what is there once, and what is there for each row of the page that the field above it gives."""

    cost: int = 0
    nodes: int = 0
    row_cost: int = 0
    row_nodes: int = 0

    def add(self, other: _Sum) -> None:
        self.cost = min(self.cost + other.cost, CEILING)
        self.nodes = min(self.nodes + other.nodes, CEILING)
        self.row_cost = min(self.row_cost + other.row_cost, CEILING)
        self.row_nodes = min(self.row_nodes + other.row_nodes, CEILING)

    def with_rows(self, rows: int) -> _Sum:
        """With that many rows of the page."""
        return _Sum(self.cost + rows * self.row_cost, self.nodes + rows * self.row_nodes)

    @classmethod
    def dearest(cls, sums: Iterable[_Sum]) -> _Sum:
        found = list(sums)
        return cls(
            max(one.cost for one in found),
            max(one.nodes for one in found),
            max(one.row_cost for one in found),
            max(one.row_nodes for one in found),
        )


class Walk:
    """Through one operation. ``known`` is what variables say, by place; without it the walk gathers in ``unknown`` how to
    read that, and its sums mean nothing where there is any. ``steps`` counts the selections that were looked at.
    """

    def __init__(
        self,
        rules: Rules,
        fragments: Mapping[str, FragmentDefinitionNode],
        known: Mapping[object, Any] | None = None,
    ) -> None:
        self.unknown: dict[object, Read] = {}
        self.steps = 0
        self._rules = rules
        self._fragments = fragments
        self._known = known
        self._sums: dict[tuple[int, str], _Sum] = {}

    def cost(self, operation: Operation) -> Cost:
        root = _root(self._rules.schema, operation.kind)
        total = self._selections(operation.node.selection_set, root).with_rows(UNSIZED)
        return Cost(min(total.cost, CEILING), min(total.nodes, CEILING))

    def _selections(self, selection_set: SelectionSetNode, kind: GraphQLObjectType) -> _Sum:
        key = (id(selection_set), kind.name)
        total = self._sums.get(key)
        if total is None:
            total = self._sums[key] = _Sum()
            for node in selection_set.selections:
                self.steps += 1
                if not self._is_left_out(node):
                    total.add(self._selection(node, kind))
        return total

    def _selection(self, node: SelectionNode, kind: GraphQLObjectType) -> _Sum:
        if isinstance(node, FieldNode):
            return self._field(node, kind)
        fragment: Any = self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
        condition = fragment.type_condition
        if condition is not None and not self._rules.applies(condition.name.value, kind):
            return _Sum()
        return self._selections(fragment.selection_set, kind)

    def _field(self, node: FieldNode, kind: GraphQLObjectType) -> _Sum:
        name = node.name.value
        if name.startswith("__"):
            return _Sum(0 if name == "__typename" else INTROSPECTION)
        rule = self._rules.field(kind, name)
        size, extra = self._read((id(node), kind.name), node, rule)
        cost = _Sum(rule.weight + extra)
        if node.selection_set is not None:
            below = _Sum.dearest([self._selections(node.selection_set, one) for one in rule.kinds])
            cost.add(_objects(rule, size, below))
        return cost

    def _read(self, place: object, node: FieldNode, rule: FieldRule) -> tuple[int, int]:
        if not rule.depends(node):
            return rule.read(node, {})
        if self._known is None:
            self.unknown[place] = partial(rule.read, node)
            return 0, 0
        read: tuple[int, int] = self._known[place]
        return read

    def _is_left_out(self, node: SelectionNode) -> bool:
        return any(self._leaves_out(directive) for directive in node.directives or ())

    def _leaves_out(self, directive: DirectiveNode) -> bool:
        skipping = directive.name.value == "skip"
        if not skipping and directive.name.value != "include":
            return False
        (argument,) = directive.arguments or ()
        condition = argument.value
        if not isinstance(condition, VariableNode):
            return value_of(condition, {}) is skipping
        if self._known is None:
            self.unknown[id(directive)] = lambda variables: value_of(condition, variables) is skipping
            return False
        return bool(self._known[id(directive)])


def _objects(rule: FieldRule, size: int, below: _Sum) -> _Sum:
    """The objects of a field, with what is below them: one, a list of them, or one for each row of a page above."""
    if rule.is_page:
        return _one(below.with_rows(size))
    each = _one(below.with_rows(UNSIZED))
    if not rule.is_list:
        return each
    if rule.size is None:
        return _Sum(row_cost=each.cost, row_nodes=each.nodes)
    return _Sum(size * each.cost, size * each.nodes)


def _one(below: _Sum) -> _Sum:
    return _Sum(1 + below.cost, 1 + below.nodes)


def _root(schema: GraphQLSchema, kind: OperationType) -> GraphQLObjectType:
    root = schema.get_root_type(kind)
    assert root is not None, "validation has seen to it"
    return root
