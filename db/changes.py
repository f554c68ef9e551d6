"""Change tags from PostgreSQL: what changed, told to every gateway as part of the commit.

Triggers tell them (``db/migrations/sql/0002_changes.sql`` lists them), so whoever changes something need not think of it, and
nobody can forget it. A tag is ``user:7``, ``group:3``, ``lab:9``, ``org:1`` and so on. Tags carry no data; whoever is woken
reads the truth again. While nothing can be heard, listeners look for themselves every few seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from db.hearing import OUTAGE, Hearing

CHANNEL = "scoregraph_changes"
EVERYTHING = "*"

log = structlog.get_logger(__name__)


def tags_of(
    *,
    users: Iterable[int] = (),
    groups: Iterable[int] = (),
    labs: Iterable[int] = (),
    organizations: Iterable[int] = (),
) -> list[str]:
    """The tags of the given ids."""
    return [
        *(f"user:{key}" for key in users),
        *(f"group:{key}" for key in groups),
        *(f"lab:{key}" for key in labs),
        *(f"org:{key}" for key in organizations),
    ]


class Watcher(Protocol):
    """Is called as soon as something is heard, before any other task runs on."""

    def changed(self, tags: frozenset[str]) -> None:
        """EVERYTHING among the tags: whatever there is, may have changed."""
        ...

    def deaf(self) -> None:
        """From now on changes are missed, until EVERYTHING is told."""
        ...


class Changes:
    """Hears what changes, over one connection for any number of listeners. ``database_url=None``: hears nothing."""

    def __init__(self, database_url: str | None, *, poll_seconds: float = 5.0) -> None:
        self._database_url = database_url
        self._poll_seconds = poll_seconds
        self._listeners: dict[asyncio.Event, tuple[frozenset[str], set[str]]] = {}
        self._watchers: list[Watcher] = []
        self._task: asyncio.Task[None] | None = None
        self._hearing: Hearing | None = None
        # Set once the first try to hear has succeeded or failed: from then on nothing told is missed unnoticed.
        self._tried = asyncio.Event()

    @property
    def hears(self) -> bool:
        """Whether what is told is heard right now. While it is not, nothing that was read is known to be still true."""
        return self._hearing is not None and self._hearing.is_trusted

    @property
    def is_wanted(self) -> bool:
        """Whether anybody wants to hear anything."""
        return self._task is not None

    def watch(self, watcher: Watcher) -> None:
        """Calls the watcher from now on; a loop must be running."""
        self._watchers.append(watcher)
        self._begin()

    @asynccontextmanager
    async def listen(self, tags: Iterable[str]) -> AsyncIterator[Wakeups]:
        """Wakes up whenever one of the tags is told, from the moment this is entered; by EVERYTHING, whatever is told."""
        self._begin()
        await self._tried.wait()
        event = asyncio.Event()
        heard: set[str] = set()
        self._listeners[event] = (frozenset(tags), heard)
        try:
            yield Wakeups(event, heard)
        finally:
            del self._listeners[event]

    async def catch_up(self) -> None:
        """Returns when everything is heard that was committed before the call; at once while nothing is heard."""
        if self._hearing is not None:
            await self._hearing.catch_up()

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._hear(), name="scoregraph changes")

    async def _hear(self) -> None:
        while True:
            if self._database_url is not None:
                try:
                    self._hearing = Hearing(self._database_url, CHANNEL, lambda told: self._tell(told.split()))
                    await self._hearing.run(self._begun, self._lost)
                except OUTAGE as error:
                    log.warning("changes_not_heard", error=type(error).__name__)
                finally:
                    self._hearing = None
            self._tried.set()
            await asyncio.sleep(self._poll_seconds)
            self._tell([EVERYTHING])

    def _begun(self) -> None:
        self._tried.set()
        # What changed while there was no connection is not known.
        self._tell([EVERYTHING])

    def _lost(self) -> None:
        for watcher in self._watchers:
            watcher.deaf()

    def _tell(self, told: Iterable[str]) -> None:
        tags = frozenset(told)
        for watcher in self._watchers:
            watcher.changed(tags)
        for event, (wanted, heard) in self._listeners.items():
            found = tags if EVERYTHING in tags or EVERYTHING in wanted else tags & wanted
            if found:
                heard |= found
                event.set()


class Wakeups:
    """The wake-ups of one listener; those that come while it is busy are taken together."""

    def __init__(self, event: asyncio.Event, heard: set[str]) -> None:
        self._event = event
        self._heard = heard

    async def next(self, *, debounce: float = 0.0) -> frozenset[str]:
        """Waits for the next change, then ``debounce`` seconds for what comes with it. Gives the tags heard."""
        await self._event.wait()
        if debounce:
            await asyncio.sleep(debounce)
        self._event.clear()
        tags = frozenset(self._heard)
        self._heard.clear()
        return tags
