"""Repeats a job until it is told to stop, through outages of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from workers.failures import BrokerLost, is_outage

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[object]]


async def repeat(name: str, seconds: float, job: Job, stop: asyncio.Event) -> None:
    """Runs ``job`` at once and then every ``seconds``, sooner and ever later after a failure, until ``stop`` is set.

    A failure is logged and never ends the loop: the job is in the database, and there it waits.
    """
    pause = seconds
    failures = 0
    while not stop.is_set():
        try:
            await job()
        except Exception as error:
            pause = pause_after(failures)
            failures += 1
            _log_failure(name, error, failures)
        else:
            if failures:
                log.info("job_recovered", job=name, failures=failures)
            pause, failures = seconds, 0
        await rest(pause, stop)


async def rest(seconds: float, stop: asyncio.Event) -> None:
    """So long, or until ``stop`` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def pause_after(failures: int) -> float:
    """Seconds, after a failure that came after so many others."""
    # However long an outage lasts, this has to stay a number that a float can be.
    return min(FIRST_PAUSE_SECONDS * (1 << min(failures, 10)), LONGEST_PAUSE_SECONDS)


def _log_failure(name: str, error: Exception, failures: int) -> None:
    if isinstance(error, BrokerLost):
        log.warning("broker_unreachable", job=name, error=str(error), failures=failures)
    elif is_outage(error):
        log.warning("database_unreachable", job=name, error=type(error).__name__, failures=failures)
    else:
        log.error("job_failed", job=name, failures=failures, exc_info=error)
