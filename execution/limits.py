"""What a document may ask for, judged before validation, which can itself be slow on documents made to be slow.

One walk over the document: every fragment is summed up once, however often and however deep it is spread, so the time
grows with the length of the document and never with what it spreads out to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
)

CEILING = 1_000_000
"""Counts stop here: fragments that double at each level spread out to numbers that no JSON reader takes."""

INTROSPECTION = ("__schema", "__type")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each. All but the tokens are counted with every fragment spread out."""

    tokens: int = 2_000
    depth: int = 15
    introspection_depth: int = 25
    """Under ``__schema`` and ``__type``: the standard query follows ``ofType`` nine times. Validation bounds its lists."""
    aliases: int = 30
    root_fields: int = 20
    directives: int = 20
    repeats: int = 20
    """How often one place of the answer is asked for. Validation compares each with each: 500 took four seconds."""
    list_items: int = 1_000


LIMITS = Limits()


class LimitExceeded(GraphQLError):
    """``what`` is a field of Limits. ``actual`` is where counting stopped: at least that many were asked for."""

    def __init__(self, what: str, actual: int, limits: Limits = LIMITS) -> None:
        limit: int = getattr(limits, what)
        super().__init__(
            f"This asks for too much at once ({what.replace('_', ' ')}): at most {limit} are allowed.",
            extensions={"code": "LIMIT_EXCEEDED", "what": what, "limit": limit, "actual": actual},
        )


def parse_within_limits(text: str, limits: Limits = LIMITS) -> DocumentNode:
    """The parsed document. Raises LimitExceeded, and GraphQLSyntaxError for what is no document."""
    try:
        document = parse(text, max_tokens=limits.tokens)
        check_document(document, limits)
    except GraphQLSyntaxError as error:
        if error.message.startswith("Syntax Error: Document contains more"):
            raise LimitExceeded("tokens", limits.tokens + 1, limits) from None
        if error.message.startswith("Syntax Error: Document is nested too deeply"):
            raise LimitExceeded("depth", limits.depth + 1, limits) from None
        raise
    except RecursionError:
        raise LimitExceeded("depth", limits.depth + 1, limits) from None
    return document


def check_document(document: DocumentNode, limits: Limits = LIMITS) -> None:
    """Every operation of it, also those that will not run, since validation reads them all. Raises LimitExceeded."""
    walk = _Walk(document, limits)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            totals = walk.operation(definition)
            for what, actual in (
                ("depth", totals.depth),
                ("introspection_depth", totals.introspection_depth),
                ("aliases", totals.aliases),
                ("root_fields", totals.width),
                ("directives", totals.directives),
                ("repeats", totals.most_repeats),
            ):
                if actual > getattr(limits, what):
                    raise LimitExceeded(what, actual, limits)


def check_variables(variables: Mapping[str, Any] | None, limits: Limits = LIMITS) -> None:
    """Raises LimitExceeded for a list of plain values, at any depth, that is too long.

    Lists of records are left to the mutations that take them: those answer with the argument's name, as data.
    """
    rest: list[Any] = [variables]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            if len(value) > limits.list_items and not isinstance(value[0], dict):
                raise LimitExceeded("list_items", len(value), limits)
            rest.extend(value)


@dataclass(slots=True)
class _Totals:
    """Of one selection with its fragments spread out."""

    width: int = 0
    depth: int = 0
    introspection_depth: int = 0
    aliases: int = 0
    directives: int = 0
    repeats: dict[str, int] = field(default_factory=dict)
    """By name in the answer: no place at or below it is asked for more often than this."""

    @property
    def most_repeats(self) -> int:
        return max(self.repeats.values(), default=0)

    def add_field(self, node: FieldNode, below: _Totals) -> None:
        if node.name.value in INTROSPECTION:
            self.introspection_depth = max(self.introspection_depth, 1 + below.depth)
        else:
            self.depth = max(self.depth, 1 + below.depth)
            self.introspection_depth = max(self.introspection_depth, below.introspection_depth)
        self.width = _sum(self.width, 1)
        self.aliases = _sum(self.aliases, below.aliases + (node.alias is not None))
        self.directives = _sum(self.directives, below.directives)
        self._repeat((node.alias or node.name).value, max(1, below.most_repeats))

    def add_fragment(self, inner: _Totals) -> None:
        self.depth = max(self.depth, inner.depth)
        self.introspection_depth = max(self.introspection_depth, inner.introspection_depth)
        self.width = _sum(self.width, inner.width)
        self.aliases = _sum(self.aliases, inner.aliases)
        self.directives = _sum(self.directives, inner.directives)
        for name, times in inner.repeats.items():
            self._repeat(name, times)

    def _repeat(self, name: str, times: int) -> None:
        self.repeats[name] = _sum(self.repeats.get(name, 0), times)


class _Walk:
    def __init__(self, document: DocumentNode, limits: Limits) -> None:
        self._limits = limits
        self._totals: dict[str, _Totals] = {}
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def operation(self, node: OperationDefinitionNode) -> _Totals:
        totals = self._selections(node.selection_set)
        for variable in node.variable_definitions or ():
            self._check_lists(variable.default_value)
        self._count_directives(totals, node, *(node.variable_definitions or ()))
        return totals

    def _selections(self, selection_set: SelectionSetNode | None) -> _Totals:
        totals = _Totals()
        for node in selection_set.selections if selection_set else ():
            if isinstance(node, FieldNode):
                for argument in node.arguments or ():
                    self._check_lists(argument.value)
                totals.add_field(node, self._selections(node.selection_set))
            else:
                totals.add_fragment(self._fragment(node))
            self._count_directives(totals, node)
        return totals

    def _fragment(self, node: SelectionNode) -> _Totals:
        if not isinstance(node, FragmentSpreadNode):
            return self._selections(getattr(node, "selection_set", None))
        name = node.name.value
        if name not in self._totals:
            # Nothing yet, so that a fragment that spreads itself ends here; validation refuses it.
            self._totals[name] = _Totals()
            if definition := self._fragments.get(name):
                totals = self._selections(definition.selection_set)
                self._count_directives(totals, definition)
                self._totals[name] = totals
        return self._totals[name]

    def _count_directives(self, totals: _Totals, *nodes: Node) -> None:
        for node in nodes:
            directives = getattr(node, "directives", None) or ()
            totals.directives = _sum(totals.directives, len(directives))
            for directive in directives:
                for argument in directive.arguments or ():
                    self._check_lists(argument.value)

    def _check_lists(self, value: Node | None) -> None:
        if isinstance(value, ListValueNode):
            if len(value.values) > self._limits.list_items:
                raise LimitExceeded("list_items", len(value.values), self._limits)
            for item in value.values:
                self._check_lists(item)
        elif isinstance(value, ObjectValueNode):
            for entry in value.fields:
                self._check_lists(entry.value)


def _sum(first: int, second: int) -> int:
    return min(first + second, CEILING)
