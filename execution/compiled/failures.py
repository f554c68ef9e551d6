"""What went wrong in places that may be null: told with the answer."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, located_error

from execution.compiled.bail import Bail
from execution.compiled.plan import FieldPlan


class Failures:
    """Of one run, each with the dict or list that has a null in its place."""

    def __init__(self) -> None:
        self._found: list[tuple[Any, Any, FieldPlan, Exception]] = []

    def add(self, container: Any, key: Any, field: FieldPlan, error: Exception, *, is_shared: bool) -> None:
        """``is_shared``: the container stands in several places of the answer. Raises Bail: the error has several paths."""
        if is_shared:
            raise Bail("error")
        self._found.append((container, key, field, error))

    def errors(self, data: dict[str, Any]) -> list[GraphQLError]:
        if not self._found:
            return []
        paths = _paths(data)
        return [
            located_error(error, field.nodes, [*paths[id(container)], key])
            for container, key, field, error in self._found
        ]


def _paths(data: dict[str, Any]) -> dict[int, list[str | int]]:
    """The path of every object and list of an answer, by its identity."""
    paths: dict[int, list[str | int]] = {id(data): []}
    rest: list[Any] = [data]
    while rest:
        container = rest.pop()
        path = paths[id(container)]
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in items:
            if isinstance(value, dict | list):
                paths[id(value)] = [*path, key]
                rest.append(value)
    return paths
