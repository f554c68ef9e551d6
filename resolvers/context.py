"""What a resolver has at hand: the services of the process, the caller, one snapshot, and batched loads on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, TypeVarTuple

from aiodataloader import DataLoader
from sqlalchemy.ext.asyncio import AsyncEngine

from auth import Claims
from db.changes import Changes
from db.engine import DatabaseUnavailable, ReadPool
from db.entering import Caller, Viewer
from db.reading import current_reading
from db.single_read import SingleRead
from db.snapshot import Snapshot
from resolvers.batches import AllWanted, Batches, in_step
from resolvers.errors import Forbidden, Unauthenticated
from resolvers.health_checks import Look
from resolvers.live import Live
from resolvers.permissions import Permission, permissions_of
from resolvers.row_scope import Audience
from resolvers.user_progress import UserProgress
from settings import Settings

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True)
class Services:
    """What the process has once. ``look`` says whether a gateway has all that it needs; others have none."""

    settings: Settings
    read_pool: ReadPool
    write_engine: AsyncEngine
    changes: Changes
    user_progress: UserProgress | None
    look: Look | None = None


@dataclass
class Context:
    """One operation (or one push of a subscription) of one caller."""

    services: Services
    claims: Claims | None
    connection_params: dict[str, object] | None = None
    # Decided when the operation begins, so that a change that is committed is also answered.
    has_expired: bool = False
    # For whom what was read so far is good.
    audience: Audience = Audience.SCOPE
    # Where the operation is a subscription that somebody follows.
    live: Live | None = None
    # One that belongs to somebody else, who opened it as the caller and closes it: what several operations read in it is from
    # one instant.
    within: Snapshot | None = None
    _snapshot: Snapshot | None = None
    _loaders: dict[tuple[object, ...], DataLoader[Any, Any]] = field(default_factory=dict)
    _batches: Batches | None = None
    _is_over: bool = False

    @property
    def caller(self) -> Caller:
        """Raises Unauthenticated where no valid token came with the request, or it had ended when the operation began."""
        if self.claims is None:
            raise Unauthenticated
        if self.has_expired:
            raise Unauthenticated("The token has expired.")
        return Caller(self.claims.organization, self.claims.subject, self.claims.role.value, self.claims.group_ids)

    @property
    def snapshot(self) -> Snapshot:
        if self._is_over:
            raise DatabaseUnavailable("The operation is over.")
        if self.within is not None:
            return self.within
        if self._snapshot is None:
            self._snapshot = Snapshot(self.services.read_pool, self.caller, self._narrow_to_person)
        return self._snapshot

    def read_once(self) -> SingleRead | None:
        """Makes the snapshot one of a single statement; None where the caller is new, or none at all."""
        if self.claims is None or self.has_expired or self.within is not None:
            return None
        pool, caller = self.services.read_pool, self.caller
        expected = pool.acquaintances.expected(caller)
        if expected is None:
            return None
        self._snapshot = single = SingleRead(pool, caller, self._narrow_to_person, expected)
        return single

    @property
    def has_read_once(self) -> bool:
        """Whether what was read so far could have been read so."""
        return self._snapshot is not None and self._snapshot.is_single

    def _narrow_to_person(self) -> None:
        self.narrow(Audience.PERSON)

    def narrow(self, audience: Audience) -> None:
        """Notes that the answer is good for no more than this audience."""
        self.audience = max(self.audience, audience)
        if audience is Audience.TOKEN and (reading := current_reading()) is not None:
            reading.forget("it tells of the token")

    @property
    def token_expires_at(self) -> datetime | None:
        """When the token ends; None without one."""
        self.narrow(Audience.TOKEN)
        return self.claims.expires_at if self.claims else None

    async def viewer(self) -> Viewer:
        """Raises Unauthenticated, or UnknownCaller where the roster does not know the caller."""
        return await self.snapshot.viewer()

    async def require(self, permission: Permission) -> Viewer:
        """The viewer, if they have the permission. Raises Forbidden."""
        viewer = await self.viewer()
        if permission not in permissions_of(viewer):
            raise Forbidden(permission)
        return viewer

    def load(
        self,
        load: Callable[[Snapshot, list[K], *Arguments], Awaitable[list[V]]],
        key: K,
        *arguments: *Arguments,
    ) -> Awaitable[V]:
        """One key of a batch: all keys asked of the same function with the same arguments go into one statement.

        ``load`` gives a value for each key, in the order of the keys.
        """
        if self._batches is not None:
            return self._batches.load(load, key, arguments)
        return self._loader(load, *arguments).load(key)

    def _loader(
        self, load: Callable[[Snapshot, list[K], *Arguments], Awaitable[list[V]]], *arguments: *Arguments
    ) -> DataLoader[K, V]:
        loader = self._loaders.get((load, *arguments))
        if loader is None:

            async def batch(keys: list[K]) -> list[V]:
                return await load(self.snapshot, keys, *arguments)

            # aiodataloader takes the running loop when it is made, so loaders live no longer than the operation.
            loader = self._loaders[(load, *arguments)] = DataLoader(batch)
        return loader

    def know(self, load: Callable[[Snapshot, list[K]], Awaitable[list[Any]]], values: Mapping[K, Any]) -> None:
        """Takes these values for what the load would give: they came with something else, out of the same snapshot."""
        if self._batches is not None:
            self._batches.know(load, values)
            return
        for key, value in values.items():
            self._loader(load).prime(key, value)

    def load_many(
        self,
        load: Callable[[Snapshot, list[K], *Arguments], Awaitable[list[V]]],
        keys: Iterable[K],
        *arguments: *Arguments,
    ) -> Awaitable[list[V]]:
        """Several keys of a batch, in their order."""
        if self._batches is not None:
            return AllWanted(self._batches.load(load, key, arguments) for key in keys)
        return asyncio.gather(*(self.load(load, key, *arguments) for key in keys))

    def together(self, *coroutines: Coroutine[Any, Any, V]) -> Awaitable[list[V]]:
        """What the coroutines return; what they load goes into common batches."""
        return asyncio.gather(*coroutines) if self._batches is None else in_step(coroutines)

    def run_in_step(self) -> Batches:
        """From now on loads wait for who drives the coroutines that ask for them (see ``resolvers.batches``)."""
        self._batches = Batches(lambda: self.snapshot)
        return self._batches

    def run_freely(self) -> None:
        """From now on loads are batched by the event loop, as the standard executor needs it."""
        self._batches = None

    def fork(self) -> Context:
        """A context of its own for another operation of the same caller. A socket may outlive its token."""
        has_expired = self.claims is not None and self.claims.expires_at <= datetime.now(UTC)
        return Context(self.services, self.claims, self.connection_params, has_expired)

    async def aclose(self) -> None:
        """Lets go of everything for good. Resolvers that nobody waits for any more may still run: they are refused."""
        self._is_over = True
        await self.renew()

    async def renew(self) -> None:
        """Lets go of the snapshot and of everything loaded from it: what follows reads anew."""
        snapshot, self._snapshot = self._snapshot, None
        self._loaders.clear()
        self._batches = None
        if snapshot is not None:
            await snapshot.aclose()
