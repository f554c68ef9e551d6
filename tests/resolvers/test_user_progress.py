"""The client against a real service on the loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from threading import Thread
from urllib.parse import unquote

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from resolvers.user_progress import (
    FAILURES_TO_OPEN,
    MAX_ID_LENGTH,
    OPEN_SECONDS,
    RecentlyKnown,
    Unknown,
    UserProgress,
    UserProgressUnavailable,
)
from settings import Settings

NOBODY: frozenset[str] = frozenset()


class Service:
    """Knows ``users`` and ``labs``, answers ``status`` instead if set, after ``delay`` seconds."""

    def __init__(self) -> None:
        self.users, self.labs = {"ada", "bob"}, {"sql-1"}
        self.status: int | None = None
        self.delay = 0.0
        self.asked: list[str] = []
        self.now = self.most_at_once = 0
        self.url = ""

    async def answer(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode().removeprefix("/base/")
        self.asked.append(path)
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        await asyncio.sleep(self.delay)
        self.now -= 1
        if self.status is not None:
            return Response(status_code=self.status, headers={"Location": "/elsewhere"})
        kind, _, segment = path.partition("/")
        known = self.users if kind == "users" else self.labs
        return Response("{}", 200 if "/" not in segment and unquote(segment) in known else 404)


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """A real server, started once, for the service of the test at hand."""

    def __init__(self) -> None:
        self.service = Service()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.service.answer(Request(scope, receive))
        await response(scope, receive, send)


@pytest.fixture(scope="module")
def host() -> Iterator[tuple[Host, str]]:
    host = Host()
    config = uvicorn.Config(host, port=0, ws="none", lifespan="off", log_config=None, loop="asyncio")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield host, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/base"
    server.should_exit = True
    thread.join()


@pytest.fixture
def service(host: tuple[Host, str]) -> Service:
    host[0].service = service = Service()
    service.url = host[1]
    return service


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
async def client(service: Service, monotonic: Monotonic) -> AsyncIterator[UserProgress]:
    client = UserProgress(service.url + "/", timeout=5, cache_seconds=300, monotonic=monotonic)
    yield client
    await client.aclose()


async def fail(client: UserProgress, *users: str) -> str:
    with pytest.raises(UserProgressUnavailable) as caught:
        await client.unknown(users, [])
    assert caught.value.code == "UNAVAILABLE"
    return str(caught.value)


async def test_known_and_unknown(client: UserProgress, service: Service) -> None:
    unknown = await client.unknown(["ada", "eve"], ["sql-1", "ada"])
    assert unknown == Unknown(frozenset({"eve"}), frozenset({"ada"}))
    assert sorted(service.asked) == ["labs/ada", "labs/sql-1", "users/ada", "users/eve"]
    assert await client.unknown([], []) == Unknown(NOBODY, NOBODY)


async def test_only_known_ids_are_remembered_and_only_for_a_while(
    client: UserProgress, service: Service, monotonic: Monotonic
) -> None:
    for _ in range(3):
        await client.unknown(["ada", "eve"], [])
    assert sorted(service.asked) == ["users/ada", "users/eve", "users/eve", "users/eve"]
    service.users.add("eve")
    assert await client.unknown(["eve"], []) == Unknown(NOBODY, NOBODY)
    monotonic.now += 299.9
    await client.unknown(["ada", "eve"], [])
    assert len(service.asked) == 5
    monotonic.now += 0.1
    service.users.remove("ada")
    assert (await client.unknown(["ada"], [])).users == {"ada"}


def test_memory_is_bounded(monotonic: Monotonic) -> None:
    known = RecentlyKnown(2, 10, monotonic)
    known.add(("users", "a"))
    known.add(("users", "b"))
    assert ("users", "a") in known
    known.add(("labs", "a"))
    assert len(known) == 2
    assert ("users", "b") not in known
    assert ("users", "a") in known
    never = RecentlyKnown(2, 0, monotonic)
    never.add(("users", "a"))
    assert ("users", "a") not in never


async def test_each_distinct_id_once_and_16_at_a_time_over_all_callers(client: UserProgress, service: Service) -> None:
    service.delay = 0.02
    ids = [f"u{n}" for n in range(40)]
    first, second = await asyncio.gather(client.unknown(ids * 3, ids), client.unknown(["v", "w"] * 9, []))
    assert first == Unknown(frozenset(ids), frozenset(ids))
    assert second.users == {"v", "w"}
    assert len(service.asked) == 82
    assert 1 < service.most_at_once <= 16


HOSTILE = [
    *("a/b", "/", "//", ".", "..", "...", "../labs/sql-1", "../../admin", "a/../b", "?", "a?b=c", "#", "a#b"),
    *("%", "%2F", "%2e%2e", "%00", "a b", " ", "+", "a+b", ";x=1", "\\", "\r\nHost: evil", "\t", "\x7f"),
    *(
        "é",
        "e\u0301",
        "学生",
        "\U0001f393",
        "\u202e",
        "http://evil.example/",
        "@evil",
        ":80",
        "'",
        '"',
        "<&>",
        "~",
    ),
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
async def test_hostile_ids_arrive_as_they_are(client: UserProgress, service: Service, hostile: str) -> None:
    service.users, service.labs = {hostile}, set()
    assert await client.unknown([hostile], [hostile]) == Unknown(NOBODY, frozenset({hostile}))
    kinds = [asked.partition("/")[0] for asked in service.asked]
    segments = [asked.partition("/")[2] for asked in service.asked]
    assert sorted(kinds) == ["labs", "users"]
    assert {unquote(segment) for segment in segments} == {hostile}
    assert not any("/" in segment or set(segment) == {"."} for segment in segments)


async def test_ids_that_cannot_exist_are_not_asked_for(client: UserProgress, service: Service) -> None:
    odd = ["", "a\0", "\ud800", "x" * (MAX_ID_LENGTH + 1)]
    assert await client.unknown(odd, odd) == Unknown(frozenset(odd), frozenset(odd))
    assert service.asked == []
    await client.unknown(["学" * MAX_ID_LENGTH], [])
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [500, 503, 301, 302, 204, 401, 403, 418, 429])
async def test_any_other_status_is_a_failure_and_five_open_the_circuit(
    client: UserProgress, service: Service, status: int
) -> None:
    service.status = status
    for _ in range(FAILURES_TO_OPEN + 5):
        assert await fail(client, "ada") == "The user-progress service cannot be reached."
    assert len(service.asked) == FAILURES_TO_OPEN


async def test_what_is_remembered_needs_no_service(client: UserProgress, service: Service) -> None:
    await client.unknown(["ada"], [])
    service.status = 500
    for _ in range(FAILURES_TO_OPEN):
        await fail(client, "bob")
    assert await client.unknown(["ada"], []) == Unknown(NOBODY, NOBODY)


async def test_success_between_failures_keeps_the_circuit_closed(client: UserProgress, service: Service) -> None:
    for _ in range(3):
        service.status = 500
        for _ in range(FAILURES_TO_OPEN - 1):
            await fail(client, "eve")
        service.status = None
        assert (await client.unknown(["eve"], [])).users == {"eve"}


async def test_slow_answers_are_failures(service: Service) -> None:
    service.delay = 0.6
    client = UserProgress(service.url, timeout=0.3, cache_seconds=300)
    began = time.monotonic()
    await fail(client, "ada")
    assert 0.25 < time.monotonic() - began < 0.55
    await client.aclose()


async def test_a_trickle_does_not_outlast_the_timeout() -> None:
    async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = UserProgress(f"http://127.0.0.1:{port}", timeout=0.2, cache_seconds=1)
        async with asyncio.timeout(2):
            await fail(client, "ada")
        await client.aclose()


async def test_nobody_listens() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    client = UserProgress(f"http://127.0.0.1:{port}", timeout=1, cache_seconds=1)
    await fail(client, "ada", "bob")
    await client.aclose()


async def open_circuit(client: UserProgress, service: Service) -> None:
    service.status = 500
    for _ in range(FAILURES_TO_OPEN):
        await fail(client, "ada")
    service.asked.clear()


async def test_the_circuit_closes_after_one_good_trial(
    client: UserProgress, service: Service, monotonic: Monotonic
) -> None:
    await open_circuit(client, service)
    service.status, service.delay = None, 0.05
    monotonic.now += OPEN_SECONDS - 0.1
    await fail(client, "ada")
    assert service.asked == []
    monotonic.now += 0.1
    many = asyncio.create_task(client.unknown([f"u{n}" for n in range(30)], []))
    await asyncio.sleep(0.02)
    await fail(client, "bob")
    assert len(service.asked) == 1
    assert len((await many).users) == 30
    assert await client.unknown(["bob"], []) == Unknown(NOBODY, NOBODY)


async def test_the_circuit_stays_open_after_one_bad_trial(
    client: UserProgress, service: Service, monotonic: Monotonic
) -> None:
    await open_circuit(client, service)
    for trial in range(1, 4):
        monotonic.now += OPEN_SECONDS
        for _ in range(3):
            await fail(client, *(f"u{n}" for n in range(30)))
        assert len(service.asked) == trial


async def test_a_cancelled_trial_makes_room_for_the_next(
    client: UserProgress, service: Service, monotonic: Monotonic
) -> None:
    await open_circuit(client, service)
    service.status, service.delay = None, 0.2
    monotonic.now += OPEN_SECONDS
    trial = asyncio.create_task(client.unknown(["ada"], []))
    await asyncio.sleep(0.05)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    assert await client.unknown(["bob"], []) == Unknown(NOBODY, NOBODY)


@pytest.mark.parametrize("status", [400, 414, 422, 431])
async def test_odd_ids_do_not_open_the_circuit(client: UserProgress, service: Service, status: int) -> None:
    service.status = status
    for _ in range(FAILURES_TO_OPEN + 1):
        assert await fail(client, "odd") == "The user-progress service does not take one of the ids."
    service.status = None
    assert await client.unknown(["ada"], []) == Unknown(NOBODY, NOBODY)


@pytest.mark.parametrize("status", [400, 500])
async def test_the_first_failure_ends_the_call(client: UserProgress, service: Service, status: int) -> None:
    service.status, service.delay = status, 0.02
    await fail(client, *(f"u{n}" for n in range(200)))
    await asyncio.sleep(0.1)
    assert len(service.asked) <= 2 * 16


async def test_settings() -> None:
    assert UserProgress.from_settings(Settings()) is None
    settings = {"user_progress_url": "http://user-progress:8000"}
    assert UserProgress.from_settings(Settings(**settings, user_progress_mode="off")) is None
    client = UserProgress.from_settings(Settings(**settings, user_progress_mode="defer"))
    assert client is not None
    await client.aclose()
    for bad in ("user-progress:8000", "ftp://x", "http://", "http://x/?a=b", "http://x/#a", "http://["):
        with pytest.raises(ValueError, match=r"."):
            UserProgress(bad, timeout=1, cache_seconds=1)
