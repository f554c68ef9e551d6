"""The statements that record and change attempts. They name the organization themselves: a worker sees all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Source ids are locked by their hash, so that one is recorded for one person only, whoever is first. (The unique index
# holds the person as well, since the table can be distributed by it.) A full batch takes every one of these locks, so
# batches with source ids take turns within an organization; a lock for each id would exhaust the server's lock table.
LOCKS_OF_SOURCES = 64

LOCK_SOURCES = text(f"""
SELECT pg_advisory_xact_lock(:organization_id, stripe)
FROM (
  SELECT DISTINCT abs(hashtextextended(key, 5347) % {LOCKS_OF_SOURCES})::int AS stripe
  FROM unnest(CAST(:keys AS text[])) AS key ORDER BY 1
) AS stripes
""")

# Under READ COMMITTED what follows sees what another writer of the same people committed. Triggers lock them likewise.
LOCK_PEOPLE = text(
    "SELECT 1 FROM users WHERE organization_id = :organization_id AND id = ANY (CAST(:ids AS bigint[])) "
    "ORDER BY id FOR NO KEY UPDATE"
)

PEOPLE = text("""
SELECT id, external_id FROM users
WHERE organization_id = :organization_id
  AND (id = ANY (CAST(:ids AS bigint[])) OR external_id = ANY (CAST(:external_ids AS text[])))
""")

LABS = text("""
SELECT id, type, difficulty FROM labs
WHERE organization_id = :organization_id AND (id = ANY (CAST(:ids AS bigint[])) OR type = ANY (CAST(:types AS text[])))
""")

# The first state of each attempt: what a source said, whatever was edited since.
RECORDED_BY_SOURCE = text("""
SELECT a.id, a.user_id, a.lab_id, s.source, s.source_id, coalesce(r.snapshot, a.now) AS original
FROM unnest(CAST(:sources AS text[]), CAST(:source_ids AS text[])) AS s (source, source_id)
CROSS JOIN LATERAL (
  SELECT a.id, a.user_id, a.lab_id, to_jsonb(a) AS now FROM attempts a
  WHERE a.organization_id = :organization_id AND a.source = s.source AND a.source_id = s.source_id
  ORDER BY a.id LIMIT 1
) AS a
LEFT JOIN attempt_revisions r ON r.user_id = a.user_id AND r.attempt_id = a.id AND r.revision = 1
""")

# The assignment that was named, if it was given to the person (see IS_ASSIGNEE), or the one that applies: the person's own
# before the group's (of groups they were a member of at that time), then the latest. An extension replaces the deadline.
ASSIGNMENTS = text("""
SELECT p.position - 1 AS position, a.id, a.lab_id, coalesce(x.due_at, a.due_at) AS due_at
FROM unnest(
  CAST(:user_ids AS bigint[]), CAST(:lab_ids AS bigint[]), CAST(:assignment_ids AS bigint[]), CAST(:instants AS timestamptz[])
) WITH ORDINALITY AS p (user_id, lab_id, assignment_id, instant, position)
CROSS JOIN LATERAL (
  SELECT n.id, n.lab_id, n.user_id, n.due_at, n.assigned_at
  FROM assignments n
  WHERE n.organization_id = :organization_id AND n.id = p.assignment_id AND (
    n.user_id = p.user_id OR EXISTS (
      SELECT FROM group_memberships m
      WHERE m.group_id = n.group_id AND m.user_id = p.user_id AND m.role = 'MEMBER'
        AND (m.valid_to IS NULL OR m.valid_to > n.assigned_at)))
  UNION ALL
  SELECT o.id, o.lab_id, o.user_id, o.due_at, o.assigned_at
  FROM assignments o
  WHERE p.assignment_id IS NULL AND o.user_id = p.user_id AND o.lab_id = p.lab_id AND o.assigned_at <= p.instant
  UNION ALL
  SELECT g.id, g.lab_id, g.user_id, g.due_at, g.assigned_at
  FROM group_memberships m JOIN assignments g ON g.group_id = m.group_id
  WHERE p.assignment_id IS NULL AND m.user_id = p.user_id AND m.role = 'MEMBER'
    AND m.valid_from <= p.instant AND (m.valid_to IS NULL OR m.valid_to > p.instant)
    AND g.lab_id = p.lab_id AND g.assigned_at <= p.instant
  ORDER BY 3 NULLS LAST, 5 DESC, 1 DESC
  LIMIT 1
) AS a
LEFT JOIN deadline_extensions x ON x.assignment_id = a.id AND x.user_id = p.user_id
""")

# Others are told of attempts by the ids of the source systems, as they tell us of them.
_TOLD = """
INSERT INTO outbox (organization_id, type, subject, data)
SELECT a.organization_id, 'AttemptRecorded', 'users/' || u.external_id, jsonb_strip_nulls(jsonb_build_object(
  'attemptId', global_id('Attempt', a.id), 'revision', a.revision, 'userId', u.external_id, 'labType', l.type, 'status', a.status,
  'completedAt', a.completed_at, 'score', trim_scale(a.score), 'source', a.source, 'sourceId', a.source_id))
FROM recorded a JOIN users u ON u.id = a.user_id JOIN labs l ON l.id = a.lab_id ORDER BY a.id
"""

# Rows come in the order of the array, so ids rise with their positions. `first` marks the first success of a person in a
# lab among these rows: counted at once unless there is one already, so that the trigger seldom has to write a second time.
# (A scalar subquery, since for EXISTS the planner may read everybody's counted attempts into a hash table.)
INSERT = text(f"""
WITH recorded AS (
INSERT INTO attempts (
  organization_id, user_id, lab_id, assignment_id, status, started_at, completed_at, due_at, duration_seconds, score,
  accuracy, skill_match, difficulty, hints_used, errors, memory_mib, cpu_percent, metadata, source, source_id, counted
)
SELECT :organization_id, r.user_id, r.lab_id, r.assignment_id, r.status, r.started_at, r.completed_at, r.due_at,
  r.duration_seconds, r.score, r.accuracy, r.skill_match, r.difficulty, r.hints_used, coalesce(r.errors, '{{}}'), r.memory_mib,
  r.cpu_percent, r.metadata, r.source, r.source_id,
  r.first AND coalesce(
    (SELECT false FROM attempts c WHERE c.user_id = r.user_id AND c.lab_id = r.lab_id AND c.counted LIMIT 1), true)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
  position integer, user_id bigint, lab_id bigint, assignment_id bigint, status text, started_at timestamptz,
  completed_at timestamptz, due_at timestamptz, duration_seconds numeric, score numeric, accuracy numeric,
  skill_match numeric, difficulty numeric, hints_used integer, errors text[], memory_mib numeric, cpu_percent numeric,
  metadata jsonb, source text, source_id text, first boolean
)
ORDER BY r.position
RETURNING *
), told AS ({_TOLD})
SELECT id FROM recorded
""")

# Types are the columns', so that what is rounded there is compared rounded.
REVISED_COLUMNS = {
    "assignment_id": "bigint",
    "status": "text",
    "started_at": "timestamptz",
    "completed_at": "timestamptz",
    "due_at": "timestamptz",
    "duration_seconds": "numeric(14, 3)",
    "score": "numeric(7, 4)",
    "accuracy": "numeric(7, 6)",
    "skill_match": "numeric(7, 6)",
    "difficulty": "numeric(6, 4)",
    "hints_used": "integer",
    "errors": "text[]",
    "memory_mib": "numeric(14, 3)",
    "cpu_percent": "numeric(9, 3)",
    "metadata": "jsonb",
}
_DIFFERENT = f"""
jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
  id bigint, user_id bigint, {", ".join(f"{name} {kind}" for name, kind in REVISED_COLUMNS.items())}
)
WHERE a.organization_id = :organization_id AND a.user_id = r.user_id AND a.id = r.id
  AND ({", ".join(f"a.{name}" for name in REVISED_COLUMNS)}) IS DISTINCT FROM ({", ".join(f"r.{name}" for name in REVISED_COLUMNS)})
"""
KEEP_REVISIONS = text(f"""
INSERT INTO attempt_revisions (organization_id, user_id, attempt_id, revision, change, snapshot)
SELECT a.organization_id, a.user_id, a.id, a.revision, 'UPDATED', to_jsonb(a) FROM attempts a, {_DIFFERENT}
""")
REVISE = text(f"""
WITH recorded AS (
UPDATE attempts a SET revision = a.revision + 1, {", ".join(f"{name} = r.{name}" for name in REVISED_COLUMNS)}
FROM {_DIFFERENT}
RETURNING a.*
)
{_TOLD}
""")


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    external_id: str


@dataclass(frozen=True, slots=True)
class KnownLab:
    id: int
    type: str
    difficulty: Decimal | None


@dataclass(frozen=True, slots=True)
class Original:
    """An attempt as it was recorded at first; ``content`` is its row as JSON."""

    id: int
    user_id: int
    lab_id: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AssignmentQuestion:
    """Which assignment is meant (``assignment_id``), or which applies at the instant (None)."""

    user_id: int
    lab_id: int
    assignment_id: int | None
    instant: datetime


@dataclass(frozen=True, slots=True)
class ApplicableAssignment:
    """``due_at`` is the person's deadline."""

    id: int
    lab_id: int
    due_at: datetime | None


async def lock_sources(connection: AsyncConnection, organization_id: int, keys: Iterable[tuple[str, str]]) -> None:
    """Holds source ids until the end of the transaction."""
    names = [f"{source}:{source_id}" for source, source_id in keys]
    if names:
        # Advisory locks take 32-bit numbers in pairs.
        await connection.execute(LOCK_SOURCES, {"organization_id": organization_id % 2**31, "keys": names})


async def lock_people(connection: AsyncConnection, organization_id: int, ids: Iterable[int]) -> None:
    """Holds the people until the end of the transaction, as the triggers do."""
    people = sorted(set(ids))
    if people:
        await connection.execute(LOCK_PEOPLE, {"organization_id": organization_id, "ids": people})


async def get_people(
    connection: AsyncConnection, organization_id: int, ids: Iterable[int], external_ids: Iterable[str]
) -> list[Person]:
    values = {"organization_id": organization_id, "ids": list(ids), "external_ids": list(external_ids)}
    if not values["ids"] and not values["external_ids"]:
        return []
    return [Person(*row) for row in (await connection.execute(PEOPLE, values)).all()]


async def get_known_labs(
    connection: AsyncConnection, organization_id: int, ids: Iterable[int], types: Iterable[str]
) -> list[KnownLab]:
    values = {"organization_id": organization_id, "ids": list(ids), "types": list(types)}
    if not values["ids"] and not values["types"]:
        return []
    return [KnownLab(*row) for row in (await connection.execute(LABS, values)).all()]


async def get_originals(
    connection: AsyncConnection, organization_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Original]:
    """By source and source id."""
    if not keys:
        return {}
    values = {
        "organization_id": organization_id,
        "sources": [source for source, _ in keys],
        "source_ids": [source_id for _, source_id in keys],
    }
    return {
        (row.source, row.source_id): Original(row.id, row.user_id, row.lab_id, row.original)
        for row in (await connection.execute(RECORDED_BY_SOURCE, values)).all()
    }


async def get_assignments(
    connection: AsyncConnection, organization_id: int, questions: Sequence[AssignmentQuestion]
) -> dict[int, ApplicableAssignment]:
    """By the position of the question; those without an answer are left out."""
    if not questions:
        return {}
    values = {
        "organization_id": organization_id,
        "user_ids": [question.user_id for question in questions],
        "lab_ids": [question.lab_id for question in questions],
        "assignment_ids": [question.assignment_id for question in questions],
        "instants": [question.instant for question in questions],
    }
    return {
        row.position: ApplicableAssignment(row.id, row.lab_id, row.due_at)
        for row in (await connection.execute(ASSIGNMENTS, values)).all()
    }


async def insert_attempts(
    connection: AsyncConnection, organization_id: int, rows: Sequence[Mapping[str, Any]]
) -> list[int]:
    """The new ids, in the order of the rows (columns by name, with ``position`` and ``first``)."""
    if not rows:
        return []
    values = {"organization_id": organization_id, "rows": orjson.dumps(rows).decode()}
    return sorted((await connection.execute(INSERT, values)).scalars().all())


async def revise_attempts(connection: AsyncConnection, organization_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Makes attempts (``id`` and columns by name) say this, with a revision each where they said something else.

    Their people are locked.
    """
    if rows:
        values = {"organization_id": organization_id, "rows": orjson.dumps(rows).decode()}
        await connection.execute(KEEP_REVISIONS, values)
        await connection.execute(REVISE, values)
