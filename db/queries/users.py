"""People and their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from db.dependencies import ON_EVERYTHING, ON_ROSTER, Dependency, on_groups, on_users
from db.keyset import Page, SortKey, among, bounded_count, page_columns, paged, paged_by, sort_values
from db.models.groups import group_memberships
from db.models.users import user_totals_live, users
from db.parts import Query
from db.queries.measures import MEASURES
from db.queries.memberships import PRESENT_MEMBER, present_members
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql


class UserRow(NamedTuple):
    """A person."""

    id: int
    organization_id: int
    external_id: str
    username: str
    display_name: str
    email: str | None
    role: str
    time_zone: str | None
    created_at: datetime
    deactivated_at: datetime | None


COLUMNS = (
    users.c.id,
    users.c.organization_id,
    users.c.external_id,
    users.c.username,
    users.c.display_name,
    users.c.email,
    users.c.role,
    users.c.time_zone,
    users.c.created_at,
    users.c.deactivated_at,
)


class Ranking(NamedTuple):
    """A person's exact place in the organization by score."""

    user_id: int
    rank: int
    tied_with: int
    ranked_people: int


@dataclass(frozen=True, slots=True)
class UserSelection:
    """Which people of those visible; None means any."""

    ids: tuple[int, ...] | None = None
    group_ids: tuple[int, ...] | None = None
    username_prefix: str | None = None
    name_contains: str | None = None
    least_score: float | None = None
    most_score: float | None = None
    include_deactivated: bool = False


_ALL = ", ".join(column.name for column in COLUMNS)

USERS_BY_EXTERNAL_ID = sql(f"SELECT {_ALL} FROM users WHERE external_id = ANY (:external_ids)", ON_ROSTER)
USERS_BY_USERNAME = sql(
    f"SELECT {_ALL} FROM users WHERE username_key = lower(normalize(CAST(:username AS text), NFKC))", ON_ROSTER
)
# All-time measures and what follows from them: the unrounded score, and as displayed.
TOTALS_COLUMNS = ("score", "ranking_score", "experience_level", "active", *MEASURES)


# Which columns are wanted comes from documents: only the latest queries are kept.
@lru_cache(maxsize=256)
def users_by_id(wanted: frozenset[str] | None = None) -> Query:
    """The id and the wanted columns of a UserRow (None: all)."""
    columns = chosen(UserRow._fields, None if wanted is None else wanted | {"id"})
    return Query(
        sql(f"SELECT {', '.join(columns)} FROM users WHERE id = ANY (:ids)", on_users("ids")),
        "ids",
        columns,
        is_unique=True,
    )


async def get_users_by_external_id(snapshot: Snapshot, external_ids: Sequence[str]) -> list[UserRow]:
    return [UserRow(*row) for row in await snapshot.rows(USERS_BY_EXTERNAL_ID, external_ids=external_ids)]


async def get_user_by_username(snapshot: Snapshot, username: str) -> UserRow | None:
    """Compared as usernames are kept unique: NFKC, lower case."""
    row = await snapshot.row(USERS_BY_USERNAME, username=username)
    return UserRow(*row) if row else None


@lru_cache(maxsize=1024)
def user_totals(wanted: frozenset[str] | None = None) -> Query:
    """The person's id and those of TOTALS_COLUMNS that are wanted (None: all)."""
    columns = ("user_id", *chosen(TOTALS_COLUMNS, wanted))
    text = f"SELECT {', '.join(columns)} FROM user_totals_live WHERE user_id = ANY (:ids)"
    return Query(sql(text, on_users("ids")), "ids", columns, is_unique=True)


USER_RANKS = Query(
    sql("SELECT user_id, rank, tied_with, ranked_people FROM live_ranks(:ids)"), "ids", Ranking._fields, is_unique=True
)
"""Of those with a score: others are not ranked."""


def users_statement(selection: UserSelection, keys: Sequence[SortKey], page: Page) -> Statement:
    """The people of a selection, sorted by ``keys``, with the sort values after the columns."""
    chosen = _selected(select(*COLUMNS, *(key.column for key in keys)), selection, keys)
    return Statement(paged(chosen, keys, page), *_dependencies(selection, keys))


async def list_users(
    snapshot: Snapshot, selection: UserSelection, keys: Sequence[SortKey], page: Page
) -> list[tuple[UserRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(users_statement(selection, keys, page))
    return [(UserRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_users(snapshot: Snapshot, selection: UserSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    counted = bounded_count(_selected(select(users.c.id), selection, ()), bound)
    return await snapshot.count(Statement(counted, *_dependencies(selection, ())))


# Selections have values of their callers in them: only the latest statements are kept.
@lru_cache(maxsize=256)
def users_by_group_statement(
    selection: UserSelection, keys: tuple[SortKey, ...], shape: Page, columns: tuple[str, ...], *, is_one: bool
) -> Statement:
    """The same page of the members of each of ``group_ids``: the group's id and ``columns``."""
    given = {column.name: column for column in (*COLUMNS, *sort_values(keys))}
    chosen = select(group_memberships.c.group_id, *(given[name] for name in columns))
    members = _members(chosen, selection, keys, is_one=is_one)
    members = paged_by(members, group_memberships.c.group_id, keys, shape, is_one=is_one)
    return Statement(members, on_groups("group_ids"))


@lru_cache(maxsize=256)
def users_by_group(
    selection: UserSelection, keys: tuple[SortKey, ...], page: Page, wanted: frozenset[str] | None = None
) -> Query:
    """A page of the present members of each group: the group's id, the id and the wanted columns of a UserRow (None: all), the
    sort values if they are wanted.
    """
    columns = page_columns(UserRow._fields, keys, wanted)
    of_many, of_one = (
        users_by_group_statement(selection, keys, page.shape, columns, is_one=is_one) for is_one in (False, True)
    )
    return Query(of_many, "group_ids", ("group_id", *columns), of_one, values=page.values(wanted))


async def count_users_by_group(
    snapshot: Snapshot, group_ids: Sequence[int], selection: UserSelection
) -> dict[int, int]:
    """How many present members there are by group, for groups that have any."""
    rows = await snapshot.rows(user_counts_by_group_statement(selection), group_ids=group_ids)
    return {row[0]: row[1] for row in rows}


@lru_cache(maxsize=256)
def user_counts_by_group_statement(selection: UserSelection) -> Statement:
    """How many present members each of ``group_ids`` has."""
    counted = _members(select(group_memberships.c.group_id, func.count()), selection, ())
    return Statement(counted.group_by(group_memberships.c.group_id), on_groups("group_ids"))


def _members(
    statement: Select[Any], selection: UserSelection, keys: Sequence[SortKey], *, is_one: bool = False
) -> Select[Any]:
    """The selection, once for each of ``group_ids`` that a person is in."""
    of_groups = among(group_memberships.c.group_id, "group_ids", is_one=is_one)
    statement = _selected(statement, selection, keys).where(
        group_memberships.c.user_id == users.c.id, of_groups, *PRESENT_MEMBER
    )
    if _needs_totals(selection, keys):
        # Said again of the totals: a condition on a join does not reach the rollup behind the view.
        ids = present_members(of_groups).correlate(None)
        statement = statement.where(user_totals_live.c.user_id == func.any(func.array(ids.scalar_subquery())))
    return statement


def _dependencies(selection: UserSelection, keys: Sequence[SortKey]) -> tuple[Dependency, ...]:
    return ON_EVERYTHING if _needs_totals(selection, keys) else (ON_ROSTER,)


def _needs_totals(selection: UserSelection, keys: Sequence[SortKey]) -> bool:
    return (
        selection.least_score is not None
        or selection.most_score is not None
        or any(key.column.table is user_totals_live for key in keys if hasattr(key.column, "table"))
    )


def _selected(statement: Select[Any], selection: UserSelection, keys: Sequence[SortKey]) -> Select[Any]:
    if _needs_totals(selection, keys):
        statement = statement.select_from(users.join(user_totals_live, user_totals_live.c.user_id == users.c.id))
    if selection.ids is not None:
        statement = statement.where(users.c.id.in_(selection.ids))
    if selection.group_ids is not None:
        members = present_members(group_memberships.c.group_id.in_(selection.group_ids)).correlate(None)
        statement = statement.where(users.c.id.in_(members))
    if selection.username_prefix is not None:
        statement = statement.where(users.c.username_key.startswith(selection.username_prefix.lower(), autoescape=True))
    if selection.name_contains is not None:
        statement = statement.where(users.c.display_name.icontains(selection.name_contains, autoescape=True))
    if selection.least_score is not None:
        statement = statement.where(user_totals_live.c.ranking_score >= selection.least_score)
    if selection.most_score is not None:
        statement = statement.where(user_totals_live.c.ranking_score <= selection.most_score)
    if not selection.include_deactivated:
        statement = statement.where(users.c.deactivated_at.is_(None))
    return statement
