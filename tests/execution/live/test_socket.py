"""graphql-transport-ws over real sockets, to the letter, with clients that mean no good among others that do."""

from __future__ import annotations

import asyncio
import errno
import json
import random
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import Database, Servers
from tests.execution.live.ear import eventually
from tests.execution.live.gauges import figure, it_becomes
from tests.execution.live.talk import PATIENCE, Talk, talking
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

WHO = "{ viewer { role user { externalId } } }"
BOARD = "subscription { leaderboardUpdated(metric: TASKS, throttle: 0.1) { leaderboard { top(first: 9) { value } } } }"
OPERATIONS = 5


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, live_operations=OPERATIONS) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(school: Database, servers: Servers) -> Iterator[Gateway]:
    """A gateway without patience."""
    with running_gateway(school, servers, live_init_timeout=0.3, live_heartbeat=0.2, live_patience=0.5) as running:
        yield running


# The beginning


async def test_a_client_that_speaks_another_protocol(gateway: Gateway) -> None:
    for offered in ((), ("graphql-ws",), ("graphql-transport-ws2",)):
        async with talking(gateway, offered) as talk:
            assert talk.socket.subprotocol is None
            assert (await talk.closed())[0] == 4406


async def test_the_protocol_is_found_among_others(gateway: Gateway) -> None:
    async with talking(gateway, ("graphql-ws", "graphql-transport-ws")) as talk:
        assert talk.socket.subprotocol == "graphql-transport-ws"
        await talk.init()


async def test_a_client_that_does_not_begin(hasty: Gateway) -> None:
    async with talking(hasty) as talk:
        assert await talk.closed() == (4408, "Connection initialisation timeout")


async def test_pings_are_no_beginning(hasty: Gateway) -> None:
    async with talking(hasty) as talk:
        await talk.send(type="ping", payload={"a": 1})
        assert await talk.next() == {"type": "pong"}
        assert await talk.closed() == (4408, "Connection initialisation timeout")


async def test_a_client_that_begins_twice(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init()
        await talk.send(type="connection_init")
        assert await talk.closed() == (4429, "Too many initialisation requests")


async def test_a_client_that_asks_before_it_begins(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.subscribe(WHO)
        assert await talk.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize("authorization", ["Bearer nonsense", "nonsense", "", 5, [], {"a": 1}])
async def test_a_token_that_is_not_accepted(gateway: Gateway, authorization: Any) -> None:
    async with talking(gateway) as talk:
        await talk.send(type="connection_init", payload={"authorization": authorization})
        code, reason = await talk.closed()
        assert (code, bool(reason)) == (4403, True)


async def test_the_token_may_come_with_the_upgrade(gateway: Gateway) -> None:
    for token, said in (("ben", None), ("mia", "ben")):
        headers = {"Authorization": f"Bearer {gateway.token(token, 'STUDENT')}"}
        async with talking(gateway, additional_headers=headers) as talk:
            await talk.init(said and gateway.token(said, "STUDENT"))
            await talk.subscribe(WHO)
            answer = (await talk.next())["payload"]["data"]["viewer"]
            assert answer == {"role": "STUDENT", "user": {"externalId": "ben"}}, "what the message says comes first"
    async with talking(gateway, additional_headers={"Authorization": "Bearer nonsense"}) as talk:
        await talk.send(type="connection_init")
        assert (await talk.closed())[0] == 4403


async def test_without_a_token_nobody_is_asking(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init()
        for id, query in (("1", BOARD), ("2", WHO)):
            await talk.subscribe(query, id)
            answer = await talk.next()
            errors = answer["payload"] if answer["type"] == "error" else answer["payload"]["errors"]
            assert (answer["id"], errors[0]["extensions"]["code"]) == (id, "UNAUTHENTICATED")
            if answer["type"] == "next":
                assert (await talk.next())["type"] == "complete"


# Operations


async def test_queries_and_mutations_work_as_well(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init(gateway.token("root", "ADMIN"))
        await talk.subscribe(WHO, "q")
        assert await talk.next() == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"viewer": {"role": "ADMIN", "user": {"externalId": "root"}}}},
        }
        assert await talk.next() == {"id": "q", "type": "complete"}
        mutation = (
            'mutation { upsertTopics(input: {topics: [{externalId: "logic", title: "Logic"}]}) { topics { title } } }'
        )
        await talk.subscribe(mutation, "q")
        assert (await talk.next())["payload"]["data"] == {"upsertTopics": {"topics": [{"title": "Logic"}]}}
        assert await talk.next() == {"id": "q", "type": "complete"}


TWO = "query A { __typename } query B { b: __typename }"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "BAD_REQUEST"),
        ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": TWO}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": TWO, "operationName": "C"}, "BAD_REQUEST"),
        ({"query": "fragment F on User { id }"}, "GRAPHQL_VALIDATION_FAILED"),
        (
            {"query": "subscription { a: leaderboardUpdated { version } b: leaderboardUpdated { version } }"},
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ({"query": "query ($a: Int!) { users(first: $a) { nodes { id } } }"}, "VALIDATION"),
        (
            {
                "query": "subscription ($a: ID!) { userPerformanceUpdated(userId: $a) { score } }",
                "variables": {"a": []},
            },
            "VALIDATION",
        ),
        ({"query": 'subscription { userPerformanceUpdated(userId: "x") { score } }'}, "VALIDATION"),
        ({"query": "subscription { leaderboardUpdated(throttle: 0) { version } }"}, "VALIDATION"),
        ({"query": "subscription { leaderboardUpdated(scope: GROUP) { version } }"}, "VALIDATION"),
    ],
)
async def test_one_bad_operation_harms_no_other(gateway: Gateway, payload: dict[str, Any], code: str) -> None:
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        await talk.subscribe(BOARD, "good")
        assert (await talk.next())["id"] == "good"
        await talk.send(type="subscribe", id="bad", payload=payload)
        answer = await talk.next()
        assert (answer["id"], answer["type"]) == ("bad", "error")
        assert answer["payload"][0]["extensions"]["code"] == code
        assert answer["payload"][0]["message"]
        # Its id is free again, and nothing more is said of it.
        await talk.subscribe("{ __typename }", "bad")
        assert [(await talk.next())["type"] for _ in range(2)] == ["next", "complete"]


async def test_an_id_that_is_in_use(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        await talk.subscribe(BOARD, "ü" * 100)
        await talk.subscribe("{ __typename }", "ü" * 100)
        code, reason = await talk.closed()
        assert (code, reason[:16]) == (4409, "Subscriber for ü")


async def test_a_client_may_have_enough(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        for _ in range(OPERATIONS * 2):
            await talk.subscribe(BOARD, "1")
            assert (await talk.next())["type"] == "next"
            await talk.send(type="complete", id="1")
        await talk.send(type="complete", id="1")
        await talk.send(type="complete", id="never was")
        # A query that is taken back at once may be answered or not, but its id is free.
        await talk.subscribe(WHO, "2")
        await talk.send(type="complete", id="2")
        await talk.subscribe("{ __typename }", "2")
        while (answer := await talk.next())["type"] == "complete" or "viewer" in json.dumps(answer):
            pass
        assert (answer["id"], answer["payload"]) == ("2", {"data": {"__typename": "Query"}})


async def test_more_operations_than_a_socket_may_have_are_refused_one_by_one(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        for number in range(OPERATIONS + 1):
            await talk.subscribe(BOARD, str(number))
        answers = [await talk.next() for _ in range(OPERATIONS + 1)]
        refused = [answer for answer in answers if answer["type"] == "error"]
        assert [(answer["id"], answer["payload"][0]["extensions"]["code"]) for answer in refused] == [
            (str(OPERATIONS), "TOO_MANY_OPERATIONS")
        ]
        await talk.send(type="complete", id="0")
        await talk.subscribe("{ __typename }", "again")
        assert (await talk.next())["type"] == "next"


async def test_deep_variables_end_their_operation_only(gateway: Gateway) -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        for name, kind in (("x", "error"), ("unknown", "next")):
            await talk.subscribe(
                "subscription ($x: String) { leaderboardUpdated(since: $x) { version } }", variables={name: deep}
            )
            answer = await talk.next()
            assert answer["type"] == kind
            if kind == "error":
                assert answer["payload"][0]["extensions"]["code"] == "VALIDATION"


# Life signs


async def test_a_quiet_socket_is_pinged_and_stays(hasty: Gateway) -> None:
    async with talking(hasty) as talk:
        await talk.init()
        pings = 0
        while pings < 4:
            message = json.loads(await asyncio.wait_for(talk.socket.recv(), PATIENCE))
            assert message == {"type": "ping"}
            pings += 1
            await talk.send(type="pong", payload={"any": "thing"})
        await talk.subscribe("{ __typename }")
        assert (await talk.next())["type"] == "next"


async def test_a_client_that_leaves_a_ping_unanswered(hasty: Gateway) -> None:
    async with talking(hasty) as talk:
        await talk.init()
        assert await talk.closed() == (4408, "A ping was not answered.")


@pytest.fixture
def impatient(school: Database, servers: Servers, small_buffers: None) -> Iterator[Gateway]:
    """A gateway on which a client is soon stuck."""
    with running_gateway(school, servers, live_patience=0.3, live_heartbeat=60) as running:
        yield running


async def test_a_client_that_takes_nothing_is_hung_up_on_without_hurting_others(
    impatient: Gateway, school: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even the closing frame gets through, the connection is cut."""
    monkeypatch.setattr("commands.socket_protocol.FLUSH_SECONDS", 0.1)
    async with talking(impatient) as other, talking(impatient) as talk:
        await other.init(impatient.token("mia", "MANAGER"))
        await other.subscribe(BOARD)
        await other.next()
        await takes_nothing(impatient, talk)
        changes_a_board(school, "ben")
        assert (await other.next())["type"] == "next"
        connection = talk.socket.transport.get_extra_info("socket")
        await eventually(lambda: connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET)
        talk.socket.transport.abort()
        changes_a_board(school, "cleo")
        assert (await other.next())["type"] == "next"


async def test_a_client_that_was_stuck_may_learn_why_it_was_closed(impatient: Gateway) -> None:
    async with talking(impatient) as talk:
        await takes_nothing(impatient, talk)
        talk.socket.transport.resume_reading()
        assert await talk.closed() == (4408, "What is sent is not taken.")


async def takes_nothing(gateway: Gateway, talk: Talk) -> None:
    """Asks for far more than all buffers hold; returns when the gateway has given the client up."""
    await talk.init(gateway.token("root", "ADMIN"))
    talk.socket.transport.pause_reading()
    for number in range(30):
        await talk.subscribe("{ __schema { types { name description fields { name description } } } }", str(number))
    await it_becomes(gateway, graphql_subscription_stuck_clients_total=1)


def changes_a_board(school: Database, person: str) -> None:
    """One more lab is completed, out of the two that nobody has begun."""
    with school.connect() as owner:
        changed = owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
               SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() - interval '1 minute'
               FROM users u JOIN labs l USING (organization_id) JOIN organizations o ON o.id = u.organization_id
               WHERE o.slug = 'north' AND u.external_id = %s AND NOT EXISTS (
                 SELECT FROM attempts a WHERE a.user_id = u.id AND a.lab_id = l.id AND a.status = 'SUCCEEDED')
               LIMIT 1""",
            (person,),
        )
        assert changed.rowcount == 1, "there is nothing left to do"


# Frames of those who mean no good


async def test_a_message_of_more_than_a_mebibyte(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init()
        await talk.send(type="ping", payload={"x": "y" * (1024 * 1024)})
        assert (await talk.closed())[0] == 1009


async def test_a_message_of_nearly_a_mebibyte(gateway: Gateway) -> None:
    async with talking(gateway) as talk:
        await talk.init()
        await talk.send(type="ping", payload={"x": "y" * (1024 * 1000)})
        assert await talk.next() == {"type": "pong"}


@pytest.mark.parametrize("seed", range(4))
async def test_hostile_frames_close_their_socket_with_a_code_of_the_protocol(gateway: Gateway, seed: int) -> None:
    chance = random.Random(seed)
    good = [
        {"type": "connection_init", "payload": {}},
        {"type": "subscribe", "id": "1", "payload": {"query": WHO, "variables": {"a": None}}},
        {"type": "ping", "payload": {}},
        {"type": "complete", "id": "1"},
    ]
    codes = {1009, 4400, 4401, 4403, 4409, 4429}
    async with talking(gateway) as bystander:
        await bystander.init(gateway.token("ben", "STUDENT"))
        for _ in range(25):
            async with talking(gateway) as talk:
                if chance.random() < 0.8:
                    await talk.init(gateway.token("mia", "MANAGER"))
                for _ in range(6):
                    text = json.dumps(chance.choice(good)).encode()
                    place = chance.randrange(len(text))
                    mutated = (
                        text[:place]
                        + bytes([chance.randrange(32, 127)]) * chance.randrange(3)
                        + text[place + chance.randrange(3) :]
                    )
                    await talk.socket.send(mutated if chance.random() < 0.1 else mutated.decode())
                # Whatever it made of these: this ends it.
                await talk.socket.send("[]")
                assert (await talk.closed())[0] in codes
        await bystander.subscribe(WHO)
        assert (await bystander.next())["payload"]["data"]["viewer"]["user"] == {"externalId": "ben"}


OPEN = ("websocket_connections", "graphql_subscriptions")


@pytest.mark.parametrize("abort", [True, False])
async def test_sockets_that_vanish_leave_nothing_behind(gateway: Gateway, abort: bool) -> None:
    sockets, followers = [await figure(gateway, name) for name in OPEN]
    async with talking(gateway) as talk:
        await talk.init(gateway.token("mia", "MANAGER"))
        for number in range(OPERATIONS):
            await talk.subscribe(BOARD, str(number))
            await talk.next()
        assert [await figure(gateway, name) for name in OPEN] == [sockets + 1, followers + OPERATIONS]
        if abort:
            talk.socket.transport.abort()
    await it_becomes(gateway, websocket_connections=sockets, graphql_subscriptions=followers)


def test_sockets_are_closed_when_the_gateway_stops(school: Database, servers: Servers) -> None:
    async def talk_until_closed(gateway: Gateway, begun: asyncio.Event) -> tuple[int, str]:
        async with talking(gateway) as talk:
            await talk.init(gateway.token("mia", "MANAGER"))
            await talk.subscribe(BOARD)
            await talk.next()
            begun.set()
            return await talk.closed()

    async def run() -> tuple[int, str]:
        loop = asyncio.get_running_loop()
        running = running_gateway(school, servers)
        gateway = await loop.run_in_executor(None, running.__enter__)
        begun = asyncio.Event()
        closed = asyncio.create_task(talk_until_closed(gateway, begun))
        await asyncio.wait_for(begun.wait(), PATIENCE)
        await loop.run_in_executor(None, running.__exit__, None, None, None)
        return await closed

    assert asyncio.run(run())[0] == 1012
