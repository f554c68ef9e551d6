"""Attempts as they are, and what they were before each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.selectable import TableValuedAlias

from db.keyset import Page, SortKey, bounded_count, order_of, paged, sort_values
from db.models.attempts import attempt_revisions, attempts
from db.models.groups import group_memberships
from db.models.labs import lab_topics, labs
from db.queries.memberships import present_members
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of a person at a lab. Ratios are 0–1, ``score`` 0–100, ``difficulty`` 0–10."""

    id: int
    organization_id: int
    user_id: int
    lab_id: int
    assignment_id: int | None
    status: str
    success: bool | None
    started_at: datetime | None
    completed_at: datetime | None
    due_at: datetime | None
    duration_seconds: Decimal | None
    score: Decimal | None
    accuracy: Decimal | None
    skill_match: Decimal | None
    difficulty: Decimal | None
    hints_used: int | None
    errors: list[str]
    memory_mib: Decimal | None
    cpu_percent: Decimal | None
    metadata: Any
    source: str
    source_id: str | None
    recorded_at: datetime
    revision: int
    counted: bool
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """What an attempt was before a change: ``snapshot`` is its row as JSON."""

    user_id: int
    attempt_id: int
    revision: int
    change: str
    snapshot: dict[str, Any]
    changed_at: datetime
    actor_id: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AttemptSelection:
    """Which attempts of those visible; None means any. Intervals of time are [least, end), of scores [least, most]."""

    user_ids: tuple[int, ...] | None = None
    group_ids: tuple[int, ...] | None = None
    lab_ids: tuple[int, ...] | None = None
    topic_ids: tuple[int, ...] | None = None
    level_ids: tuple[int, ...] | None = None
    statuses: tuple[str, ...] | None = None
    success: bool | None = None
    completed_from: datetime | None = None
    completed_before: datetime | None = None
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None
    least_score: float | None = None
    most_score: float | None = None
    error_code: str | None = None
    sources: tuple[str, ...] | None = None
    include_deleted: bool = False


Listed = list[tuple[AttemptRow, tuple[Any, ...]]]
ListedRevisions = list[tuple[RevisionRow, tuple[Any, ...]]]

COLUMNS = tuple(attempts.c[field.name] for field in fields(AttemptRow))
REVISION_COLUMNS = tuple(attempt_revisions.c[field.name] for field in fields(RevisionRow))

ATTEMPTS_BY_ID = sql(f"SELECT {', '.join(column.name for column in COLUMNS)} FROM attempts WHERE id = ANY (:ids)")


async def get_attempts(snapshot: Snapshot, ids: Sequence[int]) -> list[AttemptRow]:
    """Those of the ids that the viewer may see, deleted ones too."""
    return [AttemptRow(*row) for row in await snapshot.rows(ATTEMPTS_BY_ID, ids=ids)]


def attempts_statement(selection: AttemptSelection, keys: Sequence[SortKey], page: Page) -> Statement:
    """The attempts of a selection, sorted by ``keys``, with the sort values after the columns."""
    return Statement(paged(selected(select(*COLUMNS, *sort_values(keys)), selection), keys, page))


async def list_attempts(snapshot: Snapshot, selection: AttemptSelection, keys: Sequence[SortKey], page: Page) -> Listed:
    width = len(COLUMNS)
    rows = await snapshot.rows(attempts_statement(selection, keys, page))
    return [(AttemptRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_attempts(snapshot: Snapshot, selection: AttemptSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(selected(select(attempts.c.id), selection), bound)))


def attempts_of_each_statement(
    owner: str, selection: AttemptSelection, keys: Sequence[SortKey], page: Page
) -> Statement:
    """The same page for each of the people (``owner`` user_id) or labs (lab_id) in the parameter ``owners``: as many short
    walks along an index as there are owners, however long their histories are.
    """
    owners = _owners()
    chosen = selected(select(*COLUMNS, *sort_values(keys)), selection).where(attempts.c[owner] == owners.c.key)
    return _of_each(owners, chosen, keys, page)


async def list_attempts_of_each(
    snapshot: Snapshot,
    owner: str,
    owners: Sequence[int],
    selection: AttemptSelection,
    keys: Sequence[SortKey],
    page: Page,
) -> dict[int, Listed]:
    """By owner, for those with attempts."""
    end = 1 + len(COLUMNS)
    found: dict[int, Listed] = {}
    for row in await snapshot.rows(attempts_of_each_statement(owner, selection, keys, page), owners=owners):
        found.setdefault(row[0], []).append((AttemptRow(*row[1:end]), tuple(row[end:])))
    return found


async def count_attempts_of_each(
    snapshot: Snapshot, owner: str, owners: Sequence[int], selection: AttemptSelection, bound: int | None
) -> dict[int, int]:
    """By owner; no further than ``bound`` each."""
    asked = _owners()
    bounded = selected(select(attempts.c.id), selection).where(attempts.c[owner] == asked.c.key)
    lists = bounded.limit(bound).lateral()
    counted = select(asked.c.key, func.count()).select_from(asked.join(lists, true())).group_by(asked.c.key)
    return dict(await snapshot.rows(Statement(counted), owners=owners))


async def list_revisions_of_each(
    snapshot: Snapshot, attempt_ids: Sequence[int], page: Page
) -> dict[int, ListedRevisions]:
    """By attempt, newest first, for those that were changed."""
    asked = _owners()
    chosen = (
        select(*REVISION_COLUMNS, *sort_values(NEWEST_REVISION_FIRST))
        .join(
            attempts,
            (attempts.c.user_id == attempt_revisions.c.user_id) & (attempts.c.id == attempt_revisions.c.attempt_id),
        )
        .where(attempts.c.id == asked.c.key)
    )
    found: dict[int, ListedRevisions] = {}
    end = 1 + len(REVISION_COLUMNS)
    for row in await snapshot.rows(_of_each(asked, chosen, NEWEST_REVISION_FIRST, page), owners=attempt_ids):
        found.setdefault(row[0], []).append((RevisionRow(*row[1:end]), tuple(row[end:])))
    return found


async def count_revisions_of_each(snapshot: Snapshot, attempt_ids: Sequence[int]) -> dict[int, int]:
    return dict(await snapshot.rows(REVISION_COUNTS, ids=attempt_ids))


NEWEST_REVISION_FIRST = (SortKey(attempt_revisions.c.revision, descending=True),)
REVISION_COUNTS = sql(
    "SELECT a.id, count(*) FROM attempts a JOIN attempt_revisions r ON r.user_id = a.user_id AND r.attempt_id = a.id "
    "WHERE a.id = ANY (:ids) GROUP BY a.id"
)


def _owners() -> TableValuedAlias:
    return func.unnest(bindparam("owners", type_=ARRAY(BigInteger))).table_valued("key").render_derived("owners")


def _of_each(owners: TableValuedAlias, chosen: Select[Any], keys: Sequence[SortKey], page: Page) -> Statement:
    lists = paged(chosen, keys, page).lateral("lists")
    order = order_of([replace(key, column=lists.c[f"sort_{position}"]) for position, key in enumerate(keys)], page)
    return Statement(
        select(owners.c.key, *lists.c).select_from(owners.join(lists, true())).order_by(owners.c.key, *order)
    )


def selected(statement: Select[Any], selection: AttemptSelection) -> Select[Any]:
    """A statement over attempts, of those of a selection."""
    conditions: list[ColumnElement[bool]] = []
    if selection.user_ids is not None:
        conditions.append(attempts.c.user_id.in_(selection.user_ids))
    if selection.group_ids is not None:
        conditions.append(
            attempts.c.user_id.in_(present_members(group_memberships.c.group_id.in_(selection.group_ids)))
        )
    if selection.lab_ids is not None:
        conditions.append(attempts.c.lab_id.in_(selection.lab_ids))
    if selection.topic_ids is not None:
        of_topics = select(lab_topics.c.lab_id).where(lab_topics.c.topic_id.in_(selection.topic_ids))
        conditions.append(attempts.c.lab_id.in_(of_topics))
    if selection.level_ids is not None:
        of_levels = select(labs.c.id).where(labs.c.level_id.in_(selection.level_ids))
        conditions.append(attempts.c.lab_id.in_(of_levels))
    if selection.statuses is not None:
        conditions.append(attempts.c.status.in_(selection.statuses))
    if selection.success is not None:
        conditions.append(attempts.c.success.is_(selection.success))
    conditions += _in_time(selection)
    if selection.least_score is not None:
        conditions.append(attempts.c.score >= selection.least_score)
    if selection.most_score is not None:
        conditions.append(attempts.c.score <= selection.most_score)
    if selection.error_code is not None:
        conditions.append(literal(selection.error_code) == func.any(attempts.c.errors))
    if selection.sources is not None:
        conditions.append(attempts.c.source.in_(selection.sources))
    if not selection.include_deleted:
        conditions.append(attempts.c.deleted_at.is_(None))
    return statement.where(*conditions)


def _in_time(selection: AttemptSelection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    # A finished attempt occurs at its completion, and that column is the indexed one.
    if selection.completed_from is not None:
        conditions.append(attempts.c.occurred_at >= selection.completed_from)
    if selection.completed_before is not None:
        conditions.append(attempts.c.occurred_at < selection.completed_before)
    if conditions:
        conditions.append(attempts.c.completed_at.is_not(None))
    if selection.recorded_from is not None:
        conditions.append(attempts.c.recorded_at >= selection.recorded_from)
    if selection.recorded_before is not None:
        conditions.append(attempts.c.recorded_at < selection.recorded_before)
    return conditions
