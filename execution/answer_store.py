"""Answers in memory, by what was asked and for whom: bounded in bytes, the one used longest ago goes first."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from execution.compression import GZIP, is_worth_it
from execution.operation_log import Known
from execution.representation import Representation, digest_of, representation
from execution.viewers import KnownViewer, Scope

ENTRY_BYTES = 1_200
"""What an entry takes beside its body and its tags."""
TAG_BYTES = 150
REPRESENTATION_BYTES = 1_000
REQUEST_BYTES = 500

Key = tuple[bytes, Scope]
"""What was asked, and the scope of those who may be told."""


@dataclass(slots=True, eq=False)
class Entry:
    """An answer that is true until ``until`` (monotonic clock), if none of the tags is told before."""

    key: Key
    body: bytes
    tags: frozenset[str]
    until: float
    # In the store.
    kept: bool = False
    size: int = 0
    representations: dict[tuple[str, str | None], Representation] = field(default_factory=dict)
    digest: str | None = None
    requests: list[bytes] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Request:
    """What is sent to whoever asks in these very bytes, until ``until``."""

    entry: Entry
    viewer: KnownViewer
    representation: Representation
    known: Known
    until: float


class AnswerStore:
    """``dropped`` counts by the kind of the tag."""

    def __init__(self, most_bytes: int) -> None:
        self.bytes = 0
        self.evicted = 0
        self.dropped: Counter[str] = Counter()
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._by_tag: dict[str, set[Entry]] = {}
        self._requests: OrderedDict[bytes, Request] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key, now: float) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if now >= entry.until:
            self._remove(entry)
            return None
        self._entries.move_to_end(key)
        return entry

    def find_request(self, request: bytes, now: float) -> Request | None:
        found = self._requests.get(request)
        if found is None:
            return None
        if now >= found.until or not found.viewer.current:
            self._remove_request(request)
            return None
        self._requests.move_to_end(request)
        self._entries.move_to_end(found.entry.key)
        return found

    def put(self, entry: Entry) -> None:
        """Keeps an answer, in place of an older one to the same question, if it is not too large for one."""
        size = ENTRY_BYTES + TAG_BYTES * len(entry.tags) + len(entry.body)
        if size > self._most_bytes // 4:
            return
        older = self._entries.get(entry.key)
        if older is not None:
            self._remove(older)
        entry.kept = True
        self._entries[entry.key] = entry
        for tag in entry.tags:
            self._by_tag.setdefault(tag, set()).add(entry)
        self._grow(entry, size)

    def put_request(self, request: bytes, found: Request) -> None:
        """Knows from now on what bytes mean. A quarter of the memory at most goes to that."""
        entry = found.entry
        if not entry.kept:
            return
        if request in self._requests:
            self._remove_request(request)
        self._requests[request] = found
        entry.requests.append(request)
        self._grow(entry, REQUEST_BYTES)
        while len(self._requests) * REQUEST_BYTES > self._most_bytes // 4:
            self._remove_request(next(iter(self._requests)))

    def represent(self, entry: Entry, media_type: str, encoding: str | None) -> Representation:
        """The answer as it is sent; what is short is not compressed."""
        if encoding == GZIP and not is_worth_it(entry.body):
            encoding = None
        made = entry.representations.get((media_type, encoding))
        if made is None:
            if entry.digest is None:
                entry.digest = digest_of(entry.body)
            made = representation(entry.body, entry.digest, media_type, encoding)
            entry.representations[media_type, encoding] = made
            if entry.kept:
                self._grow(entry, REPRESENTATION_BYTES + (0 if encoding is None else len(made.whole.body)))
        return made

    def forget_requests(self) -> None:
        """Has every request looked at again, whatever it was taken for until now."""
        for request in list(self._requests):
            self._remove_request(request)

    def drop(self, tags: Iterable[str]) -> None:
        """Forgets what any of the tags concerns."""
        for tag in tags:
            for entry in self._by_tag.get(tag, set()).copy():
                self.dropped[tag.partition(":")[0]] += 1
                self._remove(entry)

    def clear(self) -> None:
        for entry in self._entries.values():
            entry.kept = False
        self._entries.clear()
        self._by_tag.clear()
        self._requests.clear()
        self.bytes = 0

    def _grow(self, entry: Entry, size: int) -> None:
        entry.size += size
        self.bytes += size
        while self.bytes > self._most_bytes:
            self.evicted += 1
            self._remove(next(iter(self._entries.values())))

    def _remove(self, entry: Entry) -> None:
        entry.kept = False
        del self._entries[entry.key]
        for request in entry.requests:
            del self._requests[request]
        entry.requests.clear()
        for tag in entry.tags:
            concerned = self._by_tag[tag]
            concerned.discard(entry)
            if not concerned:
                del self._by_tag[tag]
        self.bytes -= entry.size
        entry.size = 0

    def _remove_request(self, request: bytes) -> None:
        entry = self._requests.pop(request).entry
        entry.requests.remove(request)
        entry.size -= REQUEST_BYTES
        self.bytes -= REQUEST_BYTES
