"""Refreshes the materialized views whose sources have changed, each in a transaction of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.refresh import (
    DueRow,
    list_due_views,
    list_named_views,
    list_view_names,
    note_failure,
    note_unchanged,
    refresh_view,
)
from workers.failures import is_outage, reason_of

EARLY = 0.9
"""A tick that comes a little early must not find every view not quite due, or each would wait two ticks."""

BUSY = "another worker is refreshing it"

log = structlog.get_logger(__name__)


async def refresh_due(engine: AsyncEngine, seconds: float, stop: asyncio.Event | None = None) -> list[str]:
    """Refreshes what was last refreshed ``seconds`` ago or more and may have changed; the names refreshed.

    A view that fails keeps its old contents and its error, and is tried again after ``seconds``. Raises what an outage raises.
    """
    async with engine.begin() as connection:
        due = await list_due_views(connection, seconds * EARLY)
        await note_unchanged(connection, due)
    refreshed = []
    for view in due:
        if stop is not None and stop.is_set():
            break
        if await _refresh(engine, view) is None:
            refreshed.append(view.name)
    return refreshed


async def refresh_named(engine: AsyncEngine, names: Sequence[str], progress: Callable[[str, str | None], None]) -> None:
    """Refreshes the named views now (all without names), due or not. ``progress`` gets each name, and why it failed.

    Raises ValueError for a name that is no view's.
    """
    async with engine.connect() as connection:
        known = await list_view_names(connection)
        if unknown := sorted(set(names) - set(known)):
            raise ValueError(f"There is no view {unknown[0]}; the views are {', '.join(known)}.")
        views = await list_named_views(connection, names or known)
    for view in views:
        progress(view.name, await _refresh(engine, view))


async def _refresh(engine: AsyncEngine, view: DueRow) -> str | None:
    """Refreshes one view. Gives why it was not refreshed."""
    started = time.monotonic()
    try:
        async with engine.begin() as connection:
            if not await refresh_view(connection, view):
                return BUSY
    except DBAPIError as error:
        if is_outage(error):
            raise
        reason = reason_of(error)
        log.error("view_not_refreshed", view=view.name, error=reason)
        async with engine.begin() as connection:
            await note_failure(connection, view.name, reason)
        return reason
    log.info("view_refreshed", view=view.name, seconds=round(time.monotonic() - started, 3))
    return None
