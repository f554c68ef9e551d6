"""Executes operations: compiled where it can be, by graphql-core where anything is unusual."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from inspect import isawaitable
from typing import Any

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType, located_error
from graphql.execution import execute
from graphql.execution.execute import create_source_event_stream
from graphql.execution.values import VariableValues
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as StockExecutor

from execution.compiled.bail import Bail
from execution.compiled.plan import KeptPlans, Plans
from execution.compiled.run import Run
from execution.operations import Operation, RequestErrors, response_key
from execution.variables import variables_of
from resolvers.context import Context

log = structlog.get_logger(__name__)

Variables = dict[str, Any]


class OperationExecutor:
    """Of one schema. ``bailouts`` counts by reason how often graphql-core had to step in; ``read_again`` how often what one
    statement gave was not told, since something was not as expected.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.bailouts: Counter[str] = Counter()
        self.read_again = 0
        self._plans = KeptPlans(schema)

    async def run(
        self, operation: Operation, variables: Variables | None, context: Context, *, compiled: bool = True
    ) -> ExecutionResult:
        """A query or mutation, in a context that nothing else uses. ``compiled=False``: by graphql-core alone."""
        try:
            values = self.variables(operation, variables)
        except RequestErrors as error:
            return ExecutionResult(None, error.errors)
        if compiled and operation.kind is OperationType.QUERY:
            answer = await self._compiled(operation, values, context, Run.query)
            if answer is not None:
                return answer
        result = execute(
            self._schema,
            operation.document,
            context_value=context,
            variable_values=variables,
            operation_name=operation.name,
            executor_class=StockExecutor,
        )
        return await result if isawaitable(result) else result

    async def ask(self, operation: Operation, variables: Variables | None, context: Context) -> ExecutionResult:
        """What a subscription answers now, to the first event of its source; a source that fails is an error in the answer.

        Live answers are asked for again and again, each time in a context that nothing else uses.
        """
        try:
            values = self.variables(operation, variables)
        except RequestErrors as error:
            return ExecutionResult(None, error.errors)
        executor = StockExecutor.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation.name,
        )
        if isinstance(executor, list):
            return ExecutionResult(None, executor)
        found = create_source_event_stream(executor)
        source: Any = await found if isawaitable(found) else found
        if isinstance(source, ExecutionResult):
            return source
        try:
            event = await anext(source)
        except Exception as error:
            field = operation.first_field
            return ExecutionResult(None, [located_error(error, [field], [response_key(field)])])
        finally:
            await source.aclose()
        return await self._event(operation, values, context, executor.build_per_event_executor(event))

    async def _event(
        self, operation: Operation, values: VariableValues, context: Context, per_event: Any
    ) -> ExecutionResult:
        answer = await self._compiled(operation, values, context, lambda run: run.event(per_event.root_value))
        if answer is not None:
            return answer
        result: Any = per_event.execute_operation(serially=False)
        given: ExecutionResult = await result if isawaitable(result) else result
        return given

    async def _compiled(
        self,
        operation: Operation,
        values: VariableValues,
        context: Context,
        execute: Callable[[Run], Awaitable[tuple[dict[str, Any], list[GraphQLError]]]],
    ) -> ExecutionResult | None:
        """None where graphql-core has to step in; the context is then as it needs it."""
        try:
            plans = self._plans.of(operation, values)
            if plans.may_read_once() and (answer := await self._at_one_go(plans, values, context)) is not None:
                return answer
            data, errors = await execute(Run(self._schema, plans, values, context))
            if plans.reads_once is None and operation.kind is OperationType.QUERY:
                plans.reads_once = context.has_read_once
        except Bail as bail:
            reason = bail.reason
        except Exception:
            # A mistake of the compiled executor costs time, never an answer.
            log.exception("compiled_execution_failed", operation=operation.name)
            reason = "failure"
        else:
            return ExecutionResult(data, errors or None)
        finally:
            context.run_freely()
        self.bailouts[reason] += 1
        return None

    async def _at_one_go(self, plans: Plans, values: VariableValues, context: Context) -> ExecutionResult | None:
        """The answer to a query that took one statement before; None, and the context as it was, where it is not to be told."""
        single = context.read_once()
        if single is None:
            return None
        # Whatever goes wrong goes wrong again, where it is heard of.
        with suppress(Exception):
            data, errors = await Run(self._schema, plans, values, context).query()
            if single.conclude():
                plans.did_read_once(well=True)
                return ExecutionResult(data, errors or None)
        plans.did_read_once(well=False)
        self.read_again += 1
        await context.renew()
        return None

    def variables(self, operation: Operation, given: Variables | None) -> VariableValues:
        """The variables as their types want them. Raises RequestErrors."""
        return variables_of(self._schema, operation, given)
