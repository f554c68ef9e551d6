"""What procrastinate says, as events of ours: without the arguments of jobs, and without tracebacks of an outage.

How jobs go is logged by ``workers/running.py``; this is for what happens to the queue itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import structlog

from workers.failures import is_outage

ABOUT_JOBS = (
    "start_job",
    "job_success",
    "job_error",
    "job_error_retry",
    "job_aborted",
    "job_aborted_retry",
    "finish_task",
)

log = structlog.get_logger(__name__)


class JobLog(logging.Handler):
    """Takes the records of procrastinate's loggers: their texts quote arguments, so that only actions are passed on."""

    def emit(self, record: logging.LogRecord) -> None:
        action = getattr(record, "action", None)
        if action in ABOUT_JOBS:
            return
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and is_outage(error):
            log.warning("database_unreachable", job="jobs", error=type(error).__name__)
        else:
            log.log(record.levelno, "queue_said", action=action or record.name, exc_info=error)


def take_over_logs() -> None:
    """For the whole process. Whoever does it twice changes nothing."""
    logger = logging.getLogger("procrastinate")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.handlers = [JobLog()]
    # The pool tells of every connection that it cannot make; the queue's loop says so once.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def report_quietly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's handler for exceptions that nobody waits for."""
    error = context.get("exception")
    if isinstance(error, Exception) and is_outage(error):
        log.warning("database_unreachable", job="jobs", error=type(error).__name__)
    else:
        loop.default_exception_handler(context)
