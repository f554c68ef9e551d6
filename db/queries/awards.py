"""Badges and milestones as they were awarded, what they are given for, and how far people are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.dependencies import ON_ORGANIZATION, on_users
from db.keyset import Page, SortKey, among, page_columns, paged_each, sort_values
from db.models.awards import award_definitions as definitions
from db.models.awards import awards
from db.parts import Query
from db.queries.award_rules import GRACE, AwardKind
from db.queries.local_days import ACTIVE_DAYS, FINISHED, PEOPLE
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql


class StreakKind(StrEnum):
    DAILY_ACTIVITY = "DAILY_ACTIVITY"
    PERFECT_WEEK = "PERFECT_WEEK"


class DefinitionRow(NamedTuple):
    """What an award is given for: a rule and its threshold (see ``AwardRule``)."""

    id: int
    organization_id: int
    slug: str
    kind: str
    name: str
    description: str | None
    icon: str | None
    rule: str
    threshold: Decimal
    revocable: bool
    is_active: bool


class AwardRow(NamedTuple):
    """An award and what its definition says now. ``window_start`` is the Monday of a weekly one; ``note`` says why it was
    revoked, or that it was kept although nothing speaks for it any more, or why it was given by hand.
    """

    id: int
    organization_id: int
    user_id: int
    definition_id: int
    window_start: date | None
    achieved_at: datetime
    achieved_value: Decimal
    attempt_id: int | None
    revoked_at: datetime | None
    note: str | None
    awarded_by: int | None
    slug: str
    kind: str
    name: str
    description: str | None
    icon: str | None
    rule: str


class StreakRow(NamedTuple):
    """Days or weeks in a row. ``last_day`` is the last that counts; ``expires_at`` is when a current one ends, if nothing is
    added to it.
    """

    user_id: int
    kind: str
    current: int
    longest: int
    last_day: date | None
    expires_at: datetime | None


class ProgressRow(NamedTuple):
    """How far a person is: ``value`` of the threshold. ``achieved_at`` is when they had it last, if ever."""

    user_id: int
    definition: DefinitionRow
    value: Decimal
    achieved_at: datetime | None


DEFINITION_COLUMNS = ", ".join(f"d.{name}" for name in DefinitionRow._fields)
COLUMNS: tuple[ColumnElement[Any], ...] = (
    *(awards.c[name] for name in AwardRow._fields[:11]),
    *(definitions.c[name] for name in AwardRow._fields[11:]),
)
NEWEST_FIRST = (SortKey(awards.c.achieved_at, descending=True), SortKey(awards.c.id, descending=True))

DEFINITIONS = sql(
    f"SELECT {DEFINITION_COLUMNS} FROM award_definitions d WHERE d.kind = coalesce(:kind, d.kind) ORDER BY d.kind, d.rule, d.threshold, d.id",
    ON_ORGANIZATION,
)
AWARDS_BY_ID = Statement(
    select(*COLUMNS).join(definitions, definitions.c.id == awards.c.definition_id).where(among(awards.c.id, "ids"))
)
# In the order in which they were given; a group's people are those who are in it now.
_GRANTED = f"""
SELECT {", ".join(f"{'a' if name in awards.c else 'd'}.{name}" for name in AwardRow._fields)}
FROM awards a JOIN award_definitions d ON d.id = a.definition_id
WHERE a.user_id = coalesce(CAST(:user_id AS bigint), a.user_id) AND (CAST(:group_id AS bigint) IS NULL OR a.user_id IN (
  SELECT m.user_id FROM group_memberships m
  WHERE m.group_id = CAST(:group_id AS bigint) AND m.role = 'MEMBER' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
))"""
GRANTED = sql(f"{_GRANTED} AND a.id > :seen ORDER BY a.id LIMIT :most")
LATEST_GRANTED = sql(f"{_GRANTED} ORDER BY a.id DESC LIMIT :most")
HOLDERS = sql("""
SELECT definition_id, count(DISTINCT user_id) FROM awards
WHERE definition_id = ANY (CAST(:ids AS bigint[])) AND revoked_at IS NULL GROUP BY definition_id
""")

_TODAY = "CAST(CAST(:at AS timestamptz) AT TIME ZONE p.time_zone AS date)"
_THIS_WEEK = "CAST(date_trunc('week', CAST(:at AS timestamptz) AT TIME ZONE p.time_zone) AS date)"

# What is not done yet today, or this week, may still be; and a week that has just ended is not decided yet.
STREAKS = sql(
    f"""
WITH {PEOPLE}, {FINISHED}, {ACTIVE_DAYS},
perfect_weeks AS (
  SELECT user_id, week, week - 7 * CAST(row_number() OVER (PARTITION BY user_id ORDER BY week) AS integer) AS run
  FROM (
    SELECT DISTINCT a.user_id, a.window_start AS week FROM awards a JOIN award_definitions d ON d.id = a.definition_id
    WHERE a.user_id = ANY (CAST(:ids AS bigint[])) AND d.rule = 'PERFECT_WEEK' AND a.window_start IS NOT NULL AND a.revoked_at IS NULL
  ) AS w
),
runs AS (
  SELECT user_id, 'DAILY_ACTIVITY' AS kind, count(*) AS length, max(day) AS last_day FROM active_days GROUP BY user_id, run
  UNION ALL
  SELECT user_id, 'PERFECT_WEEK', count(*), max(week) + 6 FROM perfect_weeks GROUP BY user_id, run
),
totals AS (
  SELECT user_id, kind, max(length) AS longest, (array_agg(length ORDER BY last_day DESC))[1] AS latest, max(last_day) AS last_day
  FROM runs GROUP BY user_id, kind
),
ends AS (
  SELECT p.user_id, k.kind, t.longest, t.latest, t.last_day, CASE k.kind
    WHEN 'DAILY_ACTIVITY' THEN CAST(t.last_day + 2 AS timestamp) AT TIME ZONE p.time_zone
    ELSE CAST(t.last_day + 8 AS timestamp) AT TIME ZONE p.time_zone + {GRACE} END AS expires_at
  FROM people p CROSS JOIN (VALUES ('DAILY_ACTIVITY'), ('PERFECT_WEEK')) AS k (kind)
  LEFT JOIN totals t ON t.user_id = p.user_id AND t.kind = k.kind
)
SELECT user_id, kind, CASE WHEN expires_at > CAST(:at AS timestamptz) THEN latest ELSE 0 END, coalesce(longest, 0), last_day,
  CASE WHEN expires_at > CAST(:at AS timestamptz) THEN expires_at END
FROM ends ORDER BY user_id, kind
""",
    on_users("ids"),
)

PROGRESS = sql(
    f"""
WITH {PEOPLE}, {FINISHED}, {ACTIVE_DAYS},
tasks AS (
  SELECT f.user_id, count(*) AS tasks, count(*) FILTER (WHERE f.completed_at <= f.due_at) AS on_time, max(f.score) AS best,
    count(*) FILTER (WHERE f.day >= {_THIS_WEEK}) AS this_week
  FROM finished f JOIN people p ON p.user_id = f.user_id WHERE f.counted GROUP BY f.user_id
),
streaks AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN s.last_day >= {_TODAY} - 1 THEN s.length ELSE 0 END AS length
  FROM (SELECT user_id, count(*) AS length, max(day) AS last_day FROM active_days GROUP BY user_id, run) AS s
  JOIN people p ON p.user_id = s.user_id ORDER BY s.user_id, s.last_day DESC
)
SELECT p.user_id, CAST(coalesce(CASE d.rule WHEN 'TASKS' THEN t.tasks WHEN 'TASKS_ON_TIME' THEN t.on_time WHEN 'TASK_SCORE' THEN t.best
    WHEN 'STREAK' THEN s.length ELSE t.this_week END, 0) AS numeric) AS value,
  (SELECT max(a.achieved_at) FROM awards a WHERE a.user_id = p.user_id AND a.definition_id = d.id AND a.revoked_at IS NULL) AS achieved_at,
  {DEFINITION_COLUMNS}
FROM people p JOIN award_definitions d ON d.organization_id = p.organization_id AND d.is_active
LEFT JOIN tasks t ON t.user_id = p.user_id LEFT JOIN streaks s ON s.user_id = p.user_id
ORDER BY p.user_id, d.kind, d.rule, d.threshold, d.id
""",
    on_users("ids"),
)

_SAID = ("kind", "name", "description", "icon", "rule", "threshold", "revocable", "is_active")
SAVE_NEW = text(f"""
INSERT INTO award_definitions (organization_id, slug, {", ".join(_SAID)})
VALUES (:organization_id, :slug, {", ".join(f":{name}" for name in _SAID)}) ON CONFLICT (organization_id, slug) DO NOTHING RETURNING id
""")
LOCK = text(
    f"SELECT {DEFINITION_COLUMNS} FROM award_definitions d WHERE d.id = :id AND d.organization_id = :organization_id FOR UPDATE"
)
CHANGE = text(f"UPDATE award_definitions SET {', '.join(f'{name} = :{name}' for name in _SAID)} WHERE id = :id")


@lru_cache(maxsize=256)
def definitions_by_id(wanted: frozenset[str] | None = None) -> Query:
    """The id and the wanted columns of a DefinitionRow (None: all)."""
    columns = chosen(DefinitionRow._fields, None if wanted is None else wanted | {"id"})
    text = f"SELECT {', '.join(columns)} FROM award_definitions WHERE id = ANY (:ids)"
    return Query(sql(text, ON_ORGANIZATION), "ids", columns, is_unique=True)


async def list_definitions(snapshot: Snapshot, kind: AwardKind | None) -> list[DefinitionRow]:
    """Those of the viewer's organization, by kind, rule and threshold."""
    return [DefinitionRow(*row) for row in await snapshot.rows(DEFINITIONS, kind=kind)]


async def count_holders(snapshot: Snapshot, ids: Sequence[int]) -> dict[int, int]:
    """How many of the people whom the viewer may see hold an award, by definition, for those that anybody holds."""
    return dict(await snapshot.rows(HOLDERS, ids=ids))


async def get_awards(snapshot: Snapshot, ids: Sequence[int]) -> list[AwardRow]:
    return [AwardRow(*row) for row in await snapshot.rows(AWARDS_BY_ID, ids=ids)]


async def list_granted(
    snapshot: Snapshot, user_id: int | None, group_id: int | None, seen: int, most: int
) -> list[AwardRow]:
    """Awards with greater ids than ``seen``, in the order in which they were given, of a person, of a group, or of all."""
    rows = await snapshot.rows(GRANTED, user_id=user_id, group_id=group_id, seen=seen, most=most)
    return [AwardRow(*row) for row in rows]


async def list_latest_granted(
    snapshot: Snapshot, user_id: int | None, group_id: int | None, most: int
) -> list[AwardRow]:
    """The last so many, in the order in which they were given."""
    rows = await snapshot.rows(LATEST_GRANTED, user_id=user_id, group_id=group_id, most=most)
    return [AwardRow(*row) for row in reversed(rows)]


@cache
def awards_by_user_statement(
    kind: AwardKind, include_revoked: bool, shape: Page, columns: tuple[str, ...]
) -> Statement:
    """The same page of the awards of each person (``keys``), the latest first: the key and ``columns``."""
    given = {column.name: column for column in (*COLUMNS, *sort_values(NEWEST_FIRST))}
    of_each = _selected(select(*(given[name] for name in columns)), kind, include_revoked)
    return Statement(paged_each(of_each, awards.c.user_id, "keys", NEWEST_FIRST, shape), on_users("keys"))


# Pages have cursors of their callers in them: only the latest queries are kept.
@lru_cache(maxsize=256)
def awards_by_user(kind: AwardKind, include_revoked: bool, page: Page, wanted: frozenset[str] | None = None) -> Query:
    """A page of each person's awards of a kind: the key, the id and the wanted columns of an AwardRow (None: all), the sort
    values if they are wanted.
    """
    columns = page_columns(AwardRow._fields, NEWEST_FIRST, wanted)
    statement = awards_by_user_statement(kind, include_revoked, page.shape, columns)
    return Query(statement, "keys", ("key", *columns), values=page.values(wanted))


async def count_awards(
    snapshot: Snapshot, user_ids: Sequence[int], kind: AwardKind, include_revoked: bool
) -> dict[int, int]:
    """By person, for those who have any."""
    return dict(await snapshot.rows(award_counts_statement(kind, include_revoked), keys=user_ids))


@cache
def award_counts_statement(kind: AwardKind, include_revoked: bool) -> Statement:
    of_each = select(awards.c.user_id, func.count()).where(among(awards.c.user_id, "keys")).group_by(awards.c.user_id)
    return Statement(_selected(of_each, kind, include_revoked), on_users("keys"))


async def get_streaks(snapshot: Snapshot, user_ids: Sequence[int], at: datetime) -> dict[int, list[StreakRow]]:
    """By person, one of each kind, as they are at an instant."""
    found: dict[int, list[StreakRow]] = {}
    for row in await snapshot.rows(STREAKS, ids=user_ids, at=at):
        found.setdefault(row[0], []).append(StreakRow(*row))
    return found


async def get_progress(snapshot: Snapshot, user_ids: Sequence[int], at: datetime) -> dict[int, list[ProgressRow]]:
    """By person, for each award that can be had, as it is at an instant."""
    found: dict[int, list[ProgressRow]] = {}
    for user_id, value, achieved_at, *definition in await snapshot.rows(PROGRESS, ids=user_ids, at=at):
        found.setdefault(user_id, []).append(ProgressRow(user_id, DefinitionRow(*definition), value, achieved_at))
    return found


async def lock_definition(connection: AsyncConnection, organization_id: int, id: int) -> DefinitionRow | None:
    """A definition of the organization, for who changes it."""
    row = (await connection.execute(LOCK, {"id": id, "organization_id": organization_id})).one_or_none()
    return DefinitionRow(*row) if row else None


async def insert_definition(
    connection: AsyncConnection, organization_id: int, slug: str, said: dict[str, Any]
) -> int | None:
    """The id of a new one; None where there is one of this slug."""
    values = {"organization_id": organization_id, "slug": slug, **said}
    found = (await connection.execute(SAVE_NEW, values)).scalar_one_or_none()
    return None if found is None else int(found)


async def change_definition(connection: AsyncConnection, id: int, said: dict[str, Any]) -> None:
    await connection.execute(CHANGE, {"id": id, **said})


def _selected(statement: Select[Any], kind: AwardKind, include_revoked: bool) -> Select[Any]:
    found = statement.join(definitions, definitions.c.id == awards.c.definition_id).where(
        definitions.c.kind == kind.value
    )
    return found if include_revoked else found.where(awards.c.revoked_at.is_(None))
