"""Change tags on Redis: what changed, told to every process after the commit.

A tag is ``user:7``, ``group:3``, ``lab:9``, ``org:1`` or ``documents``. Tags carry no data; whoever is woken reads the
truth again from PostgreSQL. Where Redis cannot be reached nothing is lost but speed: listeners are woken by ``*`` when it
is back, and look for themselves every few seconds until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import redis.asyncio
import structlog
from redis.exceptions import RedisError

CHANNEL = "scoregraph:changes"
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


class Changes:
    """Publishes and hears change tags. ``listen`` may be used by any number of tasks over one connection."""

    def __init__(self, redis_url: str | None, *, poll_seconds: float = 5.0) -> None:
        self._redis = redis.asyncio.Redis.from_url(redis_url, socket_connect_timeout=2) if redis_url else None
        self._poll_seconds = poll_seconds
        self._listeners: dict[asyncio.Event, tuple[frozenset[str], set[str]]] = {}
        self._task: asyncio.Task[None] | None = None
        self.hears = False
        """Whether what is told is heard right now. While it is not, nothing that was read is known to be still true."""
        # Set once the first try to hear has succeeded or failed: from then on nothing told is missed unnoticed.
        self._tried = asyncio.Event()

    async def publish(self, tags: Iterable[str]) -> None:
        """Tells the tags. Failing is noted, not raised: the change is committed already."""
        message = " ".join(tags)
        if not message or self._redis is None:
            return
        try:
            await self._redis.publish(CHANNEL, message)
        except (RedisError, OSError) as error:
            log.warning("changes_not_published", error=type(error).__name__)

    @asynccontextmanager
    async def listen(self, tags: Iterable[str]) -> AsyncIterator[Wakeups]:
        """Wakes up whenever one of the tags is told, from the moment this is entered; by EVERYTHING, whatever is told."""
        if self._task is None:
            self._task = asyncio.create_task(self._hear(), name="scoregraph changes")
        await self._tried.wait()
        event = asyncio.Event()
        heard: set[str] = set()
        self._listeners[event] = (frozenset(tags), heard)
        try:
            yield Wakeups(event, heard)
        finally:
            del self._listeners[event]

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._redis is not None:
            await self._redis.aclose()

    async def _hear(self) -> None:
        while True:
            if self._redis is not None:
                try:
                    async with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:
                        await pubsub.subscribe(CHANNEL)
                        self._tried.set()
                        self.hears = True
                        # To those who listened while there was no connection.
                        self._tell({EVERYTHING})
                        async for message in pubsub.listen():
                            self._tell(set(message["data"].decode().split()))
                except (RedisError, OSError) as error:
                    log.warning("changes_not_heard", error=type(error).__name__)
                finally:
                    self.hears = False
            self._tried.set()
            await asyncio.sleep(self._poll_seconds)
            self._tell({EVERYTHING})

    def _tell(self, tags: set[str]) -> None:
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
