"""Answers that are given again without being asked again, for exactly as long as they are true.

An answer is kept with the change tags of what it was read from, for those to whom it would be the same. A change that is told
drops what it concerns; one that was told while the answer was being made keeps it from being kept. What time alone will change
is kept until then. While changes are not heard nothing is kept at all.

Only whole answers to queries are kept: no mutation, nothing with an error, nothing that tells the time.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from auth import Claims
from db.changes import EVERYTHING, Changes
from db.engine import ReadPool
from db.queries.trusted_documents import CHANGE_TAG as DOCUMENTS
from db.reading import Reading, recording
from db.snapshot import FATAL
from execution.answer_store import AnswerStore, Entry, Request
from execution.change_log import ChangeLog
from execution.flights import Flights
from execution.operation_log import Known
from execution.refusals import Refusal
from execution.representation import Representation
from execution.viewers import KnownViewer, KnownViewers, personal_scope

MOST_QUESTIONS = 20_000
"""Of which it is remembered what became of them."""
MOST_TRIES = 3
DECISIVE = (b"authorization", b"accept", b"accept-encoding", b"content-type")
"""The headers that an answer depends on."""


@dataclass(frozen=True, slots=True)
class Computed:
    """An answer that was made for one caller. ``is_complete`` if it has no errors."""

    body: bytes
    status: int = 200
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was made once for several; ``viewer`` is who asks now."""

    entry: Entry
    viewer: KnownViewer
    is_hit: bool


Compute = Callable[[], Awaitable[Computed]]


def question_of(text: str, operation_name: str | None, variables: Mapping[str, Any] | None) -> bytes:
    """Equal for requests that ask the same. Raises Refusal for variables that are nested too deeply."""
    try:
        said = orjson.dumps([text, operation_name, variables or {}], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        # More can be read than written.
        raise Refusal(400, "The variables are nested too deeply.") from None
    return blake2b(said, digest_size=20).digest()


def request_of(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """Equal for requests that are the same to the byte, in all that decides how they are answered."""
    decisive = [headers.get(name, b"") for name in DECISIVE]
    # Neither headers nor addresses have ends of lines in them.
    said = b"\n".join((scope["method"].encode(), scope["query_string"], *decisive, body))
    return blake2b(said, digest_size=20).digest()


@dataclass(frozen=True, slots=True)
class _Landed:
    """What came of an execution: ``entry`` if it can be told to others, at least to those who asked early enough."""

    computed: Computed
    entry: Entry | None


class ResponseCache:
    """Of one process. ``most_bytes=0`` keeps nothing."""

    def __init__(self, changes: Changes, pool: ReadPool, most_bytes: int) -> None:
        self.hits = 0
        self.misses = 0
        self.store = AnswerStore(most_bytes)
        self._changes = changes
        self._viewers = KnownViewers(pool)
        self._log = ChangeLog()
        self.keeps = most_bytes > 0
        self._is_watching = False
        self._flights: Flights[_Landed] = Flights()
        # Questions whose answer depended on who asked, or could not be told to anybody else.
        self._personal: OrderedDict[Hashable, None] = OrderedDict()
        self._alone: OrderedDict[Hashable, None] = OrderedDict()

    @property
    def is_on(self) -> bool:
        return self.keeps and self._changes.hears

    def open(self) -> None:
        """Begins to hear of changes, in the running loop."""
        if self.keeps and not self._is_watching:
            self._is_watching = True
            self._changes.watch(self)

    def find(self, request: bytes) -> Request | None:
        """What to answer to a request that was answered before, to the byte (see ``request_of``), if it is still true."""
        found = self.store.find_request(request, time.monotonic())
        if found is None or not self._changes.hears:
            return None
        self.hits += 1
        return found

    async def answer(self, question: bytes, claims: Claims, compute: Compute) -> Kept | Computed:
        """What was found out before, or what ``compute`` gives now: once for all who ask the same at the same time.

        Raises what ``compute`` raises. What it gives for others, but with an error or for this instant only, is not shared.
        """
        self.open()
        if not self.is_on:
            return await compute()
        try:
            viewer = await self._viewers.find(claims)
        except FATAL:
            return await compute()
        for _ in range(MOST_TRIES):
            if not (self.is_on and viewer.holds):
                break
            now = time.monotonic()
            for scope in (viewer.shared, viewer.personal):
                entry = self.store.find((question, scope), now)
                if entry is not None:
                    self.hits += 1
                    return Kept(entry, viewer, True)
            if (question, viewer.shared) in self._alone:
                break
            answered = await self._together(question, viewer, compute)
            if answered is not None:
                return answered
        self.misses += 1
        landed = await self._make(question, viewer, compute, self._log.position)
        return landed.computed if landed.entry is None else Kept(landed.entry, viewer, False)

    def represent(
        self, kept: Kept, media_type: str, encoding: str | None, *, request: bytes, known: Known, until: float
    ) -> Representation:
        """The answer as it is sent; from now on also to the same request, of which so much is known, until ``until``
        (monotonic clock), when its token has to be verified again.
        """
        made = self.store.represent(kept.entry, media_type, encoding)
        until = min(until, kept.entry.until, kept.viewer.until)
        self.store.put_request(request, Request(kept.entry, kept.viewer, made, known, until))
        return made

    async def catch_up(self) -> None:
        """Returns when all that was committed before is heard: what is kept then is as true as what is read then."""
        await self._changes.catch_up()

    def changed(self, tags: frozenset[str]) -> None:
        self._log.add(tags)
        if EVERYTHING in tags:
            self._clear()
            return
        if DOCUMENTS in tags:
            # A document may no longer run, or its id mean another.
            self.store.forget_requests()
        self.store.drop(tags)
        for tag in tags:
            if tag.startswith(("roster:", "all:")):
                self._viewers.forget(int(tag.partition(":")[2]))

    def deaf(self) -> None:
        self._log.add(frozenset({EVERYTHING}))
        self._clear()

    async def _together(self, question: bytes, viewer: KnownViewer, compute: Compute) -> Kept | Computed | None:
        """The answer of an execution that others share; None where it is not for this caller, who has to ask again."""
        scope = viewer.personal if question in self._personal else viewer.shared
        key = question, scope
        arrived = self._log.position
        flight = self._flights.find(key)
        if flight is None:
            self.misses += 1
            flight = self._flights.begin(key, self._make(question, viewer, compute, arrived), arrived)
            landed = await flight.land()
            return landed.computed if landed.entry is None else Kept(landed.entry, viewer, False)
        try:
            landed = await flight.land()
        except Exception:
            # Its own failure, or that of who went first; this caller has not tried yet.
            return None
        entry = landed.entry
        if entry is None or entry.key[1] not in (viewer.shared, viewer.personal) or not viewer.holds:
            return None
        if time.monotonic() >= entry.until or self._log.concerns(entry.tags, flight.since, arrived):
            return None
        self.hits += 1
        return Kept(entry, viewer, True)

    async def _make(self, question: bytes, viewer: KnownViewer, compute: Compute, since: int) -> _Landed:
        """Executes, and keeps what comes of it where that can be."""
        try:
            with recording() as reading:
                computed = await compute()
        except Exception:
            # Those who waited for it try for themselves, and not one after the other.
            _note(self._alone, (question, viewer.shared), True)
            raise
        entry = self._entry(question, viewer, computed, reading)
        _note(self._alone, (question, viewer.shared), entry is None)
        if entry is None:
            return _Landed(computed, None)
        _note(self._personal, question, reading.is_personal)
        if self.is_on and viewer.holds and not self._log.concerns(entry.tags, since):
            self.store.put(entry)
        return _Landed(computed, entry)

    def _entry(self, question: bytes, known: KnownViewer, computed: Computed, reading: Reading) -> Entry | None:
        viewer = reading.viewer
        if not computed.is_complete or reading.fleeting or viewer is None or reading.at is None:
            return None
        personal = personal_scope(viewer)
        if personal != known.personal:
            # The roster has changed between two looks.
            return None
        scope = personal if reading.is_personal else known.shared
        tags = reading.tags | {f"all:{viewer.organization_id}"}
        if scope == personal and viewer.own_id is not None:
            tags.add(f"user:{viewer.own_id}")
        until = math.inf
        if reading.holds_until is not None:
            until = reading.begun + (reading.holds_until - reading.at).total_seconds()
        return Entry((question, scope), computed.body, frozenset(tags), min(until, known.until))

    def _clear(self) -> None:
        self.store.clear()
        self._viewers.forget()


def _note(questions: OrderedDict[Hashable, None], question: Hashable, holds: bool) -> None:
    if not holds:
        questions.pop(question, None)
        return
    questions[question] = None
    questions.move_to_end(question)
    if len(questions) > MOST_QUESTIONS:
        questions.popitem(last=False)
