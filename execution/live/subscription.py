"""A subscription as plans share it: what tells two askings apart, and what does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    GraphQLSchema,
    NonNullTypeNode,
    StringValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from execution.live.noise import Tree, noise_of
from execution.operations import Operation, response_key

SINCE = "since"
"""The argument by which a client says which version it has. It is about the client, not about what is asked."""

Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription with its variables: ``variables`` without what the client has, which is ``since``; ``name`` is equal for
    equal ones.
    """

    name: bytes
    variables: Variables
    since: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is known of a subscription before it is asked. ``key`` is that of its one field in the answer."""

    operation: Operation
    key: str
    noise: Tree
    variables: tuple[str, ...]
    since_variable: str | None
    since_may_be_missing: bool
    since_text: str | None

    @classmethod
    def of(cls, schema: GraphQLSchema, operation: Operation) -> Subscription:
        """Worked out once per operation."""
        found: Subscription | None = operation.memo.get(cls)
        if found is None:
            since = next((a.value for a in operation.first_field.arguments or () if a.name.value == SINCE), None)
            variable = since.name.value if isinstance(since, VariableNode) else None
            definition = _definition(operation, variable)
            # A variable that says something else besides belongs to the question.
            is_for_this_alone = definition is not None and _uses(operation, variable) == 2
            found = operation.memo[cls] = cls(
                operation,
                response_key(operation.first_field),
                noise_of(schema, operation),
                tuple(d.variable.name.value for d in operation.node.variable_definitions or ()),
                variable if is_for_this_alone else None,
                definition is not None and not isinstance(definition.type, NonNullTypeNode),
                since.value if isinstance(since, StringValueNode) else None,
            )
        return found

    def asked(self, variables: Variables | None) -> Asked:
        """Takes what the client has out of the variables, and what the operation does not know."""
        given = variables or {}
        variables = {name: given[name] for name in self.variables if name in given}
        since, name = self.since_text, self.since_variable
        said = None if name is None else variables.get(name)
        if name is not None and (isinstance(said, str) or (said is None and self.since_may_be_missing)):
            since = said
            # Of a type that the document may ask for, and the same for all.
            variables[name] = ""
        return Asked(orjson.dumps(variables, option=orjson.OPT_SORT_KEYS), variables, since)


def _definition(operation: Operation, variable: str | None) -> VariableDefinitionNode | None:
    definitions = operation.node.variable_definitions or ()
    return next((definition for definition in definitions if definition.variable.name.value == variable), None)


def _uses(operation: Operation, variable: str | None) -> int:
    """How often a document names a variable, its definitions included."""
    counter = _Counter(variable)
    visit(operation.document, counter)
    return counter.count


class _Counter(Visitor):
    def __init__(self, variable: str | None) -> None:
        super().__init__()
        self._variable = variable
        self.count = 0

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        self.count += node.name.value == self._variable
