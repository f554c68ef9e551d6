"""The audit trail of the organization."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.audit_log import NEWEST_FIRST, AuditRow, AuditSelection
from execution.columns import column
from resolvers.audit_log import resolve_audit_entry, resolve_audit_log
from resolvers.loaders.users import load_user_by_id
from schema import users
from schema.costs import assumed
from schema.filters import DateTimeFilter
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    global_id,
    key_of,
    node_id,
    page_of,
    parse_global_id,
)
from schema.scalars import JSON
from schema.texts import checked_text
from schema.users import Role

if TYPE_CHECKING:
    from schema.users import User

ORDER = "audit:NEWEST"
TYPES = (int,)
assert len(TYPES) == len(NEWEST_FIRST)


@strawberry.type(description="Who did what to what. It is written with what was done, and never changed.")
class AuditEntry(Node):
    row: strawberry.Private[AuditRow]
    id: strawberry.ID = node_id("AuditEntry")
    at: datetime = column("at", description="When it was done.")
    actor_key: str = column("actor", description="Whom the token named.")
    role: Role = column(lambda role: Role(role), description="As what they acted.")
    action: str = column(
        "action",
        description="What they did: the name of a mutation, `downloadExport` for a file that was sent, or `mintExportLink` for a "
        "link to one.",
    )
    subject_type: str | None = column(
        "object_type", description="The type of what it was done to; null where it has none."
    )
    request_id: str | None = column(
        "request_id", description="The request that did it, by the id in its answer's headers."
    )

    @classmethod
    def from_row(cls, row: AuditRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The entry as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_audit_entry(info.context, key))

    @strawberry.field(description="The person who did it; null for a service, and for who is no longer there.")
    async def actor(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id) if self.row.user_id else None
        return users.User.from_row(row) if row else None

    @strawberry.field(description="What it was done to, all at once.", directives=[assumed(10)])
    def subject_ids(self) -> list[strawberry.ID]:
        kind = self.row.object_type
        return [global_id(kind, key) for key in self.row.object_ids] if kind else []

    @strawberry.field(description="What else there is to say of it; nothing personal.")
    def details(self) -> JSON:
        return JSON(self.row.details)


@strawberry.input(description="Which entries; conditions are combined with AND.")
class AuditFilter:
    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Done by this person.")
    actor_key: str | None = strawberry.field(default=None, description="Done by whom tokens name so.")
    action: str | None = strawberry.field(default=None, description="Of this action, such as `updateAttempt`.")
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done to this object, or to it among others."
    )
    at: DateTimeFilter | None = strawberry.field(default=None, description="Done in this interval.")

    def to_selection(self) -> AuditSelection:
        """Raises Invalid, NotFound."""
        kind, key = (None, None) if self.subject_id is None else parse_global_id(self.subject_id, "filter.subjectId")
        at = self.at or DateTimeFilter()
        return AuditSelection(
            user_id=None if self.actor_id is None else key_of("User", self.actor_id, "filter.actorId"),
            actor=checked_text(self.actor_key, "filter.actorKey"),
            action=checked_text(self.action, "filter.action"),
            object_type=kind,
            object_id=key,
            at_from=at.gte,
            at_before=at.lt,
        )


@strawberry.type
class AuditQuery:
    @strawberry.field(
        description="Who changed, asked for and fetched what in the organization, newest first. Needs VIEW_AUDIT_LOG.",
        directives=PAGED,
    )
    async def audit_log(
        self,
        info: Info,
        filter: Annotated[AuditFilter | None, strawberry.argument(description="Which entries; all by default.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AuditEntry] | None:
        page = page_of(first, after, last, before, order=ORDER, types=TYPES)
        selection = filter.to_selection() if filter else AuditSelection()
        listing = await resolve_audit_log(info.context, selection, page)
        return connection_of(page, listing, ORDER, AuditEntry.from_row)
