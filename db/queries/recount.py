"""The rollups against the attempts: what differs is made to be what the attempts give, as the worker.

What a rollup should hold is the sum over the attempts without the changes that wait to be folded. Folds are kept away meanwhile,
so nothing else moves in a rollup, and each statement sees attempts, changes and rollup in one snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.measures import MEASURE_COLUMNS, MEASURES

KEEP_FOLDS_AWAY = text("SELECT pg_advisory_xact_lock(hashtext('scoregraph.fold'))")
ORGANIZATIONS = text("SELECT id FROM organizations ORDER BY id")
PEOPLE = text("""
SELECT id FROM users WHERE organization_id = :organization_id AND id > :after ORDER BY id LIMIT :most
""")

_TAKEN_BACK = ", ".join(f"-{name}" for name in MEASURES)
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
_TRUE = ", ".join(f"coalesce(t.{name}, 0) AS {name}" for name in MEASURES)
_SETS = ", ".join(f"{name} = excluded.{name}" for name in MEASURES)
_DIFFERS = " OR ".join(f"coalesce(t.{name}, 0) <> coalesce(k.{name}, 0)" for name in MEASURES)


def _mending(table: str, keys: str, attempts: str, kept: str, *, joined: str = "", also: str = "") -> TextClause:
    """``keys`` of the table; ``attempts`` says which parts are added up, and ``kept`` which rows of the table that gives."""
    return text(f"""
WITH parts AS (
  SELECT user_id, lab_id, (completed_at AT TIME ZONE o.time_zone)::date AS day, {MEASURE_COLUMNS}
  FROM attempt_measures m JOIN organizations o ON o.id = m.organization_id
  WHERE m.organization_id = :organization_id AND {attempts}
  UNION ALL
  SELECT user_id, lab_id, day, {_TAKEN_BACK} FROM attempt_deltas WHERE organization_id = :organization_id AND {kept}
), truth AS (
  SELECT {keys}, {_SUMS} FROM parts{joined} WHERE {kept} GROUP BY {keys}
), wrong AS (
  SELECT {keys}, {_TRUE}
  FROM truth t FULL JOIN (SELECT * FROM {table} WHERE organization_id = :organization_id AND {kept}) AS k USING ({keys})
  WHERE {_DIFFERS}
)
INSERT INTO {table} (organization_id, {keys}, {MEASURE_COLUMNS})
SELECT :organization_id, {keys}, {MEASURE_COLUMNS} FROM wrong ORDER BY {keys}
ON CONFLICT ({keys}) DO UPDATE SET {_SETS}{also}
""")


# Of whole days. An attempt's day is its organization's: two days more of instants hold them all.
_SINCE = ("completed_at >= CAST(:since AS date) - interval '2 days'", "day >= :since")
DAYS = {
    "user_days": _mending("user_days", "user_id, day", *_SINCE),
    "lab_days": _mending("lab_days", "lab_id, day", *_SINCE),
}

# Of people, over all time. Who reads a board compares a person's version with the board's.
_PEOPLE = ("user_id BETWEEN :first AND :last",) * 2
TOTALS = {
    "user_totals": _mending("user_totals", "user_id", *_PEOPLE, also=", version = nextval('fold_version')"),
    "user_lab_totals": _mending("user_lab_totals", "user_id, lab_id", *_PEOPLE),
    "user_topic_totals": _mending(
        "user_topic_totals", "user_id, topic_id", *_PEOPLE, joined=" JOIN lab_topics USING (lab_id)"
    ),
}


async def list_organizations(connection: AsyncConnection) -> list[int]:
    return list((await connection.execute(ORGANIZATIONS)).scalars())


async def list_people_after(connection: AsyncConnection, organization_id: int, after: int, most: int) -> list[int]:
    """Ids, in their order."""
    values = {"organization_id": organization_id, "after": after, "most": most}
    return list((await connection.execute(PEOPLE, values)).scalars())


async def mend_days(connection: AsyncConnection, organization_id: int, days: int) -> dict[str, int]:
    """Makes the last ``days`` days right; how many rows of each rollup were wrong. In a READ COMMITTED transaction of its own."""
    since = datetime.now(UTC).date() - timedelta(days=days)
    return await _mend(connection, DAYS, {"organization_id": organization_id, "since": since})


async def mend_totals(connection: AsyncConnection, organization_id: int, first: int, last: int) -> dict[str, int]:
    """Makes the totals of the people from ``first`` to ``last`` (ids) right; likewise."""
    return await _mend(connection, TOTALS, {"organization_id": organization_id, "first": first, "last": last})


async def _mend(
    connection: AsyncConnection, statements: Mapping[str, TextClause], values: dict[str, Any]
) -> dict[str, int]:
    await connection.execute(KEEP_FOLDS_AWAY)
    return {table: (await connection.execute(statement, values)).rowcount for table, statement in statements.items()}
