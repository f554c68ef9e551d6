"""Automatic persisted queries: texts that clients sent with their hash, kept for those that send the hash alone.

They live in Valkey, for all processes, and in this process, for speed and for when Valkey does not answer. A text that is
gone is sent again by the client; so everything here may be forgotten, and nothing here may fail.
"""

from __future__ import annotations

import time

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from execution.document_ids import hash_of
from execution.text_store import TextStore

KEY = "scoregraph:document:{}"
LONGEST_TEXT = 64 * 1024
"""Characters of a text that is kept."""
MOST_BYTES = 8 * 1024 * 1024
"""Of the texts kept in this process."""
KEPT_SECONDS = 3600
"""How long Valkey keeps a text that nobody asks for."""
MOST_SHARED = 2_000
MOST_SHARED_BYTES = 8 * 1024 * 1024
"""What this process adds to Valkey in KEPT_SECONDS at most, so that made-up texts cannot fill it."""
PATIENCE = 0.3
"""Seconds that Valkey has for an answer."""
PAUSE = 5.0
"""Seconds that Valkey is left alone after it did not answer."""

log = structlog.get_logger(__name__)


class AutomaticDocuments:
    def __init__(self, redis_url: str | None, *, most_bytes: int = MOST_BYTES) -> None:
        self._redis = _client(redis_url) if redis_url else None
        self._texts = TextStore(most_bytes)
        self._resting_until = 0.0
        self._budget = _Budget()

    async def find(self, hash: str) -> str | None:
        """The text that was kept under its hash."""
        text = self._texts.get(hash)
        if text is None:
            text = await self._shared(hash)
            if text is not None:
                self._texts.keep(hash, text)
        return text

    async def keep(self, hash: str, text: str) -> None:
        """A text that is known to be valid. Does nothing where it is too long."""
        if len(text) > LONGEST_TEXT or self._texts.get(hash) is not None:
            return
        self._texts.keep(hash, text)
        data = text.encode()
        if self._is_resting() or not self._budget.takes(len(data)):
            return
        assert self._redis is not None
        try:
            await self._redis.set(KEY.format(hash), data, ex=KEPT_SECONDS)
        except (RedisError, OSError) as error:
            self._rest(error)

    async def aclose(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    async def _shared(self, hash: str) -> str | None:
        if self._is_resting():
            return None
        assert self._redis is not None
        try:
            data = await self._redis.getex(KEY.format(hash), ex=KEPT_SECONDS)
        except (RedisError, OSError) as error:
            self._rest(error)
            return None
        text = data.decode(errors="replace") if isinstance(data, bytes) else None
        # Whoever writes to Valkey must not choose what runs under a hash.
        return text if text is not None and hash_of(text) == hash else None

    def _is_resting(self) -> bool:
        return self._redis is None or time.monotonic() < self._resting_until

    def _rest(self, error: Exception) -> None:
        self._resting_until = time.monotonic() + PAUSE
        log.warning("documents_not_shared", error=type(error).__name__)


class _Budget:
    """How much may still be added until the window ends."""

    def __init__(self) -> None:
        self._ends_at = 0.0
        self._texts = self._bytes = 0

    def takes(self, size: int) -> bool:
        now = time.monotonic()
        if now >= self._ends_at:
            self._ends_at, self._texts, self._bytes = now + KEPT_SECONDS, 0, 0
        if self._texts >= MOST_SHARED or self._bytes + size > MOST_SHARED_BYTES:
            return False
        self._texts += 1
        self._bytes += size
        return True


def _client(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(
        url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
