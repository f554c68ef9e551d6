"""What can go wrong with a command, as one sentence that says what to do: no traceback, no password."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import psycopg
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import ArgumentError, DBAPIError

from auth import ConfigurationError
from commands.errors import FAILED, USAGE, CommandError
from db.embedded import EmbeddedError
from db.engine import DatabaseUnavailable
from db.migrate import MigrationError
from importers.loader import ImportFailed
from logs import LoggingError, without_secrets


@dataclass(frozen=True)
class Complaint:
    sentence: str
    exit_code: int = FAILED


def complaint_of(error: BaseException) -> Complaint | None:
    """The complaint for an exception that was to be expected; None for a mistake of ours, which is to be seen in full."""
    match error:
        case CommandError():
            return Complaint(str(error), error.exit_code)
        case EmbeddedError() | MigrationError() | DatabaseUnavailable() | ImportFailed():
            return Complaint(str(error))
        case ConfigurationError() | LoggingError():
            return Complaint(str(error), USAGE)
        case ValidationError():
            return Complaint(_wrong_setting(error), USAGE)
        case ArgumentError():
            return Complaint(
                "DATABASE_URL is no PostgreSQL URL: it looks like postgresql://user:password@host:5432/name.", USAGE
            )
        case DBAPIError() if isinstance(error.orig, psycopg.Error):
            return _database_complaint(error.orig)
        case psycopg.Error():
            return _database_complaint(error)
        case RedisError():
            return Complaint("Valkey (or Redis) cannot be reached: check REDIS_URL and whether the server runs.")
        case OSError(errno=errno.ENOSPC):
            return Complaint(f"The disk of {error.filename or 'the data directory'} is full: make room and try again.")
        case PermissionError() if error.filename:
            return Complaint(f"{error.filename} cannot be used ({error.strerror}): correct its permissions.")
        case FileExistsError() | NotADirectoryError() | IsADirectoryError() if error.filename:
            return Complaint(
                f"{error.filename} cannot be used ({error.strerror}): move what is in the way, or name another."
            )
        case OSError() if error.filename:
            return Complaint(f"{error.filename} cannot be used ({error.strerror}).")
    return None


def _database_complaint(error: psycopg.Error) -> Complaint:
    match error:
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedFunction() | psycopg.errors.InvalidSchemaName():
            return Complaint(
                f"The database lacks what is needed ({_first_line(error)}): "
                "run `scoregraph migrate` if it is not at the newest version."
            )
        case psycopg.errors.DiskFull():
            return Complaint("The disk of the database is full: make room and try again.")
        case psycopg.errors.InsufficientPrivilege():
            return Complaint(f"The database refuses it ({_first_line(error)}): use the login that owns the database.")
        case psycopg.errors.LockNotAvailable():
            return Complaint("The database is too busy to be migrated now, others hold its tables: try again.")
        case psycopg.errors.UndefinedObject() | psycopg.errors.InvalidParameterValue() if "role" in str(error):
            return Complaint(
                "The roles of Scoregraph are missing: run `scoregraph migrate` with a login that may create roles."
            )
        case psycopg.OperationalError():
            return Complaint(
                f"The database cannot be reached ({_first_line(error)}): check DATABASE_URL and whether the server runs."
            )
        case psycopg.ProgrammingError() if error.sqlstate is None:
            return Complaint(
                "DATABASE_URL is no PostgreSQL URL: it looks like postgresql://user:password@host:5432/name.", USAGE
            )
    return Complaint(f"The database refuses it ({_first_line(error)}).")


def _first_line(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error).strip().partition("\n")[0]
    return without_secrets(said).removeprefix("connection failed: ")


def _wrong_setting(error: ValidationError) -> str:
    """Names the variable, not its value: that could be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"The setting {'.'.join(map(str, first['loc']))} is wrong: {first['msg'].lower()}."
