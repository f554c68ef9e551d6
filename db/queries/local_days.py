"""On which local day of theirs people finished attempts, as parts of statements about the people in the parameter ``ids``."""

from __future__ import annotations

# Where nothing else is said, people live where their organization is.
PEOPLE = """people AS MATERIALIZED (
  SELECT u.id AS user_id, u.organization_id, coalesce(u.time_zone, o.time_zone) AS time_zone, o.time_zone AS organization_zone,
    EXISTS (SELECT FROM user_zone_changes c WHERE c.user_id = u.id) AS has_moved
  FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = ANY (CAST(:ids AS bigint[]))
)"""


def zone_at(instant: str) -> str:
    """The zone in which one of the ``people`` (``p``) lived at an instant."""
    # Few ever move: for the others nothing is looked up.
    return f"""coalesce(
    CASE WHEN p.has_moved THEN (SELECT coalesce(c.time_zone, p.organization_zone) FROM user_zone_changes c
      WHERE c.user_id = p.user_id AND c.lived_until > {instant} ORDER BY c.lived_until LIMIT 1) END,
    p.time_zone)"""


FINISHED = f"""finished AS MATERIALIZED (
  SELECT p.user_id, p.organization_id, a.id, a.lab_id, a.completed_at, a.counted, a.due_at, a.score,
    CAST(a.completed_at AT TIME ZONE {zone_at("a.completed_at")} AS date) AS day
  FROM people p JOIN attempts a ON a.user_id = p.user_id
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL
)"""
"""Attempts that are over, each on its day. A move from one zone to another takes no day away."""

ACTIVE_DAYS = """active_days AS (
  SELECT user_id, organization_id, day, min(completed_at) AS begun_at, (array_agg(id ORDER BY completed_at, id))[1] AS attempt_id,
    day - CAST(row_number() OVER (PARTITION BY user_id ORDER BY day) AS integer) AS run
  FROM finished GROUP BY user_id, organization_id, day
)"""
"""Days on which something was finished, of ``finished``. Those that follow each other are of the same ``run``."""
