"""The graph: the types put together, one context per operation, and errors that say enough and no more."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg
import strawberry
import structlog
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
)
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError

from db.engine import DatabaseUnavailable
from db.snapshot import UnknownCaller
from execution.limits import check_variables, parse_within_limits
from resolvers.context import Context
from resolvers.errors import ClientError, Unauthenticated, Unavailable
from schema.mutation import Mutation
from schema.periods import SCALARS as TIME_SCALARS
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.user_errors import USER_ERROR_TYPES

log = structlog.get_logger(__name__)


def client_error(error: BaseException) -> ClientError | None:
    """What a client may know of an exception; None where that is nothing."""
    match error:
        case ClientError():
            return error
        case UnknownCaller():
            return Unauthenticated("The token's organization or person is not known here.")
        case DatabaseUnavailable():
            return Unavailable()
        case asyncpg.QueryCanceledError():
            return Unavailable("This took too long and was stopped. Ask for less at a time.")
    return None


def presented(error: GraphQLError) -> GraphQLError:
    """The error as a client sees it: always with a code; an unexpected one masked behind an id that the log has."""
    original = error.original_error
    if original is None:
        # Not raised by a resolver: the document, or its variables. Execution has begun once there is a path.
        error.extensions = {"code": _code_of_request(error), **(error.extensions or {})}
        return error
    known = client_error(original)
    if known is None and isinstance(original, GraphQLError):
        # A value that a scalar refused.
        return GraphQLError(error.message, error.nodes, path=error.path, extensions={"code": "VALIDATION"})
    if known is None:
        error_id = uuid.uuid4().hex
        log.error("unexpected_error", error_id=error_id, path=error.path, exc_info=original)
        return GraphQLError(
            "Something went wrong on our side.",
            error.nodes,
            path=error.path,
            extensions={"code": "INTERNAL", "errorId": error_id},
        )
    return GraphQLError(str(known), error.nodes, path=error.path, extensions=known.extensions)


def subscribed_path(query: str, operation_name: str | None) -> list[str | int] | None:
    """The path of the one field of a subscription, for the errors of its source, which come without; None in a fragment."""
    operation = get_operation_ast(parse(query), operation_name)
    field = operation.selection_set.selections[0] if operation else None
    if not isinstance(field, FieldNode):
        return None
    return [field.alias.value if field.alias else field.name.value]


def _code_of_request(error: GraphQLError) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "VALIDATION" if error.message.startswith("Variable ") else "GRAPHQL_VALIDATION_FAILED"


def check_unambiguous(document: DocumentNode, operation_name: str | None) -> None:
    """Raises what the specification answers to several operations without a name; Strawberry would run the first."""
    operations = sum(isinstance(definition, OperationDefinitionNode) for definition in document.definitions)
    if operations > 1 and operation_name is None:
        raise GraphQLError("Must provide operation name if query contains multiple operations.")


class Graph(strawberry.Schema):
    """Strawberry's schema with a context of its own for each operation, closed when the answer is complete."""

    async def execute(self, query: str | None, **kwargs: Any) -> ExecutionResult:  # type: ignore[override]
        context: Context = kwargs.pop("context_value").fork()
        try:
            result = await super().execute(query, context_value=context, **kwargs)
        finally:
            await context.renew()
        self._present(result)
        return result

    async def stream(  # type: ignore[override]
        self, query: str | None, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        context: Context = kwargs.pop("context_value").fork()

        async def results() -> AsyncGenerator[Any, None]:
            source: Any = await super(Graph, self).stream(query, context_value=context, **kwargs)
            try:
                async for result in source:
                    for error in result.errors or ():
                        if error.path is None and isinstance(error.original_error, ClientError):
                            error.path = subscribed_path(query or "", kwargs.get("operation_name"))
                    self._present(result)
                    yield result
            finally:
                await source.aclose()
                await context.renew()

        return results()

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: SchemaExtensionsRunner
    ) -> PreExecutionError | None:
        # The one place that all operations pass before they are validated; Strawberry takes the document from here.
        if context.query:
            try:
                document = parse_within_limits(context.query)
                check_unambiguous(document, context.operation_name)
                check_variables(context.variables)
            except GraphQLError as error:
                return PreExecutionError(data=None, errors=[error])
            context.graphql_document = document
        return await super()._prepare_operation_async(context, extensions_runner)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: what is unexpected is logged once, where it is masked."""

    @staticmethod
    def _present(result: Any) -> None:
        if getattr(result, "errors", None):
            result.errors = [presented(error) for error in result.errors]


graph = Graph(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=USER_ERROR_TYPES,
    config=StrawberryConfig(scalar_map={**SCALARS, **TIME_SCALARS}),
)
