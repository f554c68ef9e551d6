"""What is kept in memory, how much of it, and what goes first."""

from __future__ import annotations

import gc
import math
import random
import tracemalloc

import pytest

from execution.answer_store import REQUEST_BYTES, AnswerStore, Entry, Request
from execution.compression import GZIP
from execution.media_types import GRAPHQL_RESPONSE, JSON
from execution.operation_log import Known
from execution.viewers import KnownViewer

NORTH = ("north",)
KNOWN = Known("Card", "query", False, "north")
MEBIBYTE = 1024 * 1024


def entry(name: str, *tags: str, body: bytes = b"{}", until: float = math.inf) -> Entry:
    return Entry((name.encode(), NORTH), body, frozenset(tags), until)


def viewer() -> KnownViewer:
    return KnownViewer(1, NORTH, NORTH, math.inf)


def request(store: AnswerStore, of: Entry, until: float = math.inf) -> Request:
    return Request(of, viewer(), store.represent(of, JSON, None), KNOWN, until)


def test_an_answer_is_found_until_it_ends() -> None:
    store, one = AnswerStore(MEBIBYTE), entry("one", until=10.0)
    store.put(one)
    assert store.find(one.key, 9.9) is one
    assert store.find((b"one", ("south",)), 0.0) is None
    assert store.find(one.key, 10.0) is None
    assert (len(store), store.bytes, one.kept) == (0, 0, False)


def test_a_newer_answer_takes_the_place_of_an_older_one() -> None:
    store, old, new = AnswerStore(MEBIBYTE), entry("one", "user:1"), entry("one", "user:2")
    store.put(old)
    store.put_request(b"r", request(store, old))
    store.put(new)
    assert store.find(new.key, 0.0) is new
    assert store.find_request(b"r", 0.0) is None
    store.drop(["user:1"])
    assert len(store) == 1
    store.drop(["user:2"])
    assert (len(store), store.bytes) == (0, 0)


def test_a_tag_drops_what_it_concerns() -> None:
    store = AnswerStore(MEBIBYTE)
    both, first, none = entry("both", "user:1", "group:1"), entry("first", "user:1"), entry("none", "user:2")
    for one in (both, first, none):
        store.put(one)
        store.put_request(one.key[0], request(store, one))
    store.drop({"user:1", "group:1", "lab:9"})
    assert [store.find(one.key, 0.0) for one in (both, first, none)] == [None, None, none]
    assert [store.find_request(one.key[0], 0.0) is None for one in (both, first, none)] == [True, True, False]
    assert sum(store.dropped.values()) == 2
    assert set(store.dropped) <= {"user", "group"}


def test_the_one_used_longest_ago_goes_first() -> None:
    store = AnswerStore(40_000)
    entries = [entry(str(number), body=b"x" * 8000) for number in range(6)]
    for one in entries[:4]:
        store.put(one)
    store.put_request(b"r", request(store, entries[1]))
    assert store.find(entries[0].key, 0.0)
    assert store.find_request(b"r", 0.0)
    store.put(entries[4])
    store.put(entries[5])
    assert [one.kept for one in entries] == [True, True, False, False, True, True]
    assert store.evicted == 2


def test_what_is_too_large_is_not_kept() -> None:
    store = AnswerStore(MEBIBYTE)
    huge = entry("huge", body=b"x" * (MEBIBYTE // 4))
    store.put(huge)
    assert not huge.kept
    made = store.represent(huge, JSON, GZIP)
    assert len(made.whole.body) < len(huge.body)
    store.put_request(b"r", Request(huge, viewer(), made, KNOWN, math.inf))
    assert (len(store), store.bytes) == (0, 0)
    assert store.find_request(b"r", 0.0) is None


def test_a_request_ends_with_its_token_its_viewer_and_its_answer() -> None:
    store, one = AnswerStore(MEBIBYTE), entry("one")
    store.put(one)
    found = request(store, one, until=10.0)
    store.put_request(b"r", found)
    size = store.bytes
    assert store.find_request(b"r", 9.9) is found
    assert store.find_request(b"r", 10.0) is None
    assert store.bytes == size - REQUEST_BYTES
    found = request(store, one)
    store.put_request(b"r", found)
    found.viewer.current = False
    assert store.find_request(b"r", 0.0) is None
    store.put_request(b"r", request(store, one))
    store.clear()
    assert store.find_request(b"r", 0.0) is None
    assert (len(store), store.bytes, one.kept) == (0, 0, False)


def test_requests_take_a_quarter_at_most() -> None:
    store, one = AnswerStore(100 * REQUEST_BYTES), entry("one")
    store.put(one)
    for number in range(1000):
        store.put_request(str(number).encode(), request(store, one))
    found = [number for number in range(1000) if store.find_request(str(number).encode(), 0.0)]
    assert found == list(range(975, 1000))
    assert one.kept


def test_it_is_compressed_once_and_only_where_that_pays() -> None:
    store, short, long = AnswerStore(MEBIBYTE), entry("short"), entry("long", body=b"x" * 5000)
    for one in (short, long):
        store.put(one)
    assert store.represent(short, JSON, GZIP) is store.represent(short, JSON, None)
    made = store.represent(long, JSON, GZIP)
    assert made is store.represent(long, JSON, GZIP)
    assert (b"content-encoding", b"gzip") in made.whole.headers


def test_what_it_says_it_takes_is_what_it_takes() -> None:
    """Within a third, for answers of any size and any number of tags, requests and codings."""
    chance = random.Random(7)
    limit = 6 * MEBIBYTE
    gc.collect()
    tracemalloc.start()
    store = AnswerStore(limit)
    known = viewer()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(4000):
        # Random, so that compression does not help.
        body = chance.randbytes(chance.choice((200, 2000, 20_000)))
        tags = [f"user:{chance.randrange(100_000)}" for _ in range(chance.randrange(60))]
        one = Entry((number.to_bytes(20, "big"), (1, "TEACHER", number, (1, 2))), body, frozenset(tags), math.inf)
        store.put(one)
        for coding in (None, GZIP):
            found = Request(one, known, store.represent(one, GRAPHQL_RESPONSE, coding), KNOWN, math.inf)
            store.put_request(f"{number} {coding}".encode(), found)
        if number % 100 == 0:
            store.drop(tags[:3])
        assert store.bytes <= limit
    del one, found, body, tags
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert store.evicted > 1000
    assert taken < store.bytes * 4 / 3
    store.drop({tag for kept in list(store._entries.values()) for tag in kept.tags})
    assert store.bytes == sum(kept.size for kept in store._entries.values())


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (None, False),
        ("", False),
        ("*", True),
        ("{0}", True),
        ("W/{0}", True),
        ('"another", {0}', True),
        ('"another",W/{0} , "more"', True),
        ('"another"', False),
        ('{0}x, "', False),
        ("{1}", False),
    ],
)
def test_what_a_client_has_is_named_by_its_tag(header: str | None, named: bool) -> None:
    store, one = AnswerStore(MEBIBYTE), entry("one", body=b"x" * 5000)
    plain, packed = (store.represent(one, JSON, coding) for coding in (None, GZIP))
    form = plain.form(None if header is None else header.format(plain.etag, packed.etag))
    assert (form.status, form.body) == ((304, b"") if named else (200, one.body))


def test_each_way_to_write_it_down_has_a_name_of_its_own() -> None:
    store = AnswerStore(MEBIBYTE)
    bodies = (b"x" * 5000, b"y" * 5000)
    ways = [(media, coding) for media in (JSON, GRAPHQL_RESPONSE) for coding in (None, GZIP)]
    names = [store.represent(entry("one", body=body), *way).etag for body in bodies for way in ways]
    assert len(set(names)) == 8
    assert names[0] == AnswerStore(0).represent(entry("two", body=bodies[0]), JSON, None).etag
