"""PostgreSQL says nothing, and does not hang up either."""

from __future__ import annotations

import asyncio

import pytest

from db import transaction
from tests.resilience.asking import Clients, rename, until
from tests.resilience.own_servers import OwnServers


async def test_silent(own: OwnServers, clients: Clients) -> None:
    """The kernel still takes calls for it, and nobody ever answers."""
    rename(own.database, "Ben")
    await clients.until("Ben")
    with own.stopped("postgres"):
        fresh, _, _ = await asyncio.gather(
            clients.fresh_name(),
            # What was kept is right, and no longer told once nothing has been heard for a while.
            clients.until_code("UNAVAILABLE"),
            until(clients.health, lambda health: health[0] == 503),
        )
        assert fresh.code == "UNAVAILABLE"
        assert {told.name for told in clients.answers} <= {"Ben", None}
    await clients.until_healthy()
    await clients.until_code(None)
    rename(own.database, "Bennet")
    await clients.until("Bennet")


async def test_changes_that_nobody_takes(own: OwnServers, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes something is told so, and may send it again."""
    monkeypatch.setattr(transaction, "MOST_SECONDS", 1.0)
    assert await clients.rename("Bea") is None
    with own.stopped("postgres"):
        assert await asyncio.gather(*(clients.rename("Bert") for _ in range(3))) == ["UNAVAILABLE"] * 3
    await clients.until_healthy()
    assert await clients.rename("Ben") is None
    assert (await clients.fresh_name()).name == "Ben"
