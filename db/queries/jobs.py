"""Jobs: what operators see of them and ask for (as the viewer), and what workers and the command do about them (as the worker)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.keyset import Page, SortKey, bounded_count, paged
from db.snapshot import Snapshot
from db.statement import Statement, sql


class JobKind(StrEnum):
    """What a job does; ``jobs.kinds`` says which task that is."""

    EXPORT = "EXPORT"
    REPORT_CLEANUP = "REPORT_CLEANUP"
    REPORT_SCHEDULES = "REPORT_SCHEDULES"
    DELIVERY = "DELIVERY"
    HOURLY_AGGREGATION = "HOURLY_AGGREGATION"
    DAILY_AGGREGATION = "DAILY_AGGREGATION"
    WEEKLY_AGGREGATION = "WEEKLY_AGGREGATION"
    MONTHLY_AGGREGATION = "MONTHLY_AGGREGATION"
    VIEW_REFRESH = "VIEW_REFRESH"
    DATA_CLEANUP = "DATA_CLEANUP"
    CACHE_WARMING = "CACHE_WARMING"
    UNPARKING = "UNPARKING"
    AWARDS = "AWARDS"
    RETENTION = "RETENTION"
    ALERT_NOTICE = "ALERT_NOTICE"
    OTHER = "OTHER"


RUNNABLE = frozenset(JobKind) - {
    JobKind.EXPORT,
    JobKind.REPORT_SCHEDULES,
    JobKind.DELIVERY,
    JobKind.VIEW_REFRESH,
    JobKind.ALERT_NOTICE,
    JobKind.OTHER,
}
"""Those that can be run whenever somebody wants to: they need no arguments."""


class JobStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class JobRow(NamedTuple):
    """``tries`` counts those begun; ``error`` is why the last one failed."""

    id: int
    kind: str
    task: str
    queue: str
    status: str
    tries: int
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None


class QueueDepth(NamedTuple):
    """How many jobs wait in a queue that could begin, for how many seconds the oldest does, and how many run."""

    queue: str
    waiting: int
    oldest_seconds: float
    running: int


job_runs = table("job_runs", column("id", BigInteger), *(column(name) for name in JobRow._fields[1:]))
COLUMNS = tuple(job_runs.c)
NEWEST_FIRST = (SortKey(job_runs.c.id, descending=True),)
_NAMES = ", ".join(JobRow._fields)

JOBS_BY_ID = sql(f"SELECT {_NAMES} FROM job_runs WHERE id = ANY (:ids)")
RUN = text("SELECT run_job(:kind)")
REQUEST_REFRESH = text("SELECT request_refresh(CAST(:names AS text[]))")


async def get_jobs(snapshot: Snapshot, ids: Sequence[int]) -> list[JobRow]:
    return [JobRow(*row) for row in await snapshot.rows(JOBS_BY_ID, ids=ids)]


async def list_jobs(snapshot: Snapshot, kind: str | None, status: str | None, page: Page) -> list[JobRow]:
    """A page, newest first, with one row more than asked."""
    statement = Statement(paged(_selected(select(*COLUMNS), kind, status), NEWEST_FIRST, page))
    return [JobRow(*row) for row in await snapshot.rows(statement)]


async def count_jobs(snapshot: Snapshot, kind: str | None, status: str | None, bound: int | None) -> int:
    return await snapshot.count(Statement(bounded_count(_selected(select(job_runs.c.id), kind, status), bound)))


def _selected(statement: Select[Any], kind: str | None, status: str | None) -> Select[Any]:
    if kind is not None:
        statement = statement.where(job_runs.c.kind == kind)
    return statement if status is None else statement.where(job_runs.c.status == status)


async def run_job(connection: AsyncConnection, kind: str) -> int:
    """Asks for a job of a RUNNABLE kind, as a viewer who may operate; the one that waits already will do. Its id."""
    return int((await connection.execute(RUN, {"kind": kind})).scalar_one())


async def request_refresh(connection: AsyncConnection, names: Sequence[str]) -> int:
    """Asks for views to be refreshed, as a viewer who may operate. The job's id."""
    return int((await connection.execute(REQUEST_REFRESH, {"names": list(names)})).scalar_one())


# As the worker

LATEST = text(f"""
SELECT {_NAMES} FROM jobs.runs
WHERE (CAST(:status AS text) IS NULL OR status = :status) ORDER BY id DESC LIMIT :most
""")
ONE = text(f"SELECT {_NAMES} FROM jobs.runs WHERE id = :id")
ASK = text("SELECT jobs.ask_once(queue, task, '{}', task) FROM jobs.kinds WHERE kind = :kind AND is_runnable")
# Two operators at once: the second finds it in another state.
LOCK = text("SELECT FROM jobs.procrastinate_jobs WHERE id = :id FOR UPDATE")
RETRY = text("SELECT jobs.procrastinate_retry_job_v2(:id, NULL, NULL, NULL, NULL)")
CANCEL = text("SELECT jobs.procrastinate_cancel_job_v1(:id, true, false)")
NOTE_FAILURE = text("""
INSERT INTO jobs.failures AS f (job_id, error) VALUES (:id, :error)
ON CONFLICT (job_id) DO UPDATE SET error = excluded.error, failed_at = clock_timestamp()
""")
RECOVER = text(
    "SELECT job_id, job_task, is_retried FROM jobs.recover_stalled(CAST(:silent_seconds AS float8), :most_tries)"
)
DELETE_FINISHED = text("""
DELETE FROM jobs.procrastinate_jobs j
WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted') AND NOT EXISTS (
  SELECT FROM jobs.procrastinate_events e WHERE e.job_id = j.id AND e.at >= now() - make_interval(days => :days))
""")
DEPTHS = text("""
SELECT queue_name,
  count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)),
  coalesce(extract(epoch FROM max(now() - coalesce(scheduled_at, (SELECT min(at) FROM jobs.procrastinate_events e WHERE e.job_id = j.id)))
    FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true))), 0)::float8,
  count(*) FILTER (WHERE status = 'doing')
FROM jobs.procrastinate_jobs j WHERE status IN ('todo', 'doing') GROUP BY queue_name
""")


class StateError(Exception):
    """A job is not in a state that allows it. ``status`` is the one that it is in."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


async def list_latest_jobs(connection: AsyncConnection, status: str | None, most: int) -> list[JobRow]:
    return [JobRow(*row) for row in await connection.execute(LATEST, {"status": status, "most": most})]


async def get_job(connection: AsyncConnection, id: int) -> JobRow | None:
    row = (await connection.execute(ONE, {"id": id})).one_or_none()
    return JobRow(*row) if row else None


async def ask_for_job(connection: AsyncConnection, kind: str) -> int:
    """Asks for a job of a RUNNABLE kind, as the worker."""
    return int((await connection.execute(ASK, {"kind": kind})).scalar_one())


async def retry_job(connection: AsyncConnection, id: int) -> JobRow | None:
    """Puts a job that failed back into its queue; None where there is no such job. Raises StateError."""
    return await _changed(connection, id, {JobStatus.FAILED}, RETRY)


async def cancel_job(connection: AsyncConnection, id: int) -> JobRow | None:
    """Takes a job out of its queue, or asks the worker that runs it to stop; None where there is none. Raises StateError."""
    return await _changed(connection, id, {JobStatus.QUEUED, JobStatus.RUNNING}, CANCEL)


async def _changed(connection: AsyncConnection, id: int, allowed: set[JobStatus], statement: Any) -> JobRow | None:
    await connection.execute(LOCK, {"id": id})
    row = await get_job(connection, id)
    if row is None:
        return None
    if row.status not in allowed:
        raise StateError(row.status)
    await connection.execute(statement, {"id": id})
    return await get_job(connection, id)


async def note_job_failure(connection: AsyncConnection, id: int, error: str) -> None:
    """Keeps why the last try failed."""
    await connection.execute(NOTE_FAILURE, {"id": id, "error": error})


async def recover_stalled_jobs(
    connection: AsyncConnection, silent_seconds: float, most_tries: int
) -> list[tuple[int, str, bool]]:
    """Retries the jobs of workers that were silent for so long: id, task, and whether it is retried, or has failed."""
    values = {"silent_seconds": silent_seconds, "most_tries": most_tries}
    return [(row[0], row[1], row[2]) for row in await connection.execute(RECOVER, values)]


async def delete_finished_jobs(connection: AsyncConnection, days: int) -> int:
    """Forgets jobs of which nothing was heard for so many days, other than that they ended; says how many."""
    return (await connection.execute(DELETE_FINISHED, {"days": days})).rowcount


async def list_queue_depths(connection: AsyncConnection) -> list[QueueDepth]:
    """Of the queues that have jobs which wait or run."""
    return [QueueDepth(*row) for row in await connection.execute(DEPTHS)]
