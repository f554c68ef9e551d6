"""Asks the graph through a cache of answers, and beside it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson

from execution.response_cache import Computed, Kept, ResponseCache, question_of
from resolvers.context import Context
from schema.graph import graph
from tests.asking import Asker
from tests.conftest import Database, Servers

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Who:
    """Somebody with a token."""

    person: str
    role: str
    organization: str = "north"
    group_ids: tuple[str, ...] | None = None


MIA = Who("mia", "MANAGER")
ROOT = Who("root", "ADMIN")
ADA = Who("ada", "TEACHER")
TOM = Who("tom", "TEACHER")
BEN = Who("ben", "STUDENT")


class Keeper(Asker):
    """One process with a cache. ``executed`` counts what was executed to be kept."""

    def __init__(self, database: Database, servers: Servers, most_bytes: int = 8 * MEBIBYTE) -> None:
        super().__init__(database, servers)
        self.cache = ResponseCache(self.services.changes, self.services.read_pool, most_bytes)
        self.executed = 0
        self.begun = asyncio.Event()

    async def hearing(self) -> None:
        """Waits until answers are kept."""
        self.cache.open()
        async with self.services.changes.listen(()):
            pass
        assert self.cache.is_on

    def context_of(self, who: Who) -> Context:
        return self.context(who.person, who.role, who.organization, group_ids=who.group_ids)

    async def computed(self, document: str, variables: dict[str, Any] | None, context: Context) -> Computed:
        result = await graph.execute(document, variable_values=variables, context_value=context)
        content: dict[str, Any] = {"data": result.data}
        if result.errors:
            content["errors"] = [error.formatted for error in result.errors]
        return Computed(orjson.dumps(content), is_complete=not result.errors)

    async def kept(self, document: str, who: Who, variables: dict[str, Any] | None = None) -> Kept | Computed:
        """The answer as the cache gives it."""
        context = self.context_of(who)

        async def compute() -> Computed:
            self.executed += 1
            self.begun.set()
            return await self.computed(document, variables, context)

        assert context.claims is not None
        return await self.cache.answer(question_of(document, None, variables), context.claims, compute)

    async def ask(self, document: str, who: Who, variables: dict[str, Any] | None = None) -> bytes:
        return body_of(await self.kept(document, who, variables))

    async def ask_anew(self, document: str, who: Who, variables: dict[str, Any] | None = None) -> bytes:
        """The answer beside the cache."""
        return (await self.computed(document, variables, self.context_of(who))).body

    async def is_kept(self, document: str, who: Who, variables: dict[str, Any] | None = None) -> bool:
        """Whether the answer is there; asks if it is not."""
        kept = await self.kept(document, who, variables)
        return isinstance(kept, Kept) and kept.is_hit


def body_of(answered: Kept | Computed) -> bytes:
    return answered.entry.body if isinstance(answered, Kept) else answered.body
