"""Refreshing as a job: for those who will not wait for a tick, and every hour for what ticks may have missed."""

from __future__ import annotations

from collections.abc import Sequence

from procrastinate import Blueprint, JobContext

from workers.failures import JobFailed
from workers.fold import fold_pending
from workers.means import Queue, means_of
from workers.refresh import BUSY, refresh_named

jobs = Blueprint()


@jobs.task(name="views", queue=Queue.REFRESH, pass_context=True)
async def refresh_views(context: JobContext, names: Sequence[str]) -> None:
    """Views by name, due or not. Raises JobFailed where one could not be refreshed."""
    await _refresh(context, names)


@jobs.task(name="all", queue=Queue.REFRESH, queueing_lock="refresh:all", pass_context=True)
async def refresh_all(context: JobContext, timestamp: int | None = None) -> None:
    """Everything that is pending is folded, and every view refreshed: what tells a tick that a view is due are counts of the
    server's statistics, which a crash or an operator may reset.
    """
    await fold_pending(means_of(context).engine)
    await _refresh(context, ())


async def _refresh(context: JobContext, names: Sequence[str]) -> None:
    failed: list[str] = []

    def note(name: str, problem: str | None) -> None:
        # Whoever is at it does as well: a tick has come at the same moment.
        if problem and problem != BUSY:
            failed.append(f"{name}: {problem}")

    try:
        await refresh_named(means_of(context).engine, names, note)
    except ValueError as error:
        raise JobFailed(str(error)) from error
    if failed:
        raise JobFailed("; ".join(failed))
