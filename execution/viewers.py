"""Who callers are, as the roster had it when it was last asked: what is found for them without the database."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from auth import Claims
from db.engine import ReadPool
from db.entering import Caller, Viewer
from db.queries.memberships import get_boundary
from db.reading import recording
from db.snapshot import Snapshot
from execution.flights import Flights

MOST_VIEWERS = 10_000

Scope = tuple[Hashable, ...]
"""Equal for viewers who see the same rows and may do the same."""


def personal_scope(viewer: Viewer) -> Scope:
    """Of the viewer alone."""
    return (viewer.organization_id, viewer.role, viewer.own_id, viewer.group_ids)


def shared_scope(viewer: Viewer) -> Scope:
    """Of all to whom an operation answers alike that does not read who is asking."""
    return (viewer.organization_id, viewer.role) if viewer.sees_all else personal_scope(viewer)


@dataclass(slots=True, eq=False)
class KnownViewer:
    """``until`` (monotonic clock) is when the next membership in the organization begins or ends. A change of the roster ends
    it before: then it is not ``current``.
    """

    organization_id: int
    shared: Scope
    personal: Scope
    until: float
    current: bool = True

    @property
    def holds(self) -> bool:
        return self.current and time.monotonic() < self.until


class KnownViewers:
    """Of one process. Is to be told of changes."""

    def __init__(self, pool: ReadPool, *, most: int = MOST_VIEWERS) -> None:
        self._pool = pool
        self._most = most
        self._known: OrderedDict[Caller, KnownViewer] = OrderedDict()
        self._reading: Flights[KnownViewer] = Flights()
        self._changes = 0

    async def find(self, claims: Claims) -> KnownViewer:
        """Raises UnknownCaller, DatabaseUnavailable, asyncpg.QueryCanceledError."""
        caller = Caller(claims.organization, claims.subject, claims.role.value, claims.group_ids)
        known = self._known.get(caller)
        if known is not None and known.holds:
            self._known.move_to_end(caller)
            return known
        reading = self._reading.find(caller) or self._reading.begin(caller, self._read(caller))
        return await reading.land()

    def forget(self, organization_id: int | None = None) -> None:
        """The roster of the organization (None: anyone's) is not as it was."""
        self._changes += 1
        for caller, known in list(self._known.items()):
            if organization_id in (None, known.organization_id):
                known.current = False
                del self._known[caller]

    async def _read(self, caller: Caller) -> KnownViewer:
        changes = self._changes
        with recording() as reading:
            snapshot = Snapshot(self._pool, caller)
            try:
                viewer = await snapshot.viewer()
                boundary = await get_boundary(snapshot)
            finally:
                await snapshot.aclose()
        assert reading.at is not None
        until = math.inf if boundary is None else reading.begun + (boundary - reading.at).total_seconds()
        known = KnownViewer(viewer.organization_id, shared_scope(viewer), personal_scope(viewer), until)
        if changes != self._changes:
            # Somebody's roster changed meanwhile: this may be from before.
            known.current = False
            return known
        self._known[caller] = known
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return known
