"""Partitions are made in time and dropped in time; nothing is lost, and sums stay what they were."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.platform_requests import ENDPOINTS, RequestOrder
from settings import DatabaseRole, Settings
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers import platform
from workers.platform import tend

EVENT = "INSERT INTO user_events (organization_id, event_type, source_id, occurred_at) SELECT 1, 'x', ago::text, now() - ago FROM unnest(CAST(%s AS interval[])) AS ago"
PARTITIONS = """SELECT coalesce(array_agg(c.relname::text ORDER BY c.relname), '{}') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %s::regclass"""
NOW = datetime.now(UTC)


def settings(days: int = 90) -> Settings:
    return Settings(metrics_retention_days=days)


def partitions(database: Database, table: str) -> list[str]:
    found: list[str] = value(database, PARTITIONS, table)
    return found


def month(instant: datetime) -> str:
    return f"user_events_{instant:%Y%m}01"


def add_events(database: Database, *ago: str) -> None:
    with database.connect(None) as admin:
        admin.execute(EVENT, (list(ago),))


def where(database: Database) -> dict[str, str]:
    """The partition of each event, by how long ago it was."""
    with database.connect(None) as admin:
        return dict(admin.execute("SELECT source_id, tableoid::regclass::text FROM user_events").fetchall())


async def test_this_month_and_the_next_are_there(school: Database, engine: AsyncEngine) -> None:
    following = (NOW.replace(day=1) + timedelta(days=32)).replace(day=1)
    expected = sorted([month(NOW), month(following), "user_events_default"])
    assert partitions(school, "user_events") == expected
    await tend(engine, settings())
    assert partitions(school, "user_events") == expected
    for table in ("system_metrics", "api_metrics"):
        monday = NOW - timedelta(days=NOW.weekday())
        weeks = [f"{table}_{monday + timedelta(days=7 * n):%Y%m%d}" for n in (0, 1)]
        assert partitions(school, table) == [*weeks, f"{table}_default"]


async def test_what_has_no_partition_gets_one(school: Database, engine: AsyncEngine) -> None:
    add_events(school, "0", "65 days", "70 days")
    assert [place for ago, place in where(school).items() if ago != "00:00:00"] == ["user_events_default"] * 2
    await tend(engine, settings())
    places = where(school)
    assert places == {
        "00:00:00": month(NOW),
        "65 days": month(NOW - timedelta(days=65)),
        "70 days": month(NOW - timedelta(days=70)),
    }
    # They are guarded as their table is, and have its indexes.
    guarded = "SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE relkind = 'r' AND starts_with(relname, 'user_events_2')"
    assert value(school, guarded) is True
    indexes = "SELECT count(DISTINCT n) FROM (SELECT count(*) AS n FROM pg_indexes WHERE starts_with(tablename, 'user_events_2') GROUP BY tablename) AS c"
    assert value(school, indexes) == 1
    with school.connect(DatabaseRole.API) as api, pytest.raises(psycopg.errors.InsufficientPrivilege):
        api.execute(f"TABLE {month(NOW)}")


async def test_only_what_waits_is_looked_at(school: Database) -> None:
    add_events(school, "0")
    scans = "SELECT relname, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables WHERE relname LIKE 'user_events_%%'"
    with school.connect(DatabaseRole.WORKER) as connection, connection.transaction():
        connection.execute("SELECT tend_partitions(90)")
        found = dict(connection.execute(scans).fetchall())
    assert found["user_events_default"] > 0
    assert found[month(NOW)] == 0


async def test_what_is_too_old_goes_to_the_day(school: Database, engine: AsyncEngine) -> None:
    add_events(school, "0", "9 days 23:59", "10 days 00:01", "100 days")
    execute(
        school,
        "INSERT INTO user_event_ids SELECT 1, source_id, id, occurred_at FROM user_events;"
        "INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)"
        " SELECT 1, 's', 'm', n, now() - n * interval '1 day' FROM unnest(ARRAY[1, 9, 11, 40]) AS n",
    )
    await tend(engine, settings(days=10))
    assert set(where(school)) == {"00:00:00", "9 days 23:59:00"}
    assert value(school, "SELECT count(*) FROM user_event_ids") == 2
    assert value(school, "SELECT array_agg(value ORDER BY value) FROM system_metrics") == [1, 9]
    assert not [name for name in partitions(school, "user_events") if name < month(NOW - timedelta(days=10))]
    before = partitions(school, "system_metrics")
    assert len(before) >= 3
    await tend(engine, settings(days=1))
    assert len(partitions(school, "system_metrics")) < len(before)


async def test_much_is_deleted_in_batches(
    school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "BATCH", 10)
    add_events(school, *(f"{n + 20} days" for n in range(35)), "0")
    await tend(engine, settings(days=10))
    assert set(where(school)) == {"00:00:00"}


async def test_nobody_waits_for_a_partition(school: Database, engine: AsyncEngine) -> None:
    """Who reads a table for long holds up only its tending, until the next time."""
    add_events(school, "65 days")
    await tend(engine, settings())
    made = month(NOW - timedelta(days=65))
    with school.connect(None) as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM user_events")
        await tend(engine, settings(days=1))
        assert made in partitions(school, "user_events")
    assert set(where(school)) == set()
    await tend(engine, settings(days=1))
    assert made not in partitions(school, "user_events")


async def test_two_at_a_time_do_no_harm(school: Database, engine: AsyncEngine) -> None:
    add_events(school, "0", "65 days")
    await asyncio.gather(*(tend(engine, settings()) for _ in range(3)))
    await tend(engine, settings())
    assert where(school)["65 days"] == month(NOW - timedelta(days=65))


MINUTES = """
INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, requests, total_microseconds, buckets, counts,
  payloads, payload_bytes, at)
SELECT o, s, e, 'GET', c, 3, 1000 * n, ARRAY[n % 7, n % 7 + 1]::smallint[], ARRAY[1, 2], 1, n,
  date_trunc('hour', now()) - interval '50 hours' + n * interval '1 minute'
FROM unnest(ARRAY[1, NULL]) AS o, unnest(ARRAY['a', 'b']) AS s, unnest(ARRAY['/x', '/y']) AS e, unnest(ARRAY[200, 500]) AS c,
  generate_series(0, 49 * 60) AS n
"""


async def test_older_minutes_are_put_together_and_answer_as_before(school: Database, engine: AsyncEngine) -> None:
    execute(school, MINUTES)
    start = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(hours=52)

    def answers() -> list[Any]:
        with school.connect(None) as admin:
            statement = ENDPOINTS[RequestOrder.REQUESTS]
            text = statement.sql
            for number, name in reversed([*enumerate(statement.parameters, 1)]):
                text = text.replace(f"${number}", f"%({name})s")
            found = []
            for hours in (52, 26, 25, 5):
                values = {"start": start, "end": start + timedelta(hours=hours), "service": None, "most": 9}
                found.append(admin.execute(text, values).fetchall())
            return found

    before = answers()
    rows = value(school, "SELECT count(*) FROM api_metrics")
    await tend(engine, settings())
    assert answers() == before
    assert len(before[0]) == 4
    combined = "SELECT count(*) FROM api_metrics WHERE seconds = 300"
    assert value(school, combined) == 16 * 26 * 12
    assert value(school, "SELECT count(*) FROM api_metrics") < rows * 0.6
    assert (
        value(
            school,
            "SELECT count(*) FROM api_metrics WHERE seconds = 60 AND at < date_trunc('hour', now()) - interval '1 day'",
        )
        == 0
    )
    # There is nothing more to do, but for those that come late.
    execute(school, MINUTES.replace("49 * 60", "0"))
    await tend(engine, settings())
    assert value(school, combined) == 16 * 26 * 12 + 16
