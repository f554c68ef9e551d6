"""Who may keep the roster, and how: one transaction per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_unparking import unpark
from db.engine import DatabaseUnavailable
from db.entering import Viewer
from resolvers.argument_names import argument_name
from resolvers.context import Context
from resolvers.keyed_changes import Done, change
from resolvers.membership_writes import MembershipDraft, set_membership
from resolvers.permissions import Permission
from resolvers.roster_writes import (
    UPSERTED_LABS,
    UPSERTED_USERS,
    RosterItem,
    Subject,
    refuse_nonsense,
    upsert,
)
from resolvers.writing import write

log = structlog.get_logger(__name__)


async def change_roster(
    context: Context,
    operation: str,
    key: str | None,
    checked_body: Callable[[], Mapping[str, Any]],
    work: Callable[[AsyncConnection, Viewer], Awaitable[list[int]]],
) -> Done:
    """A change of what MANAGE_ROSTER is needed for; see ``change``."""
    return await change(context, Permission.MANAGE_ROSTER, operation, key, checked_body, work)


async def resolve_upsert(context: Context, subject: Subject, items: Sequence[RosterItem], key: str | None) -> Done:
    """Makes the roster say what the items say: all of them or, where one is wrong, none. Ids in the order of the items.

    Raises Refused, Unauthenticated.
    """
    name = subject.table.name

    def body() -> dict[str, Any]:
        refuse_nonsense(subject, items)
        return {name: [_said(subject, item) for item in items]}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        return await upsert(connection, viewer, subject, items)

    done = await change_roster(context, f"upsert{name.capitalize()}", key, body, work)
    if subject in (UPSERTED_USERS, UPSERTED_LABS) and not done.replayed:
        await _unpark(context)
    return done


async def resolve_membership_change(context: Context, draft: MembershipDraft, key: str | None) -> Done:
    """Opens, ends or reopens a membership. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        return [await set_membership(connection, viewer, draft)]

    return await change_roster(context, "setGroupMembership", key, draft.checked_body, work)


async def _unpark(context: Context) -> None:
    """Records what waited for these people or labs. What does not fit, or fails, is left to the worker."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> bool:
        return (await unpark(connection, viewer.organization_id)).count > 0

    try:
        changed = await write(context, work)
    except (DatabaseUnavailable, SQLAlchemyError):
        # The roster is committed: that is what the call was for.
        log.exception("attempts_not_unparked")
        return
    if changed:
        await context.renew()


def _said(subject: Subject, item: RosterItem) -> dict[str, Any]:
    said = {subject.table.key: item.key, **item.said}
    return {argument_name(name): value for name, value in said.items()}
