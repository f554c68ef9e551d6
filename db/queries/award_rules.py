"""What people are to be awarded by the rules, and making it so, as the worker.

It is worked out anew of everything that a person did: late, changed and deleted attempts need no rules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.award_grants import Granted, take_turn
from db.queries.local_days import ACTIVE_DAYS, FINISHED, PEOPLE, zone_at


class AwardKind(StrEnum):
    BADGE = "BADGE"
    MILESTONE = "MILESTONE"


class AwardRule(StrEnum):
    """What the threshold of a definition counts."""

    TASKS = "TASKS"
    TASKS_ON_TIME = "TASKS_ON_TIME"
    TASK_SCORE = "TASK_SCORE"
    STREAK = "STREAK"
    PERFECT_WEEK = "PERFECT_WEEK"


GRACE = "interval '1 hour'"
"""After the end of a local week, for what is still on its way; then the week is decided."""

WITHOUT_EVIDENCE = "What it was awarded for is no longer there."

# The week's days are Monday to Sunday. It ends where the person lived then, or does now.
_WEEK_END = (
    f"CAST(w.week + 7 AS timestamp) AT TIME ZONE {zone_at('CAST(w.week + 7 AS timestamp) AT TIME ZONE p.time_zone')}"
)

_EVIDENCE = f"""
tasks AS (
  SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY completed_at, id) AS place,
    row_number() OVER (PARTITION BY user_id, completed_at <= due_at ORDER BY completed_at, id) AS place_on_time
  FROM finished WHERE counted
),
weeks AS MATERIALIZED (
  SELECT w.*, {_WEEK_END} AS ends_at
  FROM (
    SELECT user_id, organization_id, CAST(date_trunc('week', day) AS date) AS week, count(*) AS tasks,
      count(due_at) AS deadlines, count(*) FILTER (WHERE completed_at <= due_at) AS on_time
    FROM tasks GROUP BY 1, 2, 3
  ) AS w JOIN people p ON p.user_id = w.user_id
),
due AS (
  SELECT p.user_id, g.lab_id, g.due_at, CAST(date_trunc('week', g.due_at AT TIME ZONE {zone_at("g.due_at")}) AS date) AS week
  FROM people p CROSS JOIN LATERAL (
    SELECT a.lab_id, coalesce(x.due_at, a.due_at) AS due_at
    FROM assignments a LEFT JOIN deadline_extensions x ON x.assignment_id = a.id AND x.user_id = a.user_id
    WHERE a.user_id = p.user_id
    UNION ALL
    -- a group's are of those who are in it when they are due
    SELECT a.lab_id, coalesce(x.due_at, a.due_at)
    FROM group_memberships m JOIN assignments a ON a.group_id = m.group_id
    LEFT JOIN deadline_extensions x ON x.assignment_id = a.id AND x.user_id = m.user_id
    WHERE m.user_id = p.user_id AND m.role = 'MEMBER' AND m.valid_from <= coalesce(x.due_at, a.due_at)
      AND (m.valid_to IS NULL OR m.valid_to > coalesce(x.due_at, a.due_at))
  ) AS g
  WHERE g.due_at IS NOT NULL
),
missed AS (
  SELECT DISTINCT d.user_id, d.week FROM due d WHERE NOT EXISTS (
    SELECT FROM tasks t WHERE t.user_id = d.user_id AND t.lab_id = d.lab_id AND t.completed_at <= d.due_at)
),
definitions AS (
  SELECT * FROM award_definitions WHERE is_active AND organization_id IN (SELECT organization_id FROM people)
),
evidence AS MATERIALIZED (
  SELECT t.user_id, t.organization_id, d.id AS definition_id, CAST(NULL AS date) AS window_start, t.completed_at AS achieved_at,
    d.threshold AS achieved_value, t.id AS attempt_id
  FROM definitions d JOIN tasks t ON t.organization_id = d.organization_id AND t.place = d.threshold WHERE d.rule = 'TASKS'
  UNION ALL
  SELECT t.user_id, t.organization_id, d.id, NULL, t.completed_at, d.threshold, t.id
  FROM definitions d JOIN tasks t ON t.organization_id = d.organization_id AND t.place_on_time = d.threshold AND t.completed_at <= t.due_at
  WHERE d.rule = 'TASKS_ON_TIME'
  UNION ALL
  (SELECT DISTINCT ON (d.id, t.user_id) t.user_id, t.organization_id, d.id, CAST(NULL AS date), t.completed_at, t.score, t.id
  FROM definitions d JOIN tasks t ON t.organization_id = d.organization_id AND t.score >= d.threshold
  WHERE d.rule = 'TASK_SCORE' ORDER BY d.id, t.user_id, t.place)
  UNION ALL
  (SELECT DISTINCT ON (d.id, s.user_id) s.user_id, s.organization_id, d.id, CAST(NULL AS date), s.begun_at, d.threshold, s.attempt_id
  FROM definitions d JOIN (
    SELECT *, row_number() OVER (PARTITION BY user_id, run ORDER BY day) AS length FROM active_days
  ) AS s ON s.organization_id = d.organization_id AND s.length = d.threshold
  WHERE d.rule = 'STREAK' ORDER BY d.id, s.user_id, s.day)
  UNION ALL
  SELECT w.user_id, w.organization_id, d.id, w.week, w.ends_at, w.tasks, NULL
  FROM definitions d JOIN weeks w ON w.organization_id = d.organization_id AND w.tasks >= d.threshold
  WHERE d.rule = 'PERFECT_WEEK' AND w.deadlines > 0 AND w.on_time = w.deadlines AND w.ends_at + {GRACE} <= :at
    AND (w.user_id, w.week) NOT IN (SELECT user_id, week FROM missed)
)"""

_IS_FOUND = """EXISTS (
    SELECT FROM evidence e
    WHERE e.user_id = a.user_id AND e.definition_id = a.definition_id AND e.window_start IS NOT DISTINCT FROM a.window_start)"""

SETTLE = text(f"""
WITH {PEOPLE}, {FINISHED}, {ACTIVE_DAYS}, {_EVIDENCE},
written AS (
  INSERT INTO awards AS a (user_id, organization_id, definition_id, window_start, achieved_at, achieved_value, attempt_id)
  SELECT user_id, organization_id, definition_id, window_start, achieved_at, achieved_value, attempt_id FROM evidence
  ON CONFLICT ON CONSTRAINT awards_once DO UPDATE SET
    achieved_at = excluded.achieved_at, achieved_value = excluded.achieved_value, attempt_id = excluded.attempt_id,
    revoked_at = NULL, note = NULL
  WHERE NOT a.by_hand AND (a.achieved_at, a.achieved_value, a.attempt_id, a.revoked_at, a.note)
    IS DISTINCT FROM (excluded.achieved_at, excluded.achieved_value, excluded.attempt_id, NULL, NULL)
  RETURNING a.id, a.organization_id, a.user_id, a.definition_id, a.window_start, a.achieved_at, a.achieved_value,
    a.xmax = 0 AS is_new
),
lost AS (
  UPDATE awards a SET revoked_at = CASE WHEN d.revocable THEN CAST(:at AS timestamptz) END, note = :without_evidence
  FROM definitions d
  WHERE a.user_id = ANY (CAST(:ids AS bigint[])) AND d.id = a.definition_id AND NOT a.by_hand AND NOT {_IS_FOUND}
    AND (a.note IS NULL OR (a.revoked_at IS NULL AND d.revocable))
),
open_weeks AS (
  SELECT user_id, organization_id, min(ends_at) + {GRACE} AS due_at
  FROM weeks WHERE ends_at + {GRACE} > :at GROUP BY user_id, organization_id
),
checks AS (
  INSERT INTO award_checks (user_id, organization_id, due_at) SELECT user_id, organization_id, due_at FROM open_weeks
  ON CONFLICT (user_id) DO UPDATE SET due_at = excluded.due_at
)
SELECT w.id, w.organization_id, w.user_id, u.external_id, d.slug, d.kind, w.window_start, w.achieved_at, w.achieved_value
FROM written w JOIN definitions d ON d.id = w.definition_id JOIN users u ON u.id = w.user_id WHERE w.is_new ORDER BY w.id
""")

# One at a time, so that nobody is looked at by two at once.
TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('scoregraph.awards'))")
# Decided before anything is locked: an idle poll costs next to nothing.
IS_ANY = text("SELECT EXISTS (SELECT FROM award_marks) OR EXISTS (SELECT FROM award_checks WHERE due_at <= :at)")
TAKE = text("""
WITH people AS MATERIALIZED (
  (SELECT DISTINCT user_id FROM (SELECT user_id FROM award_marks ORDER BY id LIMIT 20 * :most) AS oldest LIMIT :most)
  UNION
  (SELECT user_id FROM award_checks WHERE due_at <= :at ORDER BY due_at LIMIT :most)
),
marks AS (DELETE FROM award_marks WHERE user_id IN (SELECT user_id FROM people)),
checks AS (DELETE FROM award_checks WHERE user_id IN (SELECT user_id FROM people))
SELECT user_id FROM people ORDER BY user_id
""")
MARK_ALL = text("INSERT INTO award_marks (organization_id, user_id) SELECT organization_id, id FROM users")


async def take_marked(connection: AsyncConnection, most: int, at: datetime, *, wait: bool) -> list[int]:
    """People to look at, about ``most`` at most: who were marked, and whose week is over. They are marked no more once the
    transaction commits. Nobody where another worker is at it, unless one is to ``wait`` for that.
    """
    if not (await connection.execute(IS_ANY, {"at": at})).scalar_one():
        return []
    if wait:
        await take_turn(connection)
    elif not (await connection.execute(TRY_LOCK)).scalar_one():
        return []
    return list((await connection.execute(TAKE, {"most": most, "at": at})).scalars())


async def settle_awards(connection: AsyncConnection, user_ids: Sequence[int], at: datetime) -> list[Granted]:
    """Awards what the rules give these people at an instant, and takes back what they no longer give. What is new."""
    values = {"ids": list(user_ids), "at": at, "without_evidence": WITHOUT_EVIDENCE}
    return [Granted(*row) for row in await connection.execute(SETTLE, values)]


async def mark_all(connection: AsyncConnection) -> int:
    """Has everybody looked at again; how many they are."""
    return (await connection.execute(MARK_ALL)).rowcount
