"""Tracked events: what people did on the platform, and the list of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.tracked_events import NEWEST_FIRST, EventRow, EventSelection
from execution.columns import column
from resolvers.errors import Invalid
from resolvers.loaders.users import load_user_by_id
from resolvers.tracked_events import resolve_event, resolve_events
from schema import users
from schema.filters import DateTimeFilter
from schema.relay import (
    LARGEST_PAGE,
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    keys_of,
    node_id,
    page_of,
)
from schema.scalars import JSON
from schema.texts import checked_text

if TYPE_CHECKING:
    from schema.users import User

ORDER = "events:NEWEST"
TYPES = (datetime, int)
assert len(TYPES) == len(NEWEST_FIRST)


@strawberry.type(
    description="Something that happened on the platform, as a service told it. Kept for METRICS_RETENTION_DAYS."
)
class TrackedEvent(Node):
    row: strawberry.Private[EventRow]
    id: strawberry.ID = node_id("TrackedEvent")
    event_type: str = column("event_type", description="What happened, such as user_login.")
    metadata: JSON = column(
        "metadata",
        description="What else was said of it, without keys that name a person; an empty object for nothing.",
    )
    source_id: str | None = column("source_id", description="Its id in the source.")
    origin: str = column("origin", description="Which way it came in, such as API.")
    occurred_at: datetime = column("occurred_at", description="When it happened.")
    recorded_at: datetime = column("recorded_at", description="When it was recorded.")

    @classmethod
    def from_row(cls, row: EventRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_event(info.context, key))

    @strawberry.field(description="Who did it; null for nobody in particular.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id) if self.row.user_id else None
        return users.User.from_row(row) if row else None


@strawberry.input(description="Which events; conditions are combined with AND.")
class TrackedEventFilter:
    event_types: list[str] | None = strawberry.field(default=None, description="Of any of these types.")
    user_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Of any of these people.")
    occurred_at: DateTimeFilter | None = strawberry.field(default=None, description="That happened in this interval.")

    def to_selection(self) -> EventSelection:
        """Raises Invalid, and NotFound for ids of another type."""
        occurred = self.occurred_at or DateTimeFilter()
        return EventSelection(
            event_types=checked_types(self.event_types, "filter.eventTypes"),
            user_ids=keys_of("User", self.user_ids, "filter.userIds"),
            occurred_from=occurred.gte,
            occurred_before=occurred.lt,
        )


def checked_types(types: list[str] | None, argument: str) -> tuple[str, ...] | None:
    """Raises Invalid."""
    if types is None:
        return None
    if len(types) > LARGEST_PAGE:
        raise Invalid(f"At most {LARGEST_PAGE} types.", argument)
    return tuple(checked_text(value, f"{argument}.{position}") for position, value in enumerate(types))


@strawberry.type
class TrackedEventQuery:
    @strawberry.field(
        description="What happened on the platform, the newest first. Needs VIEW_PLATFORM.", directives=PAGED
    )
    async def events(
        self,
        info: Info,
        filter: Annotated[
            TrackedEventFilter | None, strawberry.argument(description="Which events; all by default.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TrackedEvent] | None:
        selection = filter.to_selection() if filter else EventSelection()
        page = page_of(first, after, last, before, order=ORDER, types=TYPES)
        listing = await resolve_events(info.context, selection, page)
        return connection_of(page, listing, ORDER, TrackedEvent.from_row)
