"""Valkey killed, slow and emptied: it may cost speed and memory of documents, never an answer."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import redis

from tests.resilience.asking import Clients, rename
from tests.resilience.own_servers import OwnServers


def by_hash(query: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}}


def codes(content: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in content.get("errors", ())]


async def all_is_right(clients: Clients, own: OwnServers, name: str) -> None:
    """For many at once, kept or not, for those who send their document by its hash, and for those who change something."""
    rename(own.database, name)
    await clients.until(name)
    clients.answers.clear()
    async with clients.load():
        told = await asyncio.gather(*(clients.fresh_name() for _ in range(20)))
    assert {(one.name, one.code) for one in (*told, *clients.answers)} == {(name, None)}
    assert await clients.rename(f"{name} II") is None
    assert (await clients.fresh_name()).name == f"{name} II"
    query = f"{{ viewer {{ role }} {name}: __typename }}"
    assert codes(await clients.post(by_hash(query))) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert codes(await clients.post({"query": query, **by_hash(query)})) == []
    assert codes(await clients.post(by_hash(query))) == []
    assert (await clients.health())[1]["status"] == "ok"


async def test_killed_and_started_again(own: OwnServers, clients: Clients) -> None:
    await all_is_right(clients, own, "Before")
    await asyncio.to_thread(own.kill, "valkey")
    await all_is_right(clients, own, "Without")
    await asyncio.to_thread(own.start_valkey)
    await all_is_right(clients, own, "After")


async def test_silent(own: OwnServers, clients: Clients) -> None:
    with own.stopped("valkey"):
        await all_is_right(clients, own, "Silent")
    await all_is_right(clients, own, "Speaking")


async def test_emptied(own: OwnServers, clients: Clients) -> None:
    await all_is_right(clients, own, "Full")
    with redis.Redis.from_url(own.servers.redis_url) as valkey:
        valkey.flushall()
    await all_is_right(clients, own, "Empty")
