"""Everything that changes data: one READ COMMITTED transaction, seen and checked by row security as one viewer.

Whatever goes wrong in it, up to a killed connection, nothing of it is written.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.engine import DatabaseUnavailable
from db.entering import Caller, UnknownCaller, Viewer

T = TypeVar("T")

MOST_TRIES = 5

MOST_SECONDS = 120.0
"""Of one try. A server that stops a statement at its timeout needs a quarter; one that says nothing is not waited for."""

# Another writer was first; a new transaction sees what it did.
RETRIED_STATES = {"40001", "40P01"}
RETRIED_CONSTRAINTS = {
    "attempts_one_counted",
    "attempts_by_source",
    "parked_attempts_by_source",
    "users_organization_id_external_id_key",
    "users_organization_id_username_key_key",
    "groups_organization_id_external_id_key",
    "topics_organization_id_external_id_key",
    "levels_organization_id_position_key",
    "labs_organization_id_type_key",
}
# Too many connections, shutting down, cancelled at a timeout, a lock that did not come.
UNAVAILABLE_STATES = ("53", "57", "08", "55P03")

log = structlog.get_logger(__name__)

ENTER = text("""
SELECT v.organization_id, v.user_id, v.role, v.group_ids,
  set_config('scoregraph.viewer', to_json(v)::text, true),
  set_config('lock_timeout', '10s', true), set_config('statement_timeout', '30s', true)
FROM find_viewer(:organization, :subject, :role, CAST(:group_ids AS text[])) AS v
""")


async def write_transaction(
    engine: AsyncEngine, caller: Caller, work: Callable[[AsyncConnection, Viewer], Awaitable[T]]
) -> T:
    """Runs ``work`` as the caller and commits what it did; an exception rolls everything back.

    Where another writer comes in between (deadlock, serialization, two first successes of one lab at once), all of
    ``work`` is run again, five times at most: it must not do anything but on the connection.
    Raises UnknownCaller, DatabaseUnavailable, and whatever ``work`` raises.
    """
    for attempt in range(1, MOST_TRIES + 1):
        try:
            async with asyncio.timeout(MOST_SECONDS), engine.begin() as connection:
                return await work(connection, await _enter(connection, caller))
        except DBAPIError as error:
            if attempt < MOST_TRIES and is_race(error):
                log.info("write_retried", attempt=attempt, error=type(error.orig).__name__)
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - spreads retries, no secret
                continue
            if _is_outage(error):
                raise DatabaseUnavailable("The database did not take the change.") from error
            raise
        except TimeoutError as error:
            raise DatabaseUnavailable("The database does not say whether it took the change.") from error
        except PoolTimeout as error:
            raise DatabaseUnavailable("All connections for changes are busy.") from error
    raise AssertionError("the last try returns or raises")


async def _enter(connection: AsyncConnection, caller: Caller) -> Viewer:
    row = (
        await connection.execute(
            ENTER,
            {
                "organization": caller.organization,
                "subject": caller.subject,
                "role": caller.role,
                "group_ids": None if caller.group_ids is None else list(caller.group_ids),
            },
        )
    ).one_or_none()
    if row is None:
        raise UnknownCaller
    return Viewer(row.organization_id, row.user_id, row.role, tuple(row.group_ids))


def is_race(error: DBAPIError) -> bool:
    """Whether another writer was first: the same work, done again, sees what that one did."""
    cause = error.orig
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate == "23505":
        return cause.diag.constraint_name in RETRIED_CONSTRAINTS
    return cause.sqlstate in RETRIED_STATES


def _is_outage(error: DBAPIError) -> bool:
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    if state is not None:
        return state.startswith(UNAVAILABLE_STATES)
    # Without a state the server did not answer at all.
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
