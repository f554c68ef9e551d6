"""Why something failed, in words that operators may read: no secret, no SQL, no value."""

from __future__ import annotations

import psycopg
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

LONGEST_REASON = 500

CONNECTION_STATES = ("08", "53", "57P")
"""The server's words for it: connection failure, too many connections, shutting down or starting up."""


class JobFailed(Exception):
    """A job cannot be done. The message is for operators, and holds nothing that is not for them."""


class BrokerLost(Exception):
    """The broker of events does not answer, or has ended a subscription by itself, for example since its stream was deleted."""


class JobInterrupted(Exception):
    """The worker stops before the job is done: it goes back into its queue."""

    def __init__(self) -> None:
        super().__init__("The worker was stopped before the job was done.")


class Postponed(Exception):
    """A job is to be run again in so many seconds; nothing failed that anybody has to know of."""

    def __init__(self, seconds: int) -> None:
        super().__init__("It is tried again soon.")
        self.seconds = seconds


def reason_of(error: BaseException) -> str:
    """One sentence, at most LONGEST_REASON characters: of the database the server's first, of what was not expected its kind
    alone, since its words may quote anything.
    """
    cause = _cause(error)
    if isinstance(error, JobFailed | JobInterrupted):
        reason = str(error)
    elif is_outage(error):
        reason = "The database did not answer."
    elif isinstance(cause, psycopg.Error) and not _quotes_values(cause):
        reason = cause.diag.message_primary or type(cause).__name__
    else:
        reason = f"It ended with {type(error).__name__}; the worker's log says more."
    return reason[:LONGEST_REASON]


def is_outage(error: BaseException) -> bool:
    """Whether the connection failed, not what was asked over it."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    cause = _cause(error)
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError):
        # psycopg gives no SQLSTATE where the connection is gone.
        return cause.sqlstate is None or cause.sqlstate.startswith(CONNECTION_STATES)
    return isinstance(cause, OSError | PoolTimeout)


def _quotes_values(error: psycopg.Error) -> bool:
    """Whether the server's sentence is about a value that does not fit. What our functions raise is of the class in general."""
    return error.sqlstate is not None and error.sqlstate.startswith("22") and error.sqlstate != "22000"


def _cause(error: BaseException) -> BaseException | None:
    """What the driver said, under the names that SQLAlchemy and procrastinate give it."""
    if isinstance(error, DBAPIError):
        return error.orig
    if isinstance(error, ConnectorException):
        return error.__cause__
    return error
