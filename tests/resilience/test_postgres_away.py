"""PostgreSQL killed, silent, full and half deaf, under load: answers are right or say so, and all comes back by itself."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress

import psycopg

from tests.execution.live.talk import talking
from tests.gateway import running_gateway
from tests.resilience.asking import PATIENCE, Clients, rename, until
from tests.resilience.own_servers import OwnServers

FOLLOW = """subscription { leaderboardUpdated(metric: TASKS, throttle: 0.1) {
  leaderboard { top(first: 20) { user { externalId displayName } } } } }"""


def name_of_ben(message: dict[str, object]) -> object:
    assert message["type"] == "next", message
    top = message["payload"]["data"]["leaderboardUpdated"]["leaderboard"]["top"]  # type: ignore[index]
    return next(row["user"]["displayName"] for row in top if row["user"]["externalId"] == "ben")


async def test_killed_and_started_again(own: OwnServers, clients: Clients) -> None:
    rename(own.database, "Ben")
    async with talking(clients.gateway) as talk:
        await talk.init(clients.gateway.token("mia", "MANAGER"))
        await talk.subscribe(FOLLOW)
        assert name_of_ben(await talk.next()) == "Ben"
        async with clients.load():
            await clients.until("Ben")
            clients.answers.clear()
            await asyncio.to_thread(own.kill, "postgres")
            await clients.until_code("UNAVAILABLE")
            await until(clients.health, lambda health: health[0] == 503)
            assert (await clients.health())[1]["checks"]["database"]["status"] == "unavailable"
            assert (await clients.fresh_name()).code == "UNAVAILABLE"
            assert await clients.rename("Lost") == "UNAVAILABLE"
            await talk.subscribe(FOLLOW, "late")
            late = await talk.next()
            assert (late["id"], late["payload"][0]["extensions"]["code"]) == ("late", "UNAVAILABLE")
            await asyncio.to_thread(own.start_postgres)
            await clients.until("Ben")
        assert {(told.name, told.code) for told in clients.answers} == {("Ben", None), (None, "UNAVAILABLE")}
        await clients.until_healthy()
        assert await clients.rename("Benno") is None
        assert (await clients.name()).name == "Benno"
        while name_of_ben(await talk.next()) != "Benno":
            pass


async def test_out_of_connections(own: OwnServers) -> None:
    with ExitStack() as greedy:
        with suppress(psycopg.OperationalError):
            while True:
                greedy.enter_context(psycopg.connect(own.database.url))
        with running_gateway(own.database, own.servers, db_pool_size=4) as gateway:
            clients = Clients(gateway)
            told = await asyncio.gather(*(clients.name() for _ in range(20)))
            assert {one.code for one in told} == {"UNAVAILABLE"}
            assert await clients.rename("Lost") == "UNAVAILABLE"
            status, health = await clients.health()
            assert (status, health["checks"]["database"]["status"]) == (503, "unavailable")
            greedy.close()
            rename(own.database, "Ben")
            await clients.until("Ben")
            await clients.until_healthy()
            assert await clients.rename("Benno") is None
            await clients.http.aclose()


async def test_changes_that_do_not_arrive(own: OwnServers, clients: Clients) -> None:
    """Nothing is kept longer than it is known to be true; who follows something is told all the same."""
    rename(own.database, "Ben")
    await clients.until("Ben")
    async with talking(clients.gateway) as talk:
        await talk.init(clients.gateway.token("mia", "MANAGER"))
        await talk.subscribe(FOLLOW)
        assert name_of_ben(await talk.next()) == "Ben"
        with own.stopped_backend("scoregraph changes"):
            rename(own.database, "Benno")
            await clients.until("Benno")
            rename(own.database, "Bennet")
            clients.answers.clear()
            await clients.until_feed_is("degraded")
            rename(own.database, "Benedict")
            told = [await clients.name() for _ in range(3)]
            assert {one.name for one in told} == {"Benedict"}, "while nothing is heard, nothing is kept"
            async with asyncio.timeout(PATIENCE):
                while name_of_ben(await talk.next()) != "Benedict":
                    pass
        await clients.until_healthy()
        rename(own.database, "Ben")
        await clients.until("Ben")
        async with asyncio.timeout(PATIENCE):
            while name_of_ben(await talk.next()) != "Ben":
                pass
