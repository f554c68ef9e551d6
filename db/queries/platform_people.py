"""What people do on the platform, over tracked events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from db.snapshot import Snapshot
from db.statement import sql

LOGIN = "user_login"
"""The type of event by which somebody is active."""

SESSION_GAP_MINUTES = 30


class Logins(NamedTuple):
    """How often somebody signed in, how often that was somebody known, and how many people those are."""

    logins: int
    of_people: int
    people: int


class FeatureRow(NamedTuple):
    """Events of a type, and how many people they are of."""

    event_type: str
    events: int
    people: int


class TypeSlot(NamedTuple):
    """Events of a type between edge ``slot`` and the next, from 1."""

    event_type: str
    slot: int
    events: int


_IN_PERIOD = "occurred_at >= :start AND occurred_at < :end"

# Distinct first and counted then: that needs no sorting.
ACTIVE_BY_SLOT = sql(f"""
SELECT slot, count(*) FROM (
  SELECT DISTINCT width_bucket(occurred_at, CAST(:edges AS timestamptz[])) AS slot, user_id FROM user_events
  WHERE event_type = '{LOGIN}' AND {_IN_PERIOD} AND user_id IS NOT NULL
) AS active GROUP BY slot
""")
ACTIVE = sql(f"""
SELECT count(*) FROM (
  SELECT DISTINCT user_id FROM user_events WHERE event_type = '{LOGIN}' AND {_IN_PERIOD} AND user_id IS NOT NULL
) AS active
""")
LOGINS = sql(f"""
SELECT coalesce(sum(events), 0)::bigint, coalesce(sum(events) FILTER (WHERE user_id IS NOT NULL), 0)::bigint, count(user_id)
FROM (
  SELECT user_id, count(*) AS events FROM user_events WHERE event_type = '{LOGIN}' AND {_IN_PERIOD} GROUP BY user_id
) AS people
""")
REGISTRATIONS = sql("SELECT count(*) FROM users WHERE created_at >= :start AND created_at < :end")
FEATURES = sql(f"""
SELECT event_type, sum(events)::bigint AS events, count(user_id) FROM (
  SELECT event_type, user_id, count(*) AS events FROM user_events WHERE {_IN_PERIOD} GROUP BY event_type, user_id
) AS used GROUP BY event_type ORDER BY events DESC, event_type LIMIT :most
""")
# What somebody did with no longer pauses is one session: its first and last events are told apart by the pauses around them, and
# stand next to each other when the others are left out. What is but one event is both, and has no length.
MEDIAN_SESSION = sql(f"""
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM length)::float8) FROM (
  SELECT is_last, occurred_at - lag(occurred_at) OVER (PARTITION BY user_id ORDER BY occurred_at, is_last) AS length FROM (
    SELECT user_id, occurred_at,
      coalesce(occurred_at - lag(occurred_at) OVER own > make_interval(mins => {SESSION_GAP_MINUTES}), true) AS is_first,
      coalesce(lead(occurred_at) OVER own - occurred_at > make_interval(mins => {SESSION_GAP_MINUTES}), true) AS is_last
    FROM user_events WHERE {_IN_PERIOD} AND user_id IS NOT NULL
    WINDOW own AS (PARTITION BY user_id ORDER BY occurred_at)
  ) AS told WHERE is_first <> is_last
) AS sessions WHERE is_last
""")
TYPE_SLOTS = sql(f"""
WITH counted AS (
  SELECT event_type, width_bucket(occurred_at, CAST(:edges AS timestamptz[])) AS slot, count(*) AS events FROM user_events
  WHERE {_IN_PERIOD} AND (CAST(:types AS text[]) IS NULL OR event_type = ANY (:types)) GROUP BY event_type, slot
)
SELECT event_type, slot, events FROM counted JOIN (
  SELECT event_type, sum(events) AS total FROM counted GROUP BY event_type ORDER BY total DESC, event_type LIMIT :most
) AS largest USING (event_type) ORDER BY total DESC, event_type, slot
""")


async def count_active_by_slot(snapshot: Snapshot, edges: Sequence[datetime]) -> dict[int, int]:
    """People who signed in, by slot from 1, where there are any. Edges ascend."""
    rows = await snapshot.rows(ACTIVE_BY_SLOT, edges=edges, start=edges[0], end=edges[-1])
    return {row[0]: row[1] for row in rows}


async def count_active(snapshot: Snapshot, start: datetime, end: datetime) -> int:
    """People who signed in."""
    return await snapshot.count(ACTIVE, start=start, end=end)


async def get_logins(snapshot: Snapshot, start: datetime, end: datetime) -> Logins:
    row = await snapshot.row(LOGINS, start=start, end=end)
    assert row is not None
    return Logins(*row)


async def count_registrations(snapshot: Snapshot, start: datetime, end: datetime) -> int:
    """People who became known."""
    return await snapshot.count(REGISTRATIONS, start=start, end=end)


async def list_features(snapshot: Snapshot, start: datetime, end: datetime, most: int) -> list[FeatureRow]:
    """The types of events, most frequent first."""
    return [FeatureRow(*row) for row in await snapshot.rows(FEATURES, start=start, end=end, most=most)]


async def get_median_session(snapshot: Snapshot, start: datetime, end: datetime) -> float | None:
    """In seconds; None where nobody did two things in a row."""
    row = await snapshot.row(MEDIAN_SESSION, start=start, end=end)
    assert row is not None
    seconds: float | None = row[0]
    return seconds


async def list_type_slots(
    snapshot: Snapshot, types: Sequence[str] | None, edges: Sequence[datetime], most: int
) -> list[TypeSlot]:
    """Of these types (None: the most frequent), most frequent first, by time; where there are any. Edges ascend."""
    values = {"types": types, "edges": edges, "start": edges[0], "end": edges[-1], "most": most}
    return [TypeSlot(*row) for row in await snapshot.rows(TYPE_SLOTS, **values)]
