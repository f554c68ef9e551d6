"""Clients that ask the same all the time, and note what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.conftest import Database
from tests.gateway import Gateway

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds that recovery may take on a slow machine."""

LONGEST_ANSWER = 15.0
"""Seconds that no answer may take, whatever is wrong: the time a connection may take to be made, and then that of a statement."""

NAME = '{ user(by: {externalId: "ben"}) { displayName } }'
RENAME = """mutation ($name: String!) {
  upsertUsers(input: {users: [{externalId: "ben", displayName: $name}]}) { userErrors { message } } }"""


def rename(database: Database, name: str) -> None:
    with database.connect() as owner:
        owner.execute(
            """UPDATE users SET display_name = %s FROM organizations o
               WHERE o.id = organization_id AND o.slug = 'north' AND external_id = 'ben'""",
            (name,),
        )


async def until(look: Callable[[], Awaitable[T]], is_as_wanted: Callable[[T], bool]) -> None:
    """Looks until it is."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if is_as_wanted(await look()):
                return
            await asyncio.sleep(0.02)


@dataclass
class Told:
    """What one answer says: the name, or the code of what is wrong."""

    name: str | None
    code: str | None


class Clients:
    """Of one gateway. ``answers`` are all that were given."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.http = httpx.AsyncClient(base_url=gateway.url, timeout=LONGEST_ANSWER)
        self.answers: list[Told] = []
        self._headers = gateway.headers("mia", "MANAGER")

    async def post(self, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        answer = await self.http.post("/graphql", json=body, headers={**self._headers, **headers})
        content: dict[str, Any] = answer.json()
        return content

    async def name(self, **headers: str) -> Told:
        """What ben is called."""
        told = _told(await self.post({"query": NAME}, **headers))
        self.answers.append(told)
        return told

    async def fresh_name(self) -> Told:
        """As it is in the database."""
        return await self.name(**{"Cache-Control": "no-cache"})

    async def rename(self, name: str) -> str | None:
        """Through the gateway; the code of what was wrong."""
        body = {"query": RENAME, "variables": {"name": name}}
        content = await self.post(body, **self.gateway.headers("root", "ADMIN"))
        return content["errors"][0]["extensions"]["code"] if content.get("errors") else None

    async def until(self, name: str) -> None:
        """Asks until that is what ben is called."""
        await until(self.name, lambda told: told.name == name)

    async def until_code(self, code: str | None) -> None:
        """Asks until this is wrong, or nothing is."""
        await until(self.name, lambda told: told.code == code)

    async def until_feed_is(self, status: str) -> None:
        await until(self.health, lambda health: health[1]["checks"]["changeFeed"]["status"] == status)

    async def until_healthy(self) -> None:
        await until(self.health, lambda health: health[1]["status"] == "ok")

    async def health(self) -> tuple[int, dict[str, Any]]:
        answer = await self.http.get("/health/ready")
        return answer.status_code, answer.json()

    @asynccontextmanager
    async def load(self, clients: int = 8) -> AsyncIterator[None]:
        """So many ask meanwhile, each as soon as it has its answer."""
        over = asyncio.Event()

        async def ask() -> None:
            while not over.is_set():
                await self.name()

        tasks = [asyncio.create_task(ask()) for _ in range(clients)]
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*tasks)


def _told(content: dict[str, Any]) -> Told:
    if errors := content.get("errors"):
        return Told(None, errors[0]["extensions"]["code"])
    return Told(content["data"]["user"]["displayName"], None)
