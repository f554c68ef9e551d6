"""Who belonged to which group from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, true

from db.dependencies import ON_ORGANIZATION, ON_ROSTER, Dependency, on_groups, on_users
from db.keyset import Page, SortKey, among, page_columns, paged_by, paged_each, sort_values
from db.models.groups import group_memberships as memberships
from db.parts import Query
from db.snapshot import Snapshot
from db.statement import Statement, sql


class MembershipRow(NamedTuple):
    """A person in a group during [valid_from, valid_to); without end while ``valid_to`` is None."""

    id: int
    organization_id: int
    group_id: int
    user_id: int
    role: str
    valid_from: datetime
    valid_to: datetime | None


class MembershipSide(StrEnum):
    """Whose memberships a list holds."""

    GROUP = "GROUP"
    USER = "USER"

    @property
    def column(self) -> ColumnElement[Any]:
        return memberships.c.group_id if self is MembershipSide.GROUP else memberships.c.user_id

    @property
    def dependency(self) -> Dependency:
        return on_groups("keys") if self is MembershipSide.GROUP else on_users("keys")


COLUMNS = (
    memberships.c.id,
    memberships.c.organization_id,
    memberships.c.group_id,
    memberships.c.user_id,
    memberships.c.role,
    memberships.c.valid_from,
    memberships.c.valid_to,
)
# Conditions that a membership holds now, and that it is a member's.
PRESENT = (memberships.c.valid_from <= func.now(), func.coalesce(memberships.c.valid_to > func.now(), true()))
PRESENT_MEMBER = (memberships.c.role == "MEMBER", *PRESENT)
BY_START = (SortKey(memberships.c.valid_from), SortKey(memberships.c.id))

MEMBERSHIPS_BY_ID = sql(
    f"SELECT {', '.join(column.name for column in COLUMNS)} FROM group_memberships WHERE id = ANY (:ids)", ON_ROSTER
)


# The rows are no part of an answer.
BOUNDARY = sql("SELECT memberships_hold_until()", ON_ORGANIZATION)


async def get_boundary(snapshot: Snapshot) -> datetime | None:
    """When the next membership in the viewer's organization begins or ends; None where none will."""
    row = await snapshot.row(BOUNDARY)
    return row[0] if row else None


async def get_memberships(snapshot: Snapshot, ids: Sequence[int]) -> list[MembershipRow]:
    return [MembershipRow(*row) for row in await snapshot.rows(MEMBERSHIPS_BY_ID, ids=ids)]


@cache
def memberships_by_user_statement(include_ended: bool, shape: Page, columns: tuple[str, ...]) -> Statement:
    """The same page of the memberships of each person (``keys``), by start, as an index has them: the key and ``columns``."""
    of_each = _selected(select(*_columns(columns)), include_ended)
    return Statement(
        paged_each(of_each, memberships.c.user_id, "keys", BY_START, shape), MembershipSide.USER.dependency
    )


@cache
def memberships_by_group_statement(
    include_ended: bool, shape: Page, columns: tuple[str, ...], *, is_one: bool
) -> Statement:
    """The same page of the memberships of each group (``keys``), by start: the key and ``columns``."""
    group_id = memberships.c.group_id
    of_all = _selected(select(group_id.label("key"), *_columns(columns)), include_ended)
    of_all = of_all.where(among(group_id, "keys", is_one=is_one))
    return Statement(paged_by(of_all, group_id, BY_START, shape, is_one=is_one), MembershipSide.GROUP.dependency)


# Pages have cursors of their callers in them: only the latest queries are kept.
@lru_cache(maxsize=256)
def memberships_by_side(
    side: MembershipSide, include_ended: bool, page: Page, wanted: frozenset[str] | None = None
) -> Query:
    """A page of the memberships of each group or person, by start: the key, the id and the wanted columns of a MembershipRow
    (None: all), the sort values if they are wanted.
    """
    columns = page_columns(MembershipRow._fields, BY_START, wanted)
    if side is MembershipSide.USER:
        of_many, of_one = memberships_by_user_statement(include_ended, page.shape, columns), None
    else:
        of_many, of_one = (
            memberships_by_group_statement(include_ended, page.shape, columns, is_one=is_one)
            for is_one in (False, True)
        )
    return Query(of_many, "keys", ("key", *columns), of_one, values=page.values(wanted))


async def count_memberships(
    snapshot: Snapshot, side: MembershipSide, keys: Sequence[int], include_ended: bool
) -> dict[int, int]:
    """By group or person, for those that have any."""
    rows = await snapshot.rows(membership_counts_statement(side, include_ended), keys=keys)
    return {row[0]: row[1] for row in rows}


@cache
def membership_counts_statement(side: MembershipSide, include_ended: bool) -> Statement:
    """How many memberships each group or person (``keys``) has."""
    of_each = select(side.column, func.count()).where(among(side.column, "keys")).group_by(side.column)
    return Statement(_selected(of_each, include_ended), side.dependency)


def present_members(of_groups: ColumnElement[bool]) -> Select[tuple[int]]:
    """The ids of who is a member of one of the groups now. ``of_groups`` is a condition on the group's id."""
    return select(memberships.c.user_id).where(of_groups, *PRESENT_MEMBER)


def _columns(names: tuple[str, ...]) -> list[ColumnElement[Any]]:
    given = {column.name: column for column in (*COLUMNS, *sort_values(BY_START))}
    return [given[name] for name in names]


def _selected(statement: Select[Any], include_ended: bool) -> Select[Any]:
    if include_ended:
        return statement
    return statement.where(func.coalesce(memberships.c.valid_to > func.now(), true()))
