"""The list that a document asks for, as a table that is read to its end.

The first list of objects is meant, page by page where it is a connection. What is asked for beside it is left out; whatever
the document says of pages is replaced, so that nothing is missing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    ExecutionResult,
    FieldNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    NameNode,
    Node,
    OperationType,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    parse,
    parse_type,
    print_ast,
    visit,
)
from graphql.language import VariableDefinitionNode

from execution.operations import Operation, Operations, response_key

MOST_COLUMNS = 200
KINDS = {
    "Int": "integer",
    "BigInt": "integer",
    "Float": "decimal",
    "Boolean": "flag",
    "DateTime": "instant",
    "Date": "date",
}
"""What a table calls the values of scalars; all others are texts."""

ROWS = ("nodes", "edges")
PAGING = frozenset({"first", "after", "last", "before"})
AFTER = "exportAfter"
PAGE_INFO = "exportPageInfo"

_PAGE_INFO = parse(f"{{ {PAGE_INFO}: pageInfo {{ hasNextPage endCursor }} }}").definitions[0].selection_set.selections  # type: ignore[attr-defined]
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_+")

Run = Callable[[Operation, dict[str, Any]], Awaitable[ExecutionResult]]


class NoList(Exception):
    """A document cannot be a table. The message says why, for people."""


class ListFailed(Exception):
    """A page was answered with errors; ``causes`` are the exceptions behind them, where there are some."""

    def __init__(self, causes: list[BaseException]) -> None:
        super().__init__("A page of the list was answered with errors.")
        self.causes = causes


class ListColumn(NamedTuple):
    """``kind`` is text, integer, decimal, flag, instant or date; ``path`` leads to the value in a row."""

    name: str
    title: str
    kind: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class DocumentList:
    """``path`` leads from the data to the list, or to its connection, whose ``rows`` is nodes or edges under some alias."""

    title: str
    columns: tuple[ListColumn, ...]
    operation: Operation
    path: tuple[str, ...]
    rows: str | None

    async def pages(self, run: Run, variables: Mapping[str, Any]) -> AsyncIterator[list[list[Any]]]:
        """The rows, values in the order of the columns. None of them where the list itself is null: LookupError.

        Raises ListFailed, and what ``run`` raises.
        """
        used = {node.variable.name.value for node in _variables(self.operation)}
        given = {name: value for name, value in variables.items() if name in used and name != AFTER}
        while True:
            result = await run(self.operation, given)
            if result.errors:
                raise ListFailed([error.original_error for error in result.errors if error.original_error is not None])
            found = _at(result.data, self.path)
            if found is None:
                raise LookupError(self.title)
            rows = found if self.rows is None else found[self.rows]
            yield [[_at(row, column.path) for column in self.columns] for row in rows or () if row is not None]
            if self.rows is None or not found[PAGE_INFO]["hasNextPage"]:
                return
            given[AFTER] = found[PAGE_INFO]["endCursor"]


def list_of(operations: Operations, schema: GraphQLSchema, text: str, page_size: int) -> DocumentList:
    """Of a valid document with one operation. Raises NoList, and as ``Operations.prepare`` does."""
    operation = operations.prepare(text)
    if operation.kind is not OperationType.QUERY:
        raise NoList("Only a query has a list.")
    assert schema.query_type is not None
    found = _Finder(schema, operation)
    chain = found.connection(operation.node.selection_set, schema.query_type)
    chain = chain or found.plain_list(operation.node.selection_set, schema.query_type)
    if not chain:
        raise NoList("The document asks for no list of objects.")
    of_list, kind = chain[-1].field, chain[-1].type
    rows_field = found.rows_of(of_list, kind)
    columns = tuple(found.columns(of_list if rows_field is None else rows_field, kind, rows_field))
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise NoList(f"A list has 1 to {MOST_COLUMNS} columns; this one would have {len(columns)}.")
    last = of_list if rows_field is None else _paged(of_list, rows_field, page_size)
    return DocumentList(
        title=operation.name or response_key(of_list),
        columns=columns,
        operation=operations.prepare(print_ast(_document(operation, chain, last, kind, rows_field))),
        path=tuple(response_key(step.field) for step in chain),
        rows=None if rows_field is None else response_key(rows_field),
    )


class _Step(NamedTuple):
    """A field on the way to the list, of the named type ``type``, under a type condition or none."""

    field: FieldNode
    type: GraphQLObjectType | GraphQLInterfaceType
    condition: NamedTypeNode | None


class _Finder:
    def __init__(self, schema: GraphQLSchema, operation: Operation) -> None:
        self._schema = schema
        self._operation = operation

    def connection(self, selected: SelectionSetNode, parent: GraphQLCompositeType) -> list[_Step]:
        return self._find(selected, parent, lambda kind: _is_connection(get_named_type(kind)))

    def plain_list(self, selected: SelectionSetNode, parent: GraphQLCompositeType) -> list[_Step]:
        return self._find(selected, parent, is_list_type)

    def rows_of(self, field: FieldNode, kind: GraphQLCompositeType) -> FieldNode | None:
        """The field of a connection that has its rows; None of a plain list. Raises NoList."""
        if not _is_connection(kind):
            return None
        assert field.selection_set is not None
        for selected, _, _ in self._fields(field.selection_set, kind):
            if selected.name.value in ROWS:
                return selected
        raise NoList("The document asks for nothing of the rows of its list.")

    def columns(
        self, field: FieldNode, parent: GraphQLObjectType | GraphQLInterfaceType, rows: FieldNode | None
    ) -> Iterator[ListColumn]:
        kind = parent if rows is None else get_named_type(parent.fields[rows.name.value].type)
        is_edge = rows is not None and rows.name.value == "edges"
        assert field.selection_set is not None
        seen: set[tuple[str, ...]] = set()
        for column in self._columns(field.selection_set, kind, ()):
            # A cursor is for who reads page by page.
            if column.path not in seen and not (is_edge and column.path == ("cursor",)):
                seen.add(column.path)
                yield _without_node(column) if is_edge else column

    def _columns(self, selected: SelectionSetNode, kind: Any, path: tuple[str, ...]) -> Iterator[ListColumn]:
        for field, parent, _ in self._fields(selected, kind):
            here = (*path, response_key(field))
            if field.name.value == "__typename":
                yield _column(here, "text")
                continue
            of_field = get_nullable_type(parent.fields[field.name.value].type)
            if is_composite_type(of_field) and not _is_connection(of_field):
                assert field.selection_set is not None
                yield from self._columns(field.selection_set, of_field, here)
            else:
                name = "" if is_list_type(of_field) else get_named_type(of_field).name
                yield _column(here, KINDS.get(name, "text"))

    def _find(
        self, selected: SelectionSetNode, parent: GraphQLCompositeType, is_it: Callable[[GraphQLOutputType], bool]
    ) -> list[_Step]:
        for field, owner, condition in self._fields(selected, parent):
            if field.selection_set is None:
                continue
            of_field = get_nullable_type(owner.fields[field.name.value].type)
            named: Any = get_named_type(of_field)
            step = _Step(field, named, condition)
            if is_it(of_field):
                return [step]
            if not is_list_type(of_field) and (found := self._find(field.selection_set, named, is_it)):
                return [step, *found]
        return []

    def _fields(
        self, selected: SelectionSetNode, parent: Any, condition: NamedTypeNode | None = None
    ) -> Iterator[tuple[FieldNode, Any, NamedTypeNode | None]]:
        """The fields, also those in fragments, each with its type and the innermost type condition that it is under."""
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                yield selection, parent, condition
                continue
            if isinstance(selection, FragmentSpreadNode):
                definition: Any = self._operation.fragments[selection.name.value]
            else:
                definition = selection
            wanted = definition.type_condition
            kind = parent if wanted is None else self._schema.type_map[wanted.name.value]
            yield from self._fields(definition.selection_set, kind, wanted or condition)


def _is_connection(kind: Any) -> bool:
    return (
        isinstance(kind, GraphQLObjectType) and "pageInfo" in kind.fields and any(name in kind.fields for name in ROWS)
    )


def _column(path: tuple[str, ...], kind: str) -> ListColumn:
    words = [word.lower() for part in path for word in _WORDS.split(part) if word]
    return ListColumn("_".join(words), " ".join(words).capitalize(), kind, path)


def _without_node(column: ListColumn) -> ListColumn:
    is_of_node = len(column.path) > 1 and column.path[0] == "node"
    return _column(column.path[1:], column.kind)._replace(path=column.path) if is_of_node else column


def _paged(connection: FieldNode, rows: FieldNode, page_size: int) -> FieldNode:
    return replace(
        connection,
        arguments=(
            *(given for given in connection.arguments or () if given.name.value not in PAGING),
            ArgumentNode(name=NameNode(value="first"), value=IntValueNode(value=str(page_size))),
            ArgumentNode(name=NameNode(value="after"), value=VariableNode(name=NameNode(value=AFTER))),
        ),
        selection_set=SelectionSetNode(selections=(rows, *_PAGE_INFO)),
    )


def _document(
    operation: Operation, chain: list[_Step], last: FieldNode, kind: Any, rows: FieldNode | None
) -> DocumentNode:
    """The way to the list and nothing else, with the variables and fragments that it still needs."""
    selected: FieldNode | InlineFragmentNode = last
    for step in reversed(chain):
        if step is not chain[-1]:
            selected = replace(step.field, selection_set=SelectionSetNode(selections=(selected,)))
        if step.condition is not None:
            under = SelectionSetNode(selections=(selected,))
            selected = InlineFragmentNode(type_condition=step.condition, selection_set=under)
    selection_set = SelectionSetNode(selections=(selected,))
    fragments = [operation.fragments[name] for name in sorted(_needed_fragments(operation, selection_set))]
    used = {name for part in (selection_set, *fragments) for name in _names(part, VariableNode)}
    definitions = [given for given in _variables(operation) if given.variable.name.value in used]
    if rows is not None:
        cursor = VariableDefinitionNode(variable=VariableNode(name=NameNode(value=AFTER)), type=parse_type("String"))
        definitions = [given for given in definitions if given.variable.name.value != AFTER] + [cursor]
    node = replace(operation.node, selection_set=selection_set, variable_definitions=tuple(definitions))
    return DocumentNode(definitions=(node, *fragments))


def _variables(operation: Operation) -> tuple[VariableDefinitionNode, ...]:
    return tuple(operation.node.variable_definitions or ())


def _needed_fragments(operation: Operation, part: Node) -> set[str]:
    needed: set[str] = set()
    waiting = list(_names(part, FragmentSpreadNode))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _names(operation.fragments[name], FragmentSpreadNode)
    return needed


def _names(part: Node, kind: type[VariableNode | FragmentSpreadNode]) -> list[str]:
    """Of all nodes of a kind in it."""
    found: list[str] = []

    class Names(Visitor):
        def enter(self, node: Any, *_: Any) -> None:
            if isinstance(node, kind):
                found.append(node.name.value)

    visit(part, Names())
    return found


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if value is None:
            return None
        value = value.get(key)
    return value
