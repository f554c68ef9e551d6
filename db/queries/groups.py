"""Groups, who leads them and how many are in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from db.dependencies import ON_ROSTER, on_groups
from db.keyset import Page, SortKey, bounded_count, paged
from db.models.groups import group_memberships, groups
from db.parts import Query
from db.queries.memberships import PRESENT
from db.queries.users import COLUMNS as USER_COLUMNS
from db.queries.users import UserRow
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql


class GroupRow(NamedTuple):
    """A group of people who learn together."""

    id: int
    organization_id: int
    external_id: str
    name: str
    kind: str
    time_zone: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupSelection:
    """Which groups of those visible. ``mine``: only those that the viewer is in or leads now."""

    name_contains: str | None = None
    mine: bool = False


COLUMNS = (
    groups.c.id,
    groups.c.organization_id,
    groups.c.external_id,
    groups.c.name,
    groups.c.kind,
    groups.c.time_zone,
    groups.c.created_at,
)
BY_NAME = (SortKey(groups.c.name), SortKey(groups.c.id))

_ALL = ", ".join(column.name for column in COLUMNS)
_LEAD = ", ".join(f"u.{column.name}" for column in USER_COLUMNS)
_PRESENT = "m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())"

LEADS_BY_GROUP = sql(
    f"""
SELECT m.group_id, {_LEAD}
FROM group_memberships m JOIN users u ON u.id = m.user_id
WHERE m.group_id = ANY (:group_ids) AND m.role = 'LEAD' AND {_PRESENT} AND u.deactivated_at IS NULL
ORDER BY u.display_name, u.id
""",
    on_groups("group_ids"),
)

PRESENT_MEMBERS = sql(
    f"""
SELECT m.group_id, m.user_id
FROM group_memberships m JOIN users u ON u.id = m.user_id
WHERE m.group_id = ANY (:group_ids) AND m.user_id = ANY (:user_ids) AND m.role = 'MEMBER' AND {_PRESENT}
  AND u.deactivated_at IS NULL
""",
    on_groups("group_ids"),
)


@lru_cache(maxsize=256)
def groups_by_id(wanted: frozenset[str] | None = None) -> Query:
    """The id and the wanted columns of a GroupRow (None: all)."""
    columns = chosen(GroupRow._fields, None if wanted is None else wanted | {"id"})
    text = f"SELECT {', '.join(columns)} FROM groups WHERE id = ANY (:ids)"
    return Query(sql(text, on_groups("ids")), "ids", columns, is_unique=True)


async def get_leads(snapshot: Snapshot, group_ids: Sequence[int]) -> dict[int, list[UserRow]]:
    """The present, active leads by group, for groups that have any; sorted by name."""
    found: dict[int, list[UserRow]] = {}
    for group_id, *columns in await snapshot.rows(LEADS_BY_GROUP, group_ids=group_ids):
        found.setdefault(group_id, []).append(UserRow(*columns))
    return found


async def get_present_members(
    snapshot: Snapshot, group_ids: Sequence[int], user_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """Pairs (group, person) of those people who are present, active members."""
    rows = await snapshot.rows(PRESENT_MEMBERS, group_ids=group_ids, user_ids=user_ids)
    return [(group_id, user_id) for group_id, user_id in rows]


def groups_statement(selection: GroupSelection, page: Page) -> Statement:
    """The groups of a selection by name, with the sort values after the columns."""
    chosen = _selected(select(*COLUMNS, *(key.column for key in BY_NAME)), selection)
    return Statement(paged(chosen, BY_NAME, page), ON_ROSTER)


async def list_groups(
    snapshot: Snapshot, selection: GroupSelection, page: Page
) -> list[tuple[GroupRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(groups_statement(selection, page))
    return [(GroupRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_groups(snapshot: Snapshot, selection: GroupSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    counted = bounded_count(_selected(select(groups.c.id), selection), bound)
    return await snapshot.count(Statement(counted, ON_ROSTER))


def _selected(statement: Select[Any], selection: GroupSelection) -> Select[Any]:
    if selection.name_contains is not None:
        statement = statement.where(groups.c.name.icontains(selection.name_contains, autoescape=True))
    if selection.mine:
        mine = select(group_memberships.c.group_id).where(
            group_memberships.c.user_id == func.viewer_user_id(), *PRESENT
        )
        statement = statement.where(groups.c.id.in_(mine))
    return statement
