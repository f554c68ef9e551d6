"""One job, run: noted how it went, and put back where the worker stops before it is done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from procrastinate import BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job
from procrastinate.worker import Worker
from sqlalchemy.exc import SQLAlchemyError

from db.queries.jobs import note_job_failure
from workers.failures import JobFailed, JobInterrupted, Postponed, is_outage, reason_of
from workers.means import means_of

Told = Callable[[str, str, float], None]
"""Told of every job that ended: its task, SUCCEEDED, FAILED, CANCELLED, INTERRUPTED or POSTPONED, and the seconds that it took."""

log = structlog.get_logger(__name__)


class Resumed(BaseRetryStrategy):
    """A task's own strategy, and that a job which was interrupted or postponed is run again whatever that says."""

    def __init__(self, own: BaseRetryStrategy | None) -> None:
        self._own = own

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, JobInterrupted):
            return RetryDecision()
        if isinstance(exception, Postponed):
            return RetryDecision(retry_in={"seconds": exception.seconds})
        if self._own is None or isinstance(exception, JobAborted):
            return None
        decided = self._own.get_retry_exception(exception, job)
        return decided.retry_decision if decided else None


def middleware(told: Told) -> Callable[[Callable[[], Awaitable[object]], JobContext, Worker], Awaitable[object]]:
    """What every job is run in."""

    async def run(call_next: Callable[[], Awaitable[object]], context: JobContext, worker: Worker) -> object:
        started = time.monotonic()
        status = "SUCCEEDED"
        try:
            return await call_next()
        except asyncio.CancelledError as error:
            stopped = context.abort_reason() is AbortReason.SHUTDOWN
            status = "INTERRUPTED" if stopped else "CANCELLED"
            raise (JobInterrupted() if stopped else JobAborted()) from error
        except JobAborted:
            status = "CANCELLED"
            raise
        except Postponed:
            status = "POSTPONED"
            raise
        except Exception as error:
            status = "FAILED"
            await _note_failure(context, error)
            raise
        finally:
            seconds = time.monotonic() - started
            told(context.job.task_name, status, seconds)
            log.info("job_ended", **_about(context), status=status, seconds=round(seconds, 3))

    return run


async def _note_failure(context: JobContext, error: Exception) -> None:
    reason = reason_of(error)
    if isinstance(error, JobFailed) or is_outage(error):
        log.warning("job_failed", **_about(context), reason=reason)
    else:
        log.error("job_failed", **_about(context), reason=reason, exc_info=error)
    assert context.job.id is not None
    try:
        async with means_of(context).engine.begin() as connection:
            await note_job_failure(connection, context.job.id, reason)
    except (SQLAlchemyError, OSError) as trouble:
        # The failure itself is what matters; the job is found stalled if that cannot be told either.
        log.warning("job_failure_not_noted", **_about(context), error=type(trouble).__name__)


def _about(context: JobContext) -> dict[str, object]:
    job = context.job
    return {"job": job.id, "task": job.task_name, "queue": job.queue, "tries": job.attempts + 1}
