"""The graph: the types put together, one context per operation, and errors that say enough and no more."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import strawberry
import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSyntaxError
from strawberry.schema.config import StrawberryConfig

from db.engine import DatabaseUnavailable
from db.entering import UnknownCaller
from execution.executor import OperationExecutor
from execution.operations import Operation, Operations, RequestErrors
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


def _code_of_request(error: GraphQLError) -> str:
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "VALIDATION" if error.message.startswith("Variable ") else "GRAPHQL_VALIDATION_FAILED"


class Graph:
    """The schema and how it is executed: a context of its own for each operation, closed when the answer is complete, and
    errors as clients may see them.
    """

    def __init__(self, schema: strawberry.Schema) -> None:
        self.printed = schema.as_str()
        self.schema = schema._schema
        self.operations = Operations(self.schema)
        self.executor = OperationExecutor(self.schema)

    async def run(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context, *, compiled: bool = True
    ) -> ExecutionResult:
        """The answer to a query or mutation. ``compiled=False`` leaves it to graphql-core alone."""
        context = context.fork()
        try:
            result = await self.executor.run(operation, variables, context, compiled=compiled)
        finally:
            await context.aclose()
        return self._presented(result)

    def check_variables(self, operation: Operation, variables: dict[str, Any] | None) -> None:
        """Raises RequestErrors where they are not such as the operation takes."""
        self.executor.variables(operation, variables)

    async def ask(self, operation: Operation, variables: dict[str, Any] | None, context: Context) -> ExecutionResult:
        """What a subscription answers now, in a context that is for this alone."""
        try:
            result = await self.executor.ask(operation, variables, context)
        finally:
            await context.aclose()
        return self._presented(result)

    async def execute(
        self,
        query: str,
        variable_values: dict[str, Any] | None = None,
        context_value: Context | None = None,
        operation_name: str | None = None,
    ) -> ExecutionResult:
        """Prepares and runs a document."""
        assert context_value is not None
        try:
            operation = self.operations.prepare(query, operation_name)
        except RequestErrors as error:
            return ExecutionResult(None, self.presented(error.errors))
        return await self.run(operation, variable_values, context_value)

    @staticmethod
    def presented(errors: list[GraphQLError]) -> list[GraphQLError]:
        """The errors as a client sees them: each with a code, unexpected ones masked."""
        return [presented(error) for error in errors]

    def _presented(self, result: ExecutionResult) -> ExecutionResult:
        if result.errors:
            result.errors = self.presented(result.errors)
        return result


graph = Graph(
    strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=USER_ERROR_TYPES,
        config=StrawberryConfig(scalar_map={**SCALARS, **TIME_SCALARS}),
    )
)
