"""Who may see which people, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement

from db.keyset import Listing, Page, SortKey
from db.models.users import user_totals_live, users
from db.queries.users import (
    UserRow,
    UserSelection,
    count_users,
    get_user_by_username,
    get_users_by_external_id,
    list_users,
)
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.users import load_user_by_id


class UserOrderField(StrEnum):
    """What people can be sorted by."""

    DISPLAY_NAME = "DISPLAY_NAME"
    USERNAME = "USERNAME"
    SCORE = "SCORE"
    TASKS_COMPLETED = "TASKS_COMPLETED"


@dataclass(frozen=True, slots=True)
class UserOrder:
    """A sort order; the id breaks ties."""

    field: UserOrderField = UserOrderField.DISPLAY_NAME
    descending: bool = False

    @property
    def name(self) -> str:
        """Names the order in cursors."""
        return f"users:{self.field}:{'DESC' if self.descending else 'ASC'}"

    @property
    def types(self) -> tuple[type, type]:
        return _SORTED_BY[self.field][1], int

    @property
    def keys(self) -> tuple[SortKey, SortKey]:
        return _keys(self.field, self.descending)


_SORTED_BY: dict[UserOrderField, tuple[ColumnElement[Any], type]] = {
    UserOrderField.DISPLAY_NAME: (users.c.display_name, str),
    UserOrderField.USERNAME: (users.c.username_key, str),
    UserOrderField.SCORE: (user_totals_live.c.ranking_score, Decimal),
    UserOrderField.TASKS_COMPLETED: (user_totals_live.c.tasks, int),
}


@cache
def _keys(field: UserOrderField, descending: bool) -> tuple[SortKey, SortKey]:
    column, _ = _SORTED_BY[field]
    return SortKey(column, descending, nullable=field is UserOrderField.SCORE), SortKey(users.c.id, descending)


async def resolve_user(
    context: Context, *, key: int | None = None, username: str | None = None, external_id: str | None = None
) -> UserRow:
    """One person by id, username or external id. Raises NotFound, also for a person whom the viewer may not see."""
    row: UserRow | None = None
    if key is not None:
        row = await context.load(load_user_by_id, key)
    elif username is not None:
        row = await get_user_by_username(context.snapshot, username)
    elif external_id is not None:
        row = next(iter(await get_users_by_external_id(context.snapshot, [external_id])), None)
    if row is None:
        raise NotFound("user")
    return row


async def resolve_users(context: Context, selection: UserSelection, order: UserOrder, page: Page) -> Listing[UserRow]:
    """A page of the people whom the viewer may see."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_users(snapshot, selection, bound)

    return Listing.of(page, await list_users(snapshot, selection, order.keys, page), count)
