"""Checks of the database: can it be reached, is it ours and current, does it keep up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from commands.complaints import complaint_of
from commands.doctor.finding import Finding, bad, good
from db.consumer_health import LATE_SECONDS, SILENT_SECONDS
from db.engine import place_of, sqlalchemy_url
from db.migrate import CONNECT_SECONDS, SUPPORTED_MAJORS, status_at
from db.queries.diagnosis import (
    count_dead_letters,
    count_failed_jobs,
    count_pending,
    count_workers,
    get_server,
    list_consumers,
    list_foreign_extensions,
    list_roles,
    list_unguarded_tables,
    list_views,
)

MAX_CLOCK_DIFFERENCE = timedelta(seconds=5)
MANY_PENDING = 100_000

Connection = psycopg.Connection[Any]


def postgres_findings(database_url: str) -> Iterator[Finding]:
    try:
        plain_url = sqlalchemy_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = psycopg.connect(plain_url, connect_timeout=CONNECT_SECONDS, autocommit=True)
    except Exception as error:
        complaint = complaint_of(error)
        if complaint is None:
            raise
        yield bad("PostgreSQL", "cannot be reached", complaint.sentence)
        return
    with connection:
        yield _version(connection, place_of(database_url))
        yield _clock(connection)
        yield _extensions(connection)
        yield from _roles(connection)
        migrations = _migrations(database_url)
        yield migrations
        if migrations.ok:
            yield from _contents(connection)


def _version(connection: Connection, place: str) -> Finding:
    server = get_server(connection)
    found = f"{server.version} at {place}"
    if server.major in SUPPORTED_MAJORS:
        return good("PostgreSQL", found)
    return bad("PostgreSQL", found, "Use PostgreSQL 16, 17 or 18.")


def _clock(connection: Connection) -> Finding:
    return clock_finding("Clock of PostgreSQL", get_server(connection).clock)


def clock_finding(check: str, theirs: datetime) -> Finding:
    """Compares a server's clock with ours: tokens, deadlines and groups by date go by both."""
    difference = theirs - datetime.now(UTC)
    found = f"{difference.total_seconds():+.1f} s from ours"
    if abs(difference) <= MAX_CLOCK_DIFFERENCE:
        return good(check, found)
    return bad(check, found, "Let both machines take their time from NTP.")


def _extensions(connection: Connection) -> Finding:
    foreign = list_foreign_extensions(connection)
    return good("Extensions", "plpgsql only" if not foreign else f"{', '.join(foreign)} (not needed)")


def _roles(connection: Connection) -> Iterator[Finding]:
    for role in list_roles(connection):
        if not role.exists:
            yield bad(f"Role {role.name}", "missing", "Run `scoregraph migrate` with a login that may create roles.")
        elif role.is_superuser or role.bypasses_security:
            power = "is a superuser" if role.is_superuser else "bypasses row security"
            advice = f"Run ALTER ROLE {role.name} NOSUPERUSER NOBYPASSRLS: nobody's rows are safe until then."
            yield bad(f"Role {role.name}", power, advice)
        else:
            yield good(f"Role {role.name}", "bound by row security")


def _migrations(database_url: str) -> Finding:
    try:
        status = status_at(database_url)
    except DBAPIError as error:
        complaint = complaint_of(error)
        return bad("Migrations", "cannot be read", complaint.sentence if complaint else "Check the login's privileges.")
    if status.is_current:
        return good("Migrations", f"current ({status.newest})")
    return bad("Migrations", f"at {status.current or 'none'} of {status.newest}", "Run `scoregraph migrate`.")


def _contents(connection: Connection) -> Iterator[Finding]:
    unguarded = list_unguarded_tables(connection)
    if unguarded:
        advice = "Run ALTER TABLE … ENABLE ROW LEVEL SECURITY and FORCE ROW LEVEL SECURITY on each."
        yield bad("Row security", f"not forced on {', '.join(unguarded)}", advice)
    else:
        yield good("Row security", "forced on all tables")
    workers = count_workers(connection)
    try:
        # Who sees every row, whoever logged in.
        connection.execute("SET ROLE scoregraph_worker")
    except psycopg.errors.InsufficientPrivilege:
        advice = "Check with the login that owns the database."
        yield bad("Worker", "its role is not for this login", advice)
        return
    yield _worker(connection, workers)
    yield _jobs(connection)
    yield _events(connection)
    yield from _views(connection)


def _worker(connection: Connection, workers: int) -> Finding:
    pending = count_pending(connection)
    found = f"{'running' if workers else 'not running'}, {pending:,} changes pending"
    if not workers:
        return bad("Worker", found, "Start `scoregraph worker`: sums stay exact, ranks and percentiles grow old.")
    if pending > MANY_PENDING:
        return bad("Worker", found, "It does not keep up, or fails: see its log.")
    return good("Worker", found)


def _jobs(connection: Connection) -> Finding:
    failed = count_failed_jobs(connection)
    if failed:
        return bad("Jobs", f"{failed:,} failed in the last week", "Run `scoregraph jobs list --status FAILED`.")
    return good("Jobs", "none failed in the last week")


def _events(connection: Connection) -> Finding:
    consumers = list_consumers(connection)
    unheard = [consumer.topic for consumer in consumers if consumer.silent_seconds > SILENT_SECONDS]
    if unheard:
        advice = "Start `scoregraph worker`; if it runs, its log says whether the broker answers."
        return bad("Events", f"nobody listens to {', '.join(unheard)}", advice)
    late = [consumer.topic for consumer in consumers if consumer.waiting_seconds > LATE_SECONDS]
    if late:
        return bad("Events", f"those of {', '.join(late)} are late", "Start further workers, or see their logs.")
    dead = count_dead_letters(connection)
    if dead:
        return bad("Events", f"{dead:,} could not be taken", "Run `scoregraph events list`.")
    return good(
        "Events", f"listening to {', '.join(consumer.topic for consumer in consumers)}" if consumers else "none"
    )


def _views(connection: Connection) -> Iterator[Finding]:
    for view in list_views(connection):
        check = f"View {view.name}"
        if view.last_error:
            advice = f"Run `scoregraph refresh {view.name}` once the reason is gone."
            yield bad(check, f"failed: {view.last_error}", advice)
        elif view.age_seconds is None:
            yield bad(check, "never refreshed", "Start `scoregraph worker`, or run `scoregraph refresh`.")
        else:
            yield good(check, f"refreshed {_ago(view.age_seconds)} ago")


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
