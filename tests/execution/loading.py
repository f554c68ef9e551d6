"""Both executors on a schema of the test's own, in a context that loads without any database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import strawberry
from graphql import ExecutionResult, FragmentDefinitionNode, OperationDefinitionNode, parse, validate

from db.snapshot import Snapshot
from execution.executor import OperationExecutor
from execution.operations import RULES, Operation
from resolvers.context import Context, Services
from tests.execution.equivalence import assert_same


class LoadingContext(Context):
    """What loads are given as their snapshot is the context itself."""

    def __init__(self) -> None:
        super().__init__(cast(Services, None), None)

    @property
    def snapshot(self) -> Snapshot:
        return cast(Snapshot, self)


class Both:
    """Runs operations by the compiled and by the standard executor and compares the answers."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = schema._schema
        self.executor = OperationExecutor(self.schema)

    async def __call__(
        self, document: str, new_context: Callable[[], Context], variables: dict[str, Any] | None = None
    ) -> tuple[ExecutionResult, str | None]:
        """The answer, and why the compiled executor left it to the other; None where it did not."""
        operation = self.prepared(document)
        stock = await self.executor.run(operation, variables, new_context(), compiled=False)
        self.executor.bailouts.clear()
        compiled = await self.executor.run(operation, variables, new_context())
        assert_same(compiled, stock)
        # Once more, with what the first time left in the plan.
        again = await self.executor.run(operation, variables, new_context())
        assert_same(again, stock)
        assert "failure" not in self.executor.bailouts
        return compiled, next(iter(self.executor.bailouts), None)

    def prepared(self, document: str) -> Operation:
        """Without the limits that hold for clients."""
        parsed = parse(document)
        assert validate(self.schema, parsed, RULES) == []
        [node] = [each for each in parsed.definitions if isinstance(each, OperationDefinitionNode)]
        fragments = {each.name.value: each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode)}
        return Operation(document, None, parsed, node, fragments)
