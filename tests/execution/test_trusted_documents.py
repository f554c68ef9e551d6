"""From what a client sent to the text of its document: every mode, several processes, and servers that fail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from graphql import build_schema

from auth import Claims, Role
from db.changes import Changes
from db.engine import ReadPool, write_engine
from db.queries.trusted_documents import TrustedDocument, add_documents, remove_documents
from execution import automatic_documents
from execution.automatic_documents import KEY, LONGEST_TEXT, AutomaticDocuments
from execution.document_ids import hash_of
from execution.operations import GraphQLRequest, Operations, RequestErrors
from execution.refusals import Refusal
from execution.registered_documents import RegisteredDocuments
from execution.trusted_documents import TrustedDocuments, may_run_any
from settings import DatabaseRole, DocumentsMode
from tests.asking import RecordingPool
from tests.conftest import Database, Servers

OPEN, APQ, TRUSTED = DocumentsMode.OPEN, DocumentsMode.APQ, DocumentsMode.TRUSTED
SCHEMA = build_schema("type Query { name: String, me: Query }")
KNOWN = "query Known { name }"
OTHER = "query Other { me { name } }"
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/none"


def persisted(hash: str, **more: Any) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash, **more}}


def sent(text: str) -> GraphQLRequest:
    """As Apollo's clients send a text that is to be kept."""
    return GraphQLRequest(query=text, extensions=persisted(hash_of(text)))


def hash_alone(text: str) -> GraphQLRequest:
    return GraphQLRequest(extensions=persisted(hash_of(text)))


async def refusal(answer: Awaitable[str]) -> tuple[int, str]:
    with pytest.raises(Refusal) as refused:
        await answer
    return refused.value.status, refused.value.code


class Processes:
    """Makes the documents of one gateway process after another."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self.database = database
        self.redis_url = redis_url
        self.redis = redis.Redis.from_url(redis_url)
        self.stack = AsyncExitStack()

    def pool(self, url: str | None = None) -> RecordingPool:
        pool = RecordingPool(url or self.database.url, DatabaseRole.API, size=5, statement_timeout=10)
        self.stack.push_async_callback(pool.aclose)
        return pool

    def changes(self) -> Changes:
        changes = Changes(self.database.url)
        self.stack.push_async_callback(changes.aclose)
        return changes

    def start(
        self, mode: DocumentsMode, *, redis_url: str | None = "", pool: ReadPool | None = None
    ) -> TrustedDocuments:
        url = self.redis_url if redis_url == "" else redis_url
        registered = RegisteredDocuments(pool or self.pool(), self.changes())
        documents = TrustedDocuments(mode, registered, AutomaticDocuments(url), Operations(SCHEMA).prepare)
        self.stack.push_async_callback(documents.aclose)
        return documents

    async def change(self, work: Callable[[Any], Awaitable[object]]) -> None:
        """As the command does it."""
        engine = write_engine(self.database.url, DatabaseRole.OWNER)
        async with engine.begin() as connection:
            await work(connection)
        await engine.dispose()

    async def register(self, text: str, *aliases: str) -> None:
        document = TrustedDocument(hash_of(text), text, (), aliases)
        await self.change(lambda connection: add_documents(connection, [document]))


@pytest.fixture
async def processes(database: Database, servers: Servers) -> AsyncIterator[Processes]:
    with database.connect() as connection:
        connection.execute("TRUNCATE trusted_documents, trusted_document_aliases")
    made = Processes(database, servers.redis_url)
    for text in (KNOWN, OTHER):
        made.redis.delete(KEY.format(hash_of(text)))
    await made.register(KNOWN, "known", "md5:0123")
    async with made.stack:
        yield made
    made.redis.close()


async def run(
    documents: TrustedDocuments, request: GraphQLRequest, *, may_run_any: bool = False, **options: bool
) -> str:
    return (await documents.find(request, may_run_any=may_run_any, **options)).text


# By id


@pytest.mark.parametrize("mode", DocumentsMode)
async def test_a_registered_document_runs_by_every_name(processes: Processes, mode: DocumentsMode) -> None:
    documents = processes.start(mode)
    names = [hash_of(KNOWN), f"sha256:{hash_of(KNOWN)}", hash_of(KNOWN).upper(), "known", "md5:0123"]
    for name in names:
        assert await run(documents, GraphQLRequest(document_id=name)) == KNOWN
        assert await run(documents, GraphQLRequest(extensions=persisted(name))) == KNOWN
        assert await run(documents, GraphQLRequest(query=KNOWN, document_id=name)) == KNOWN


@pytest.mark.parametrize("mode", DocumentsMode)
async def test_an_unknown_id(processes: Processes, mode: DocumentsMode) -> None:
    documents = processes.start(mode)
    for name in (hash_of(OTHER), "other", "KNOWN", "sha1:known"):
        assert await refusal(run(documents, GraphQLRequest(document_id=name))) == (404, "DOCUMENT_NOT_FOUND")


@pytest.mark.parametrize("name", ["a b", "ä", "a" * 129, "../known", "known\n", "known\0", "'"])
async def test_what_can_be_no_id(processes: Processes, name: str) -> None:
    documents = processes.start(OPEN)
    assert await refusal(run(documents, GraphQLRequest(document_id=name))) == (400, "BAD_REQUEST")
    assert await refusal(run(documents, GraphQLRequest(extensions=persisted(name)))) == (400, "BAD_REQUEST")


async def test_a_text_that_is_not_what_it_is_called(processes: Processes) -> None:
    documents = processes.start(APQ)
    for name in (hash_of(OTHER), f"sha256:{hash_of(OTHER)}", "known", "unknown"):
        for request in (
            GraphQLRequest(query=OTHER + " ", document_id=name),
            GraphQLRequest(query=OTHER + " ", extensions=persisted(name)),
        ):
            assert await refusal(run(documents, request)) == (400, "PERSISTED_QUERY_HASH_MISMATCH")


@pytest.mark.parametrize("mode", DocumentsMode)
async def test_it_is_said_whether_a_document_is_registered(processes: Processes, mode: DocumentsMode) -> None:
    documents = processes.start(mode)

    async def is_registered(request: GraphQLRequest) -> bool:
        return (await documents.find(request, may_run_any=True)).is_registered

    for request in (
        GraphQLRequest(document_id="known"),
        hash_alone(KNOWN),
        GraphQLRequest(extensions=persisted("known")),
        GraphQLRequest(query=KNOWN, document_id="known"),
        sent(KNOWN),
    ):
        assert await is_registered(request)
    # Whoever calls a text by its hash has not registered it.
    for request in (GraphQLRequest(query=OTHER), GraphQLRequest(query=OTHER, document_id=hash_of(OTHER)), sent(OTHER)):
        assert not await is_registered(request)


@pytest.mark.parametrize("request_", [GraphQLRequest(), GraphQLRequest(query="", document_id="")])
async def test_nothing_to_run(processes: Processes, request_: GraphQLRequest) -> None:
    assert await refusal(run(processes.start(OPEN), request_)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "value",
    [
        5,
        "x",
        [],
        {},
        {"version": 1},
        {"version": 1, "sha256Hash": None},
        {"version": 1, "sha256Hash": ""},
        {"version": 1, "sha256Hash": ["a"]},
        {"version": 2, "sha256Hash": hash_of(KNOWN)},
        {"version": "1", "sha256Hash": hash_of(KNOWN)},
        {"sha256Hash": hash_of(KNOWN)},
    ],
)
async def test_what_is_no_persisted_query(processes: Processes, value: object) -> None:
    documents = processes.start(APQ)
    for query in (None, KNOWN):
        request = GraphQLRequest(query=query, extensions={"persistedQuery": value})
        assert await refusal(run(documents, request)) == (400, "BAD_REQUEST")


async def test_an_absent_persisted_query_is_none(processes: Processes) -> None:
    request = GraphQLRequest(query=OTHER, extensions={"persistedQuery": None, "other": 1})
    assert await run(processes.start(OPEN), request) == OTHER


# Modes


async def test_open_runs_any_text_without_a_statement(processes: Processes) -> None:
    pool = processes.pool()
    assert await run(processes.start(OPEN, pool=pool), GraphQLRequest(query=OTHER)) == OTHER
    assert (
        await run(processes.start(APQ, pool=pool), GraphQLRequest(query="not even a document")) == "not even a document"
    )
    await asyncio.sleep(0)  # statements are noted a moment later
    assert pool.statements == []


async def test_open_keeps_nothing(processes: Processes) -> None:
    documents = processes.start(OPEN)
    assert await run(documents, sent(OTHER)) == OTHER
    with pytest.raises(Refusal) as refused:
        await run(documents, hash_alone(OTHER))
    # Clients go by these words, and stop to send hashes.
    assert refused.value.formatted == {
        "message": "PersistedQueryNotSupported",
        "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
    }


async def test_apq_keeps_what_is_sent_with_its_hash(processes: Processes) -> None:
    documents = processes.start(APQ)
    with pytest.raises(Refusal) as refused:
        await run(documents, hash_alone(OTHER))
    assert refused.value.status == 200
    assert refused.value.formatted == {
        "message": "PersistedQueryNotFound",
        "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"},
    }
    assert await run(documents, sent(OTHER)) == OTHER
    assert await run(documents, hash_alone(OTHER)) == OTHER
    assert await run(processes.start(APQ), hash_alone(OTHER)) == OTHER, "another process has it from Valkey"
    assert 0 < processes.redis.ttl(KEY.format(hash_of(OTHER))) <= automatic_documents.KEPT_SECONDS
    # What is kept so is not registered.
    assert await refusal(run(documents, GraphQLRequest(document_id=hash_of(OTHER)))) == (404, "DOCUMENT_NOT_FOUND")


@pytest.mark.parametrize(
    "text", ["{ nmae }", "{ name", "{ " + "me { " * 20 + "name" + " }" * 21, "fragment F on Query { name }"]
)
async def test_what_is_no_valid_document_is_not_kept(processes: Processes, text: str) -> None:
    documents = processes.start(APQ)
    with pytest.raises(RequestErrors) as raised:
        await run(documents, sent(text))
    assert "Did you mean" not in str(raised.value)
    assert await refusal(run(documents, hash_alone(text))) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert processes.redis.get(KEY.format(hash_of(text))) is None


async def test_suggestions_where_they_may_be_seen(processes: Processes) -> None:
    with pytest.raises(RequestErrors, match="Did you mean 'name'"):
        await run(processes.start(APQ), sent("{ nmae }"), hide_suggestions=False)


async def test_trusted_runs_only_what_is_registered(processes: Processes) -> None:
    documents = processes.start(TRUSTED)
    assert await run(documents, GraphQLRequest(query=KNOWN)) == KNOWN
    assert await run(documents, sent(KNOWN)) == KNOWN
    for request in (GraphQLRequest(query=OTHER), GraphQLRequest(query=KNOWN + " "), sent(OTHER), hash_alone(OTHER)):
        assert await refusal(run(documents, request)) == (403, "DOCUMENT_NOT_TRUSTED")


async def test_what_an_administrator_sends_is_not_trusted_for_others(processes: Processes) -> None:
    documents = processes.start(TRUSTED)
    assert await run(documents, GraphQLRequest(query=OTHER), may_run_any=True) == OTHER
    assert await run(documents, sent(OTHER), may_run_any=True) == OTHER
    assert await run(documents, hash_alone(OTHER), may_run_any=True) == OTHER
    assert await refusal(run(documents, hash_alone(OTHER))) == (403, "DOCUMENT_NOT_TRUSTED")
    assert await refusal(run(documents, sent(OTHER))) == (403, "DOCUMENT_NOT_TRUSTED")


def test_who_may_run_any() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    roles = [role for role in Role if may_run_any(Claims("north", "ada", role, None, at))]
    assert (roles, may_run_any(None)) == ([Role.ADMIN], False)


# What is registered changes


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await is_so():  # noqa: ASYNC110 - another process tells it
            await asyncio.sleep(0.01)


async def test_a_change_is_heard(processes: Processes) -> None:
    documents = processes.start(TRUSTED)

    async def runs(text: str) -> bool:
        try:
            return await run(documents, GraphQLRequest(query=text)) == text
        except Refusal:
            return False

    assert (await runs(KNOWN), await runs(OTHER)) == (True, False)
    await processes.register(OTHER)
    await eventually(lambda: runs(OTHER))
    await processes.change(lambda connection: remove_documents(connection, [hash_of(KNOWN)]))

    async def is_gone() -> bool:
        return not await runs(KNOWN)

    await eventually(is_gone)
    assert await refusal(run(documents, GraphQLRequest(document_id="known"))) == (404, "DOCUMENT_NOT_FOUND")


async def test_made_up_ids_cost_no_statement(processes: Processes) -> None:
    pool = processes.pool()
    documents = processes.start(TRUSTED, pool=pool)
    # The feed wakes its listeners once when it is there.
    for _ in range(3):
        await refusal(run(documents, GraphQLRequest(document_id="nothing")))
        await asyncio.sleep(0.1)
    pool.statements.clear()
    for number in range(100):
        await refusal(run(documents, GraphQLRequest(document_id=f"made-up-{number}")))
        await refusal(run(documents, GraphQLRequest(query=f"{{ a{number}: name }}")))
    await asyncio.sleep(0)  # statements are noted a moment later
    assert pool.statements == []
    assert await run(documents, GraphQLRequest(document_id="known")) == KNOWN
    assert await run(documents, GraphQLRequest(document_id="known")) == KNOWN
    await asyncio.sleep(0)
    assert len(pool.statements) == 1, "a text is read once"


async def test_those_who_come_at_once_read_once(processes: Processes) -> None:
    pool = processes.pool()
    documents = processes.start(TRUSTED, pool=pool)
    texts = await asyncio.gather(*(run(documents, GraphQLRequest(query=KNOWN)) for _ in range(50)))
    assert texts == [KNOWN] * 50
    await asyncio.sleep(0)
    names = [statement for statement in pool.statements if "UNION ALL" in statement]
    assert 1 <= len(names) <= 2, "once, and once again when the feed is there"


# Servers that fail


async def test_without_a_database_nothing_is_trusted(processes: Processes) -> None:
    documents = processes.start(TRUSTED, pool=processes.pool(UNREACHABLE))
    for request in (GraphQLRequest(query=KNOWN), GraphQLRequest(document_id="known"), hash_alone(KNOWN)):
        assert await refusal(run(documents, request)) == (503, "UNAVAILABLE")
    assert await run(documents, GraphQLRequest(query=OTHER), may_run_any=True) == OTHER


class LostPool(RecordingPool):
    """A database that goes away."""

    is_lost = False

    async def _take(self) -> Any:
        if self.is_lost:
            raise OSError("gone")
        return await super()._take()


async def test_what_is_known_stays_known_while_the_database_is_away(processes: Processes) -> None:
    pool = LostPool(processes.database.url, DatabaseRole.API, size=5, statement_timeout=10)
    processes.stack.push_async_callback(pool.aclose)
    registered = RegisteredDocuments(pool, processes.changes())
    processes.stack.push_async_callback(registered.aclose)
    assert await registered.text_of("known") == KNOWN
    pool.is_lost = True
    await processes.register(OTHER)
    await asyncio.sleep(0.1)
    assert (await registered.text_of("known"), await registered.id_of(hash_of(OTHER))) == (KNOWN, None)
    pool.is_lost = False

    async def is_known() -> bool:
        return await registered.text_of(hash_of(OTHER)) == OTHER

    await eventually(is_known)


async def test_without_valkey_a_process_keeps_texts_for_itself(processes: Processes) -> None:
    for redis_url in (None, "redis://127.0.0.1:1/0"):
        documents = processes.start(APQ, redis_url=redis_url)
        assert await refusal(run(documents, hash_alone(OTHER))) == (200, "PERSISTED_QUERY_NOT_FOUND")
        assert await run(documents, sent(OTHER)) == OTHER
        assert await run(documents, hash_alone(OTHER)) == OTHER
        assert await run(documents, GraphQLRequest(document_id="known")) == KNOWN


async def test_a_valkey_that_does_not_answer_is_left_alone(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automatic_documents, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        documents = processes.start(APQ, redis_url=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert await refusal(run(documents, hash_alone(OTHER))) == (200, "PERSISTED_QUERY_NOT_FOUND")
        silent.settimeout(5)
        silent.accept()[0].close()
        for number in range(20):
            await refusal(run(documents, hash_alone(f"{{ a{number}: name }}")))
        assert await run(documents, sent(OTHER)) == OTHER
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()


async def test_what_somebody_else_wrote_into_valkey_does_not_run(processes: Processes) -> None:
    for value in (KNOWN, b"\xff\xfe", ""):
        processes.redis.set(KEY.format(hash_of(OTHER)), value)
        assert await refusal(run(processes.start(APQ), hash_alone(OTHER))) == (200, "PERSISTED_QUERY_NOT_FOUND")
    processes.redis.delete(KEY.format(hash_of(OTHER)))
    processes.redis.lpush(KEY.format(hash_of(OTHER)), "a list")
    assert await refusal(run(processes.start(APQ), hash_alone(OTHER))) == (200, "PERSISTED_QUERY_NOT_FOUND")


# Bounds


async def test_a_long_text_runs_and_is_not_kept(processes: Processes) -> None:
    long = "{ name } #" + "x" * LONGEST_TEXT
    documents = processes.start(APQ)
    assert await run(documents, sent(long)) == long
    assert await refusal(run(documents, hash_alone(long))) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert processes.redis.get(KEY.format(hash_of(long))) is None


@pytest.mark.parametrize(("limit", "most"), [("MOST_SHARED", 2), ("MOST_SHARED_BYTES", 50)])
async def test_a_process_shares_only_so_much(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(automatic_documents, limit, most)
    documents = processes.start(APQ)
    texts = [f"{{ bounded{limit}{number}: name }}" for number in range(5)]
    for text in texts:
        processes.redis.delete(KEY.format(hash_of(text)))
        await run(documents, sent(text))
        assert await run(documents, hash_alone(text)) == text
    shared = [text for text in texts if processes.redis.get(KEY.format(hash_of(text)))]
    assert len(shared) == (2 if limit == "MOST_SHARED" else 50 // len(texts[0]))


async def test_the_oldest_texts_of_a_process_go(processes: Processes) -> None:
    documents = AutomaticDocuments(None, most_bytes=10_000)
    texts = [f"{{ a{number}: name }}" for number in range(100)]
    for text in texts:
        await documents.keep(hash_of(text), text)
    kept = [text for text in texts if await documents.find(hash_of(text))]
    assert 10 < len(kept) < 50
    assert kept == texts[-len(kept) :]
