"""Who may ask for the schema: by ``__schema`` and ``__type``, as text, and by what an error suggests."""

from __future__ import annotations

from graphql import FieldNode, FragmentSpreadNode, SelectionSetNode

from auth import Claims, ConfigurationError, Role
from execution.limits import INTROSPECTION
from execution.operations import Operation
from execution.refusals import Refusal

OPEN = "open"
_NAMED = {OPEN: frozenset(Role), "authenticated": frozenset(Role), "off": frozenset[Role]()}


class Introspection:
    """One policy, written as ``open``, ``authenticated``, ``off``, or roles separated by commas."""

    def __init__(self, written: str) -> None:
        """Raises ConfigurationError."""
        word = written.strip().lower()
        self._is_open = word == OPEN
        self._roles = _NAMED[word] if word in _NAMED else _roles(written)

    def is_open_to(self, claims: Claims | None) -> bool:
        """Whether errors may suggest names too."""
        return self._is_open or (claims is not None and claims.role in self._roles)

    def check(self, operation: Operation, claims: Claims | None) -> None:
        """Raises Refusal (INTROSPECTION_DISABLED) where the operation asks for what is not open to the caller."""
        if asks_for_schema(operation) and not self.is_open_to(claims):
            raise self.refusal(claims)

    def refusal(self, claims: Claims | None) -> Refusal:
        message = "The schema is not open to you."
        if claims is None and self._roles:
            message = "The schema is not open to everybody: send a token."
        return Refusal(403, message, "INTROSPECTION_DISABLED")


def asks_for_schema(operation: Operation) -> bool:
    """Whether ``__schema`` or ``__type`` stands anywhere in it, also where a variable may leave it out. Worked out once."""
    answer = operation.memo.get(asks_for_schema)
    if answer is None:
        answer = operation.memo[asks_for_schema] = _finds_introspection(operation)
    return bool(answer)


def _finds_introspection(operation: Operation) -> bool:
    spread: set[str] = set()
    rest: list[SelectionSetNode | None] = [operation.node.selection_set]
    while rest:
        selections = rest.pop()
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name not in spread and name in operation.fragments:
                    spread.add(name)
                    rest.append(operation.fragments[name].selection_set)
                continue
            if isinstance(node, FieldNode) and node.name.value in INTROSPECTION:
                return True
            rest.append(getattr(node, "selection_set", None))
    return False


def _roles(written: str) -> frozenset[Role]:
    names = [name.strip().upper() for name in written.split(",") if name.strip()]
    if not names or any(name not in Role.__members__ for name in names):
        raise ConfigurationError(
            "SCOREGRAPH_INTROSPECTION is open, authenticated, off, or roles separated by commas: ADMIN,SERVICE."
        )
    return frozenset(Role[name] for name in names)
