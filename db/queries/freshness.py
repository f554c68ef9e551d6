"""How fresh the materialized views are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.snapshot import Snapshot
from db.statement import sql


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """The last refresh of a materialized view, and when it was last known to be as a refresh would make it. Both are None
    until there was one.
    """

    name: str
    version: int
    refreshed_at: datetime | None
    current_at: datetime | None


REFRESHES = sql("SELECT name, version, refreshed_at, greatest(refreshed_at, checked_at) FROM view_refreshes")


async def list_refreshes(snapshot: Snapshot) -> list[RefreshRow]:
    """Of all the views, which are few."""
    return [RefreshRow(*row) for row in await snapshot.rows(REFRESHES)]
