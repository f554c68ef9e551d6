"""What differs at each asking although nothing has changed: it is answered, but no reason to answer again.

A field of the schema says so by ``metadata=NOISE``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from execution.operations import Operation, response_key

NOISE: Mapping[str, bool] = {"noise": True}

Tree = dict[str, "Tree | None"]
"""By response key: None for noise, otherwise where there is noise below."""


def noise_of(schema: GraphQLSchema, operation: Operation) -> Tree:
    """Where the answers of an operation have noise."""
    root = schema.get_root_type(operation.kind)
    assert root is not None
    return _Search(schema, operation).tree([(root, operation.node.selection_set)])


def without_noise(value: Any, tree: Tree) -> Any:
    """A copy without the noise. What has none is not copied."""
    if not tree:
        return value
    if isinstance(value, list):
        return [without_noise(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: without_noise(item, tree.get(key) or {}) for key, item in value.items() if tree.get(key, ...) is not None
    }


class _Search:
    """Goes through each selection set once for each type, however many fragments lead there."""

    def __init__(self, schema: GraphQLSchema, operation: Operation) -> None:
        self._schema = schema
        self._operation = operation
        self._found: dict[tuple[tuple[str, int], ...], Tree] = {}

    def tree(self, selections: list[tuple[GraphQLNamedType, SelectionSetNode]]) -> Tree:
        """The noise in the fields of selection sets that are merged."""
        name = tuple((kind.name, id(selection_set)) for kind, selection_set in selections)
        if name not in self._found:
            self._found[name] = self._tree(selections)
        return self._found[name]

    def _tree(self, selections: list[tuple[GraphQLNamedType, SelectionSetNode]]) -> Tree:
        fields: dict[str, list[tuple[GraphQLField | None, FieldNode]]] = {}
        seen: set[tuple[str, str]] = set()
        for kind, selection_set in selections:
            for selected, node in self._selected(kind, selection_set, seen):
                fields.setdefault(response_key(node), []).append((_field(selected, node), node))
        tree: Tree = {}
        for key, found in fields.items():
            if all(field is not None and _is_noise(field) for field, _ in found):
                tree[key] = None
                continue
            below = [(get_named_type(f.type), node.selection_set) for f, node in found if f and node.selection_set]
            if deeper := self.tree(below):
                tree[key] = deeper
        return tree

    def _selected(
        self, kind: GraphQLNamedType, selection_set: SelectionSetNode, seen: set[tuple[str, str]]
    ) -> Iterator[tuple[GraphQLNamedType, FieldNode]]:
        for node in selection_set.selections:
            match node:
                case FieldNode():
                    yield kind, node
                case FragmentSpreadNode():
                    name = node.name.value
                    if (kind.name, name) not in seen:
                        seen.add((kind.name, name))
                        fragment = self._operation.fragments[name]
                        yield from self._selected(self._narrowed(kind, fragment), fragment.selection_set, seen)
                case InlineFragmentNode():
                    yield from self._selected(self._narrowed(kind, node), node.selection_set, seen)

    def _narrowed(
        self, kind: GraphQLNamedType, fragment: FragmentDefinitionNode | InlineFragmentNode
    ) -> GraphQLNamedType:
        condition = fragment.type_condition
        return (self._schema.get_type(condition.name.value) if condition else None) or kind


def _field(kind: GraphQLNamedType, node: FieldNode) -> GraphQLField | None:
    return kind.fields.get(node.name.value) if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else None


def _is_noise(field: GraphQLField) -> bool:
    definition = field.extensions.get("strawberry-definition")
    return definition is not None and "noise" in definition.metadata
