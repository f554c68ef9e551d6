"""Assignments as they are, and the deadlines of single people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from db.keyset import Page, SortKey, bounded_count, paged, paged_by, sort_values
from db.models.assignments import assignments
from db.models.groups import group_memberships
from db.queries.memberships import PRESENT_MEMBER
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """A lab given to a person or to a group: exactly one of ``user_id`` and ``group_id`` is set."""

    id: int
    organization_id: int
    lab_id: int
    user_id: int | None
    group_id: int | None
    assigned_at: datetime
    due_at: datetime | None
    revision: int


@dataclass(frozen=True, slots=True)
class ExtensionRow:
    """The deadline of one person, which replaces the assignment's."""

    assignment_id: int
    user_id: int
    due_at: datetime
    reason: str | None
    granted_by: int | None
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class AssignmentSelection:
    """Which assignments of those visible; None means any. A person's are their own and those of groups they are in now.
    Deadlines lie in [due_from, due_before).
    """

    user_id: int | None = None
    group_id: int | None = None
    lab_id: int | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None


class AssignmentSide(StrEnum):
    """To whom the assignments of a list were given."""

    USER = "USER"
    GROUP = "GROUP"


COLUMNS = (
    assignments.c.id,
    assignments.c.organization_id,
    assignments.c.lab_id,
    assignments.c.user_id,
    assignments.c.group_id,
    assignments.c.assigned_at,
    assignments.c.due_at,
    assignments.c.revision,
)
# Those without a deadline come last.
BY_DEADLINE = (SortKey(assignments.c.due_at, nullable=True), SortKey(assignments.c.id))

ASSIGNMENTS_BY_ID = sql(f"SELECT {', '.join(column.name for column in COLUMNS)} FROM assignments WHERE id = ANY (:ids)")
EXTENSIONS_BY_ASSIGNMENT = sql("""
SELECT assignment_id, user_id, due_at, reason, granted_by, granted_at FROM deadline_extensions
WHERE assignment_id = ANY (:assignment_ids) ORDER BY due_at, user_id
""")
# Null for people whom the assignment was not given to.
EFFECTIVE_DEADLINES = sql("""
SELECT p.position - 1 AS position, coalesce(x.due_at, a.due_at) AS due_at
FROM unnest(CAST(:assignment_ids AS bigint[]), CAST(:user_ids AS bigint[])) WITH ORDINALITY
  AS p (assignment_id, user_id, position)
JOIN assignments a ON a.id = p.assignment_id
LEFT JOIN deadline_extensions x ON x.assignment_id = a.id AND x.user_id = p.user_id
WHERE a.user_id = p.user_id OR EXISTS (
  SELECT FROM group_memberships m
  WHERE m.group_id = a.group_id AND m.user_id = p.user_id AND m.role = 'MEMBER'
    AND (m.valid_to IS NULL OR m.valid_to > a.assigned_at))
""")


async def get_assignments(snapshot: Snapshot, ids: Sequence[int]) -> list[AssignmentRow]:
    return [AssignmentRow(*row) for row in await snapshot.rows(ASSIGNMENTS_BY_ID, ids=ids)]


async def get_extensions(snapshot: Snapshot, assignment_ids: Sequence[int]) -> dict[int, list[ExtensionRow]]:
    """By assignment, for those that have any; by deadline."""
    found: dict[int, list[ExtensionRow]] = {}
    for row in await snapshot.rows(EXTENSIONS_BY_ASSIGNMENT, assignment_ids=assignment_ids):
        found.setdefault(row["assignment_id"], []).append(ExtensionRow(*row))
    return found


async def get_effective_deadlines(
    snapshot: Snapshot, pairs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], datetime | None]:
    """By assignment and person, for people whom it was given to."""
    rows = await snapshot.rows(
        EFFECTIVE_DEADLINES,
        assignment_ids=[assignment_id for assignment_id, _ in pairs],
        user_ids=[user_id for _, user_id in pairs],
    )
    return {pairs[row["position"]]: row["due_at"] for row in rows}


def assignments_statement(selection: AssignmentSelection, page: Page) -> Statement:
    """The assignments of a selection by deadline, with the sort values after the columns."""
    chosen = _selected(select(*COLUMNS, *(key.column for key in BY_DEADLINE)), selection)
    return Statement(paged(chosen, BY_DEADLINE, page))


async def list_assignments(
    snapshot: Snapshot, selection: AssignmentSelection, page: Page
) -> list[tuple[AssignmentRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(assignments_statement(selection, page))
    return [(AssignmentRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_assignments(snapshot: Snapshot, selection: AssignmentSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(_selected(select(assignments.c.id), selection), bound)))


def assignments_of_each_statement(side: AssignmentSide, page: Page) -> Statement:
    """The same page of the assignments of each group or person in the parameter ``owners``: the owner, the columns, the
    sort values.
    """
    owner, chosen = _owned(side, *COLUMNS, *sort_values(BY_DEADLINE))
    return Statement(paged_by(chosen, owner, BY_DEADLINE, page))


async def list_assignments_of_each(
    snapshot: Snapshot, side: AssignmentSide, owners: Sequence[int], page: Page
) -> dict[int, list[tuple[AssignmentRow, tuple[Any, ...]]]]:
    """By group or person, for those that have any."""
    end = 1 + len(COLUMNS)
    found: dict[int, list[tuple[AssignmentRow, tuple[Any, ...]]]] = {}
    for row in await snapshot.rows(assignments_of_each_statement(side, page), owners=owners):
        found.setdefault(row[0], []).append((AssignmentRow(*row[1:end]), tuple(row[end:])))
    return found


async def count_assignments_of_each(snapshot: Snapshot, side: AssignmentSide, owners: Sequence[int]) -> dict[int, int]:
    """By group or person, for those that have any."""
    owner, counted = _owned(side, func.count().label("count"))
    return dict(await snapshot.rows(Statement(counted.group_by(owner)), owners=owners))


def _owned(side: AssignmentSide, *columns: ColumnElement[Any]) -> tuple[ColumnElement[Any], Select[Any]]:
    """The column that says whose an assignment is, and the select of that column and others."""
    asked = func.any(bindparam("owners", type_=ARRAY(BigInteger)))
    if side is AssignmentSide.GROUP:
        owner: ColumnElement[Any] = assignments.c.group_id
        return owner, select(owner.label("owner"), *columns).where(owner == asked)
    own = select(assignments.c.user_id.label("owner"), assignments.c.id).where(assignments.c.user_id == asked)
    of_groups = (
        select(group_memberships.c.user_id, assignments.c.id)
        .join_from(group_memberships, assignments, assignments.c.group_id == group_memberships.c.group_id)
        .where(group_memberships.c.user_id == asked, *PRESENT_MEMBER)
    )
    concerned = union_all(own, of_groups).subquery("concerned")
    owner = concerned.c.owner
    chosen = select(owner, *columns).select_from(assignments.join(concerned, concerned.c.id == assignments.c.id))
    return owner, chosen


def _selected(statement: Select[Any], selection: AssignmentSelection) -> Select[Any]:
    if selection.user_id is not None:
        groups = select(group_memberships.c.group_id).where(
            group_memberships.c.user_id == selection.user_id, *PRESENT_MEMBER
        )
        statement = statement.where((assignments.c.user_id == selection.user_id) | assignments.c.group_id.in_(groups))
    for column, key in ((assignments.c.group_id, selection.group_id), (assignments.c.lab_id, selection.lab_id)):
        if key is not None:
            statement = statement.where(column == literal(key, BigInteger))
    if selection.due_from is not None:
        statement = statement.where(assignments.c.due_at >= selection.due_from)
    if selection.due_before is not None:
        statement = statement.where(assignments.c.due_at < selection.due_before)
    return statement
