"""A client that only listens, on plans of this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from auth import Claims, Role
from execution.live.plan import Follower
from execution.live.plans import SharedPlans
from schema.graph import graph
from tests.asking import Asker

PATIENCE = 20
"""Seconds that an answer may take on a slow machine; nothing is thought to be missing before."""


async def eventually(is_so: Callable[[], bool]) -> None:
    """Waits until it is so."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.01)


class Ear:
    """A sink that keeps what it is told. ``is_free`` False: it has not taken the answer before."""

    def __init__(self) -> None:
        self.is_free = True
        self.payloads: list[bytes] = []
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.follower: Follower | None = None

    def put(self, payload: bytes) -> None:
        self.payloads.append(payload)
        self._heard.put_nowait(json.loads(payload))

    def end(self, errors: Sequence[Mapping[str, Any]]) -> None:
        self._heard.put_nowait({"ended": [error["extensions"]["code"] for error in errors], "errors": errors})

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            return await self._heard.get()

    async def data(self) -> dict[str, Any]:
        """The root field of the next answer, which has no errors."""
        answer = await self.next()
        assert "errors" not in answer, answer
        [root] = answer["data"].values()
        assert isinstance(root, dict)
        return root

    async def until(self, wanted: Any) -> dict[str, Any]:
        """The first answer that is as wanted."""
        while not wanted(answer := await self.data()):
            pass
        return answer

    @property
    def is_silent(self) -> bool:
        """Whether nothing was told that was not asked about."""
        return self._heard.empty()


class Listening:
    """``listen(document, person="mia", role="MANAGER")`` follows a subscription as that person of ``north``."""

    def __init__(self, asker: Asker, graph: Any = graph) -> None:
        self.ask = asker
        self.plans = SharedPlans(graph, asker.services)
        self._graph = graph

    def __call__(
        self,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        person: str = "mia",
        role: str = "MANAGER",
        organization: str = "north",
        lifetime: float = 3600,
        group_ids: tuple[str, ...] | None = None,
    ) -> Ear:
        expires_at = datetime.now(UTC) + timedelta(seconds=lifetime)
        claims = Claims(organization, person, Role(role), group_ids, expires_at)
        ear = Ear()
        operation = graph.operations.prepare(document)
        ear.follower = self.plans.follow(operation, variables, replace(claims), ear)
        return ear

    async def settled(self) -> None:
        """Returns when all that was committed is heard, and all plans that it concerns have asked."""
        await self.ask.services.changes.catch_up()
        await eventually(lambda: not self.plans.is_busy)

    def close(self) -> None:
        self.plans.close()
