"""Messages to webhooks: signed, tried again, given up, and never in the way of each other."""

from __future__ import annotations

import asyncio
import base64
from contextlib import aclosing
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.outbox import EventType, tell
from db.queries.webhook_deliveries import MOST_TRIES, PAUSES, claim_deliveries
from settings import Settings
from tests.conftest import Database
from tests.workers.asking import execute, value
from tests.workers.outbox.reading import add
from tests.workers.receiver import Receiver, receiver
from workers import webhook_post, webhooks
from workers.maintenance import clean_up
from workers.outbox.brokers import publisher_of
from workers.outbox.publishing import publish_waiting
from workers.webhooks import deliver, serve

SETTINGS = Settings(SCOREGRAPH_WEBHOOK_NETWORKS="127.0.0.0/8")
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def webhook(database: Database, url: str, organization_id: int = 1, types: str = "{metrics.alert}") -> int:
    """A webhook with a secret; its id."""
    with database.connect(None) as connection:
        row = connection.execute(
            """WITH w AS (INSERT INTO webhooks (organization_id, url, events) VALUES (%s, %s, %s) RETURNING id)
            INSERT INTO webhook_secrets SELECT id, %s FROM w RETURNING webhook_id""",
            (organization_id, url, types, SECRET),
        ).fetchone()
    assert row
    return int(str(row[0]))


def seen(database: Database, what: str = "*", where: str = "true") -> list[dict[str, Any]]:
    """Messages in their order."""
    with database.connect(None) as connection:
        query = f"SELECT to_jsonb(d) FROM (SELECT {what} FROM webhook_deliveries WHERE {where} ORDER BY id) AS d"
        return [dict(row[0]) for row in connection.execute(query.encode())]  # type: ignore[call-overload]


def of(database: Database, id: int) -> dict[str, Any]:
    return dict(value(database, "SELECT to_jsonb(w) FROM webhooks w WHERE id = %s", id))


def make_due(database: Database) -> None:
    """As if the pauses were over."""
    execute(database, "UPDATE webhook_deliveries SET next_try_at = now() WHERE next_try_at IS NOT NULL")
    execute(database, "UPDATE webhooks SET held_until = NULL")


async def test_who_asked_for_an_event_is_posted_it(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        webhook(school, peer.url)
        webhook(school, peer.url, types="{AttemptRecorded}")
        webhook(school, peer.url, organization_id=2)
        (key,) = add(school, ["alerts/1"])
        await serve(SETTINGS, engine, 1)
        (request,) = peer.received
        assert request.is_signed_with(SECRET)
        assert request.headers["content-type"] == "application/cloudevents+json"
        event = orjson.loads(request.body)
        assert (event["id"], request.headers["webhook-id"]) == (key, key)
        assert (event["type"], event["subject"], event["organization"]) == ("metrics.alert", "alerts/1", "north")
    (delivery,) = seen(school)
    assert (delivery["status"], delivery["error"], delivery["tries"]) == (204, None, 1)
    assert delivery["data"] is None, "what was delivered is not kept"


async def test_what_is_of_the_platform_is_for_everybody(school: Database, engine: AsyncEngine) -> None:
    for organization_id in (1, 2):
        webhook(school, "https://hooks.example/", organization_id)
    async with engine.begin() as connection:
        await tell(connection, EventType.ALERT_FIRED, None, "alerts/1", {})
        await tell(connection, EventType.ALERT_FIRED, 2, "alerts/2", {})
    assert [(each["webhook_id"], each["subject"]) for each in seen(school)] == [
        (1, "alerts/1"),
        (2, "alerts/1"),
        (2, "alerts/2"),
    ]


async def test_the_stream_and_webhooks_do_not_wait_for_each_other(school: Database, engine: AsyncEngine) -> None:
    webhook(school, "https://hooks.example/")
    add(school, ["alerts/1"])
    async with aclosing(publisher_of(Settings())) as publisher:
        assert await publish_waiting(engine, publisher) == 1
    assert len(seen(school, where="next_try_at IS NOT NULL")) == 1


async def test_a_message_is_tried_eight_times_in_a_day(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 500
        id = webhook(school, peer.url)
        add(school, ["alerts/1"])
        for tries in range(1, MOST_TRIES):
            await serve(SETTINGS, engine, id)
            (delivery,) = seen(school, "tries, status, error, extract(epoch FROM next_try_at - clock_timestamp()) AS s")
            assert (delivery["tries"], delivery["status"]) == (tries, 500)
            assert delivery["error"] == "It answered 500."
            assert PAUSES[tries - 1] - 5 < delivery["s"] <= PAUSES[tries - 1]
            make_due(school)
        await serve(SETTINGS, engine, id)
        make_due(school)
        await serve(SETTINGS, engine, id)
    (delivery,) = seen(school)
    assert (delivery["tries"], delivery["next_try_at"], delivery["data"]) == (MOST_TRIES, None, None)
    assert delivery["failed_at"] is not None
    assert len({request.headers["webhook-id"] for request in peer.received}) == 1
    assert len(peer.received) == MOST_TRIES
    assert 23 * 3600 < sum(PAUSES) < 27 * 3600
    assert of(school, id)["is_enabled"], "less than a day has passed"


async def test_one_that_it_does_not_take_holds_up_no_other(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 400 if b"alerts/poison" in request.body else 200
        id = webhook(school, peer.url)
        add(school, ["alerts/poison", *(f"alerts/{number}" for number in range(20))])
        await serve(SETTINGS, engine, id)
    assert len(seen(school, where="delivered_at IS NOT NULL")) == 20
    assert of(school, id)["failing_since"] is None


async def test_who_takes_nothing_is_left_alone_ever_longer(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 503
        id = webhook(school, peer.url)
        add(school, [f"alerts/{number}" for number in range(100)])
        holds = []
        for _ in range(3):
            await serve(SETTINGS, engine, id)
            holds.append(
                value(
                    school,
                    "SELECT extract(epoch FROM held_until - clock_timestamp())::int FROM webhooks WHERE id = %s",
                    id,
                )
            )
            execute(school, "UPDATE webhooks SET held_until = NULL")
        assert len(peer.received) == 3 * webhooks.MESSAGES_AT_ONCE, "a round, and no more"
        assert holds[0] < 10 < holds[1] <= holds[2] <= 600
        peer.answer = lambda request: 200
        make_due(school)
        await serve(SETTINGS, engine, id)
    assert seen(school, where="delivered_at IS NULL") == []
    assert (of(school, id)["failures"], of(school, id)["failing_since"]) == (0, None)


async def test_after_a_day_of_that_it_is_disabled(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 503
        id = webhook(school, peer.url)
        add(school, ["alerts/1", "alerts/2"])
        await serve(SETTINGS, engine, id)
        execute(school, "UPDATE webhooks SET failing_since = now() - interval '25 hours', failures = 5")
        make_due(school)
        await serve(SETTINGS, engine, id)
        assert of(school, id)["is_enabled"], "too few tries"
        make_due(school)
        await serve(SETTINGS, engine, id)
        found = of(school, id)
        assert (found["is_enabled"], found["disabled_reason"]) == (False, "It took nothing for a day.")
        assert found["disabled_at"] is not None
        make_due(school)
        before = len(peer.received)
        await serve(SETTINGS, engine, id)
        add(school, ["alerts/3"])
    assert len(peer.received) == before
    assert len(seen(school)) == 2, "nothing more is asked for"


async def test_one_that_is_gone_is_disabled(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 410
        id = webhook(school, peer.url)
        add(school, ["alerts/1"])
        await serve(SETTINGS, engine, id)
    assert seen(school)[0]["failed_at"] is not None
    assert of(school, id)["disabled_reason"] == "It answered 410: it is gone for good."


async def test_a_private_address_is_told_and_not_tried_again(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        id = webhook(school, f"https://127.0.0.1:{peer.port}/")
        add(school, ["alerts/1"])
        await serve(Settings(), engine, id)
    assert peer.received == []
    (delivery,) = seen(school)
    assert delivery["error"] == "Nothing is sent to private or reserved addresses."
    assert delivery["failed_at"] is not None


async def test_workers_do_not_post_the_same_at_a_time(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        id = webhook(school, peer.url)
        keys = add(school, [f"alerts/{number}" for number in range(60)])
        await asyncio.gather(*(serve(SETTINGS, engine, id) for _ in range(3)))
    assert sorted(request.headers["webhook-id"] for request in peer.received) == sorted(keys)


async def until(peer: Receiver, most: int) -> None:
    async with asyncio.timeout(30):
        while len(peer.received) < most:  # noqa: ASYNC110 - the peer has no event to wait for
            await asyncio.sleep(0.01)


async def test_one_that_does_not_answer_holds_up_no_other(
    school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(webhook_post, "TIMEOUT_SECONDS", 2.0)
    release = asyncio.Event()

    async def hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.close()

    stop = asyncio.Event()
    async with await asyncio.start_server(hear_out, "127.0.0.1", 0) as silent, receiver() as peer:
        webhook(school, f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        webhook(school, peer.url)
        loop = asyncio.create_task(deliver(SETTINGS, engine, stop))
        for number in range(3):
            add(school, [f"alerts/{number}"])
            await until(peer, number + 1)
        assert seen(school, where="webhook_id = 1 AND next_try_at IS NULL") == []
        release.set()
        stop.set()
        await loop
    assert len(seen(school, where="webhook_id = 1 AND error IS NOT NULL")) >= 1, "what was at hand is finished"


async def test_what_a_killed_worker_had_at_hand_is_posted_again(school: Database, engine: AsyncEngine) -> None:
    async with receiver() as peer:
        id = webhook(school, peer.url)
        (key,) = add(school, ["alerts/1"])
        async with engine.begin() as connection:
            assert await claim_deliveries(connection, id, 8)
        await serve(SETTINGS, engine, id)
        assert peer.received == [], "it is another worker's for a minute"
        assert 50 < value(school, "SELECT extract(epoch FROM next_try_at - now())::int FROM webhook_deliveries") <= 60
        make_due(school)
        await serve(SETTINGS, engine, id)
    assert [request.headers["webhook-id"] for request in peer.received] == [key]


async def test_old_messages_are_forgotten(school: Database, engine: AsyncEngine) -> None:
    webhook(school, "https://hooks.example/")
    add(school, ["alerts/old", "alerts/new"])
    execute(school, "UPDATE webhook_deliveries SET at = now() - interval '8 days' WHERE subject = 'alerts/old'")
    await clean_up(engine)
    assert [delivery["subject"] for delivery in seen(school)] == ["alerts/new"]
