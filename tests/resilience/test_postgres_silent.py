"""PostgreSQL says nothing, and does not hang up either."""

from __future__ import annotations

import asyncio

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
