"""A school to try executors on, which nobody changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from graphql import ExecutionResult

from schema.graph import graph
from settings import DatabaseRole
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.execution.callers import Caller
from tests.execution.equivalence import assert_same, errors_of, without_propagation
from tests.execution.generated_values import World
from tests.execution.held_snapshot import HeldPool
from tests.execution.lively_school import enliven
from tests.school import new_school


@dataclass(frozen=True, repr=False)
class School:
    """``ask`` reads by ``pool``; ``world`` is what there is to ask about."""

    ask: Asker
    pool: HeldPool
    world: World

    async def both(
        self, text: str, caller: Caller, variables: dict[str, Any] | None = None
    ) -> tuple[ExecutionResult, Counter[str]]:
        """The answer, if both executors give the same over one snapshot, and why the compiled one left it to the other."""
        operation = graph.operations.prepare(text)
        context = self.ask.context(**caller)
        async with self.pool.held():
            stock = await graph.run(operation, variables, context, compiled=False)
            bailouts = Counter(graph.executor.bailouts)
            compiled = await graph.run(operation, variables, context)
            bailouts = graph.executor.bailouts - bailouts
            # What one statement was enough for is asked differently from now on.
            again = await graph.run(operation, variables, context)
            everything = None
            if errors_of(compiled) != errors_of(stock):
                with without_propagation(graph.schema):
                    everything = await graph.run(operation, variables, context, compiled=False)
        try:
            assert_same(compiled, stock, everything)
            assert (again.data, errors_of(again)) == (compiled.data, errors_of(compiled))
            assert "failure" not in bailouts
        except AssertionError as error:
            error.add_note(f"{text}\n{json.dumps(variables)}\n{caller}")
            raise
        return compiled, bailouts


@pytest.fixture(scope="session")
async def lively_school(new_lasting_database: Callable[[], Database], servers: Servers) -> AsyncIterator[School]:
    ask = Asker(new_school(new_lasting_database, is_folded=True), servers)
    world = await enliven(ask)
    pool = HeldPool(ask.database.url, DatabaseRole.API, size=3, statement_timeout=10)
    ask.services = replace(ask.services, read_pool=pool)
    yield School(ask, pool, world)
    await pool.aclose()
    await ask.aclose()
