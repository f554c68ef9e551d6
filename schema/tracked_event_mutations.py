"""Recording tracked events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

import strawberry
from strawberry.types.base import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from db.event_drafts import EventDraft
from resolvers.errors import ClientError
from resolvers.record_events import MOST_EVENTS, RecordedEvent, SentEvent, resolve_record_events
from resolvers.user_errors import Path, user_error_of
from schema.costs import FEW, one_for_each_of_input
from schema.relay import Info, key_of
from schema.roster_inputs import KEY_DESCRIPTION
from schema.scalars import JSON
from schema.tracked_events import TrackedEvent
from schema.user_errors import UserError, user_errors_of


@strawberry.input(description="Something that happened on the platform.")
class EventInput:
    event_type: str = strawberry.field(
        description="What happened: letters, digits, and _ . : - after a letter, at most 100, such as user_login."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who did it; leave it out for nobody in particular."
    )
    user_external_id: str | None = strawberry.field(
        default=None, description="Or the id by which the source system knows them."
    )
    metadata: JSON | None = strawberry.field(
        default=None,
        description="What else there is to say: an object of at most 16 KiB of JSON, eight levels deep. Keys that name a person "
        "(SCOREGRAPH_EVENT_DROPPED_KEYS: email, ip, token, …) are dropped, at any depth.",
    )
    occurred_at: datetime | None = strawberry.field(
        default=None,
        description="When it happened: now by default, at most five minutes from now, no longer ago than events are kept.",
    )
    source_id: str | None = strawberry.field(
        default=None,
        description="Its id in the source, unique in the organization: sent again it is not recorded again.",
    )

    def to_sent(self, path: Path) -> SentEvent:
        """``path`` is where the event stands in the input."""
        said = {to_camel_case(name): getattr(self, name) for name in _NAMES.values() if getattr(self, name) is not None}
        try:
            user_id = None if self.user_id is None else key_of("User", self.user_id, ".".join((*path, "userId")))
        except ClientError as error:
            return SentEvent(user_error_of(error, (*path, "userId")), path, said)
        draft = EventDraft(
            self.event_type, user_id, self.user_external_id, self.metadata, self.occurred_at, self.source_id
        )
        if self.occurred_at is not None:
            said["occurredAt"] = self.occurred_at.isoformat()
        return SentEvent(draft, path, said)


# Strawberry's own conversion of an input takes longer than writing it; values of leaf types only have to be named.
_NAMES = {
    to_camel_case(field.python_name): field.python_name
    for field in get_object_definition(EventInput, strict=True).fields
}


def _event_input(cls: type, given: Mapping[str, Any], context: Any) -> EventInput:
    return EventInput(**{_NAMES[name]: value for name, value in given.items()})


get_object_definition(EventInput, strict=True).from_input = _event_input


@strawberry.input(description="One event to record.")
class RecordEventInput:
    event: EventInput = strawberry.field(description="The event.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Events to record.")
class RecordEventsInput:
    events: list[EventInput] = strawberry.field(description=f"At most {MOST_EVENTS}.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="What became of an event.")
class RecordEventPayload:
    event_id: strawberry.Private[int | None]
    replayed: bool = strawberry.field(
        description="Whether it was recorded before: by the same idempotency key, or under the same source id."
    )
    dropped_keys: list[str] = strawberry.field(
        description="The keys of its metadata that were not kept since they name a person: paths such as `client.ip`.",
        directives=FEW,
    )
    user_errors: list[UserError] = strawberry.field(
        description="What was wrong with it; empty for success.", directives=FEW
    )

    @strawberry.field(description="The event as it is kept; null where nothing was written.")
    async def event(self, info: Info) -> TrackedEvent | None:
        return None if self.event_id is None else await TrackedEvent.from_key(info, self.event_id)

    @classmethod
    def from_recorded(cls, recorded: RecordedEvent, **more: int) -> Self:
        return cls(
            event_id=recorded.id,
            replayed=recorded.replayed,
            dropped_keys=list(recorded.dropped_keys),
            user_errors=user_errors_of(recorded.errors),
            **more,
        )


@strawberry.type(description="What became of one event of a batch.")
class RecordEventResult(RecordEventPayload):
    index: int = strawberry.field(description="Its place in the input, from 0.")


@strawberry.type(description="What became of a batch of events.")
class RecordEventsPayload:
    accepted: int = strawberry.field(description="How many were recorded now.")
    duplicates: int = strawberry.field(description="How many were recorded before.")
    results: list[RecordEventResult] = strawberry.field(
        description="For each event of the input, in its order; empty where the whole call was refused."
    )
    replayed: bool = strawberry.field(description="Whether the idempotency key was answered again.")
    user_errors: list[UserError] = strawberry.field(
        description="What was wrong with the whole call; then nothing was written.", directives=FEW
    )


@strawberry.type
class TrackedEventMutation:
    @strawberry.mutation(description="Records what happened on the platform. Needs INGEST.")
    async def record_event(
        self, info: Info, input: Annotated[RecordEventInput, strawberry.argument(description="The event.")]
    ) -> RecordEventPayload:
        sent = input.event.to_sent(("input", "event"))
        recorded = await resolve_record_events(info.context, "recordEvent", input.idempotency_key, [sent])
        item = recorded.items[0] if recorded.items else RecordedEvent(errors=recorded.errors)
        return RecordEventPayload.from_recorded(item)

    @strawberry.mutation(
        description=f"Records up to {MOST_EVENTS} events in one transaction, each good one. Needs INGEST.",
        directives=[one_for_each_of_input("events", MOST_EVENTS, "results")],
    )
    async def record_events(
        self, info: Info, input: Annotated[RecordEventsInput, strawberry.argument(description="The events.")]
    ) -> RecordEventsPayload:
        # One more than allowed is enough to be refused.
        sent = [
            event.to_sent(("input", "events", str(index)))
            for index, event in enumerate(input.events[: MOST_EVENTS + 1])
        ]
        recorded = await resolve_record_events(info.context, "recordEvents", input.idempotency_key, sent)
        written = [item for item in recorded.items if item.id is not None]
        return RecordEventsPayload(
            accepted=sum(not item.replayed for item in written),
            duplicates=sum(item.replayed for item in written),
            results=[RecordEventResult.from_recorded(item, index=index) for index, item in enumerate(recorded.items)],
            replayed=recorded.replayed,
            user_errors=user_errors_of(recorded.errors),
        )
