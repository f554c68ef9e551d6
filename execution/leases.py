"""What each caller may still spend, counted for all processes together without asking Redis about every request.

A caller's budget for a minute is cut into slices. A process takes whole slices from Redis, where a moving window counts them,
and spends them by itself: the next round trip comes when a slice is used up. Slices that are not spent stay for later. So

- a caller never gets more than the budget from Redis in any minute, and in one process never spends more than that and what
  was left of slices taken earlier: over N processes at most the budget and N slices (5 % each);
- a caller is refused at the earliest when all but N slices are spent.

Without Redis each process counts by itself, with what it took before still in the count: N times the budget at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil
from typing import Any, NamedTuple

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

WINDOW = 60
"""Seconds."""

SLICES = 20
MOST_CALLERS = 20_000
"""Whose leases a process keeps: those who came last."""

KEY_PREFIX = "scoregraph:budgets"
REDIS_CONNECTIONS = 10
REDIS_TIMEOUT = 0.25
REDIS_PAUSE = 5.0
"""Seconds for which Redis is left alone after it did not answer."""

SHUT = 1.0
"""Seconds for which whoever was refused by Redis is refused without asking it again."""

log = structlog.get_logger(__name__)


class Caller(NamedTuple):
    """Whose budget it is."""

    organization: str
    subject: str
    role: str

    @property
    def key(self) -> str:
        """Says nothing about the person, since it is kept where many can read."""
        names = f"{self.organization}\0{self.subject}".encode()
        return blake2b(names, digest_size=16).hexdigest()


class Balance(NamedTuple):
    """``reset`` is in how many seconds some of the budget comes free again."""

    granted: bool
    remaining: int
    reset: int


@dataclass(slots=True, eq=False)
class _Lease:
    """What one process has taken for one caller. Times are those of the clock of the wall, as in Redis."""

    item: RateLimitItem
    names: tuple[str, str]
    slice: int
    left: int = 0
    taken: list[float] = field(default_factory=list)
    free: int = 0
    """Slices that nobody had taken when that was last asked."""
    asked_at: float = 0.0
    reset_at: float = 0.0
    shut_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def free_here(self, now: float) -> int:
        """Slices that this process may take, going by its own."""
        self.taken = [at for at in self.taken if at > now - WINDOW]
        return self.item.amount - len(self.taken)

    def balance(self, granted: bool, now: float) -> Balance:
        free = self.free if self.asked_at > now - WINDOW else self.item.amount
        reset = ceil(self.reset_at - now)
        return Balance(granted, free * self.slice + self.left, reset if 0 < reset <= WINDOW else WINDOW)


class Leases:
    """Of one process. Without ``redis_url``, and while Redis does not answer, the process counts by itself."""

    def __init__(self, redis_url: str | None, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._leases: dict[Caller, _Lease] = {}
        self._pool: BlockingConnectionPool | None = None
        self._shared: MovingWindowRateLimiter | None = None
        self._alone_until = 0.0
        if redis_url is not None:
            self._pool = BlockingConnectionPool.from_url(
                redis_url,
                max_connections=REDIS_CONNECTIONS,
                timeout=REDIS_TIMEOUT,
                socket_timeout=REDIS_TIMEOUT,
                socket_connect_timeout=REDIS_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
            )
            options: dict[str, Any] = {"connection_pool": self._pool}
            storage = RedisStorage("redis://", implementation="redispy", key_prefix=KEY_PREFIX, **options)
            self._shared = MovingWindowRateLimiter(storage)

    async def take(self, caller: Caller, budget: int, cost: int) -> Balance:
        """Takes ``cost``, which is within the budget for a minute, out of it, or nothing where that much is not left."""
        lease = self._leases.get(caller) or self._open(caller, budget)
        if cost > lease.left:
            async with lease.lock:
                # Others may spend of it meanwhile.
                while cost > lease.left:
                    if not await self._take_slices(lease, ceil((cost - lease.left) / lease.slice)):
                        return lease.balance(False, self._clock())
                lease.left -= cost
        else:
            lease.left -= cost
        return lease.balance(True, self._clock())

    async def aclose(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    def _open(self, caller: Caller, budget: int) -> _Lease:
        if len(self._leases) >= MOST_CALLERS:
            del self._leases[next(iter(self._leases))]
        slices = min(SLICES, budget)
        lease = _Lease(RateLimitItemPerMinute(slices), (caller.role, caller.key), budget // slices)
        self._leases[caller] = lease
        return lease

    async def _take_slices(self, lease: _Lease, count: int) -> bool:
        now = self._clock()
        here = lease.free_here(now)
        if count > here:
            lease.free, lease.asked_at = here, now
            lease.reset_at = lease.taken[count - here - 1] + WINDOW
            return False
        if now < lease.shut_until:
            return False
        granted = await self._ask(lease, count)
        if granted is None:
            lease.free, lease.asked_at = here - count, now
            lease.reset_at = (lease.taken or [now])[0] + WINDOW
        elif not granted:
            lease.shut_until = now + SHUT
            return False
        lease.taken += [now] * count
        lease.left += count * lease.slice
        return True

    async def _ask(self, lease: _Lease, count: int) -> bool | None:
        """Takes slices from Redis; None where it does not answer."""
        now = self._clock()
        if self._shared is None or now < self._alone_until:
            return None
        try:
            granted = await self._shared.hit(lease.item, *lease.names, cost=count)
            stats = await self._shared.get_window_stats(lease.item, *lease.names)
        except (RedisError, OSError) as error:
            self._alone_until = now + REDIS_PAUSE
            log.warning("budgets_not_shared", error=type(error).__name__)
            return None
        lease.free, lease.asked_at, lease.reset_at = stats.remaining, now, stats.reset_time
        return granted
