"""Operations made ready once per text: parsed, within limits, and validated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.limits import parse_within_limits
from execution.refusals import Refusal

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_DOCUMENTS = 2_000
MOST_CHARACTERS = 4_000_000
"""Of all texts that are kept. A parsed document takes about fifty times its text."""


class GraphQLRequest(NamedTuple):
    """What a client sent, of the right types, otherwise unchecked."""

    query: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None


class RequestErrors(Exception):
    """Why a document, or what came with it, cannot be executed. ``operation_name`` is that of its only operation, where it has
    one that could be read.
    """

    def __init__(self, *errors: GraphQLError, operation_name: str | None = None) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)
        self.operation_name = operation_name


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a valid document. Equal texts give the same object, so what is worked out once can be kept in ``memo``."""

    text: str
    name: str | None
    document: DocumentNode
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    memo: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def kind(self) -> OperationType:
        return self.node.operation

    @cached_property
    def kind_name(self) -> str:
        return self.kind.value

    @property
    def first_field(self) -> FieldNode:
        """The first of the root fields; of a subscription, the only one."""
        return next(self.fields(self.node.selection_set))

    def fields(self, selection_set: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields of a selection set, also those in fragments."""
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    yield selection
                case FragmentSpreadNode():
                    yield from self.fields(self.fragments[selection.name.value].selection_set)
                case InlineFragmentNode():
                    yield from self.fields(selection.selection_set)


def response_key(field: FieldNode) -> str:
    """The name of a field in the answer."""
    return field.alias.value if field.alias else field.name.value


class Operations:
    """Of one schema. Keeps the documents that were asked for last."""

    def __init__(
        self, schema: GraphQLSchema, *, most_documents: int = MOST_DOCUMENTS, most_characters: int = MOST_CHARACTERS
    ) -> None:
        self._schema = schema
        self._most_documents = most_documents
        self._most_characters = most_characters
        self._documents: OrderedDict[str, dict[str | None, Operation]] = OrderedDict()
        self._characters = 0

    def prepare(self, text: str, operation_name: str | None = None, *, hide_suggestions: bool = False) -> Operation:
        """The operation of that name, or the only one. Raises RequestErrors, and Refusal for a name that is not in it."""
        operations = self._documents.get(text)
        if operations is None:
            operations = self._read(text, hide_suggestions)
            self._keep(text, operations)
        else:
            self._documents.move_to_end(text)
        if operation_name is None and len(operations) > 1:
            raise RequestErrors(GraphQLError("Must provide operation name if query contains multiple operations."))
        if operation_name is not None and operation_name not in operations:
            raise Refusal(400, f"Unknown operation named '{operation_name}'.")
        if not operations:
            raise RequestErrors(GraphQLError("Must provide an operation."))
        return next(iter(operations.values())) if operation_name is None else operations[operation_name]

    def _read(self, text: str, hide_suggestions: bool) -> dict[str | None, Operation]:
        try:
            document = parse_within_limits(text)
        except GraphQLError as error:
            raise RequestErrors(error) from None
        found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
        if errors := validate(self._schema, document, RULES, hide_suggestions=hide_suggestions):
            names = {node.name.value for node in found if node.name}
            raise RequestErrors(*errors, operation_name=names.pop() if len(names) == 1 else None)
        fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        return {
            name: Operation(text, name, document, node, fragments)
            for node in found
            for name in [node.name.value if node.name else None]
        }

    def _keep(self, text: str, operations: dict[str | None, Operation]) -> None:
        self._documents[text] = operations
        self._characters += len(text)
        while len(self._documents) > self._most_documents or self._characters > self._most_characters:
            oldest, _ = self._documents.popitem(last=False)
            self._characters -= len(oldest)
