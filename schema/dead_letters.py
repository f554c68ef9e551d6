"""Events that could not be taken, and having them tried again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

import orjson
import strawberry

from db.queries.dead_letters import OLDEST_FIRST, LetterFilter, LetterStatus, SeenLetter
from execution.columns import column
from resolvers.dead_letters import MOST_AT_ONCE, resolve_dead_letter, resolve_replay_dead_letters
from resolvers.loaders.dead_letters import load_dead_letter_by_id
from resolvers.user_errors import Refused
from schema.costs import FEW, one_for_each_of_input
from schema.enums import describe_enum
from schema.relay import Info, Node, node_id
from schema.roster import USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at
from schema.scalars import JSON
from schema.user_errors import UserError, user_errors_of

ORDER = "dead_letters:OLDEST"
TYPES = (int,)
assert len(TYPES) == len(OLDEST_FIRST)

describe_enum(
    LetterStatus,
    "DeadLetterStatus",
    "Where an event is that could not be taken when it came.",
    {
        "WAITING": "It is tried again, five times in all, or waits behind an earlier one of the same person.",
        "DEAD": "It is not tried any more, until somebody replays it.",
        "TAKEN": "It had its effect after all; forgotten after 30 days.",
    },
)


@strawberry.type(description="An event that could not be taken when it came. For those who may OPERATE.")
class DeadLetter(Node):
    row: strawberry.Private[SeenLetter]
    id: strawberry.ID = node_id("DeadLetter")
    origin: str = column("topic", description="The topic or stream that brought it.")
    event_type: str | None = column("event_type", description="What it tells of, where that could be read.")
    event_id: str | None = column("event_id", description="Its id, as its producer gave it.")
    status: LetterStatus = column(lambda status: LetterStatus(status), description="Where it is.")
    code: str = column(
        "code", description="A stable name for what is wrong: DATA, ENVELOPE, SCHEMA_VERSION, USERNAME, OTHER_PERSON, …"
    )
    error: str = column("message", description="What is wrong, without any value of the event.")
    tries: int = column("tries", description="How often it was tried since it came, or since it was last replayed.")
    received_at: datetime = column("received_at", description="When it came.")
    next_try_at: datetime | None = column(
        "next_try_at", description="When it is tried again; null where it waits for nothing."
    )
    failed_at: datetime | None = column("failed_at", description="Since when it is dead; null where it is not.")
    payload: JSON | None = column(
        lambda payload: _as_json(payload),
        description="The event as it came. Null once it is taken, and where it is no JSON.",
    )

    @classmethod
    def from_row(cls, row: SeenLetter) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_dead_letter(info.context, key))


def _as_json(payload: bytes | None) -> JSON | None:
    try:
        return None if payload is None else JSON(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return None


@strawberry.input(description="Which dead letters. What is left out does not matter.")
class DeadLetterFilter:
    status: LetterStatus | None = strawberry.field(default=None, description="Where they are.")
    origin: str | None = strawberry.field(default=None, description="The topic or stream that brought them.")
    code: str | None = strawberry.field(default=None, description="What is wrong with them.")

    def to_filter(self) -> LetterFilter:
        return LetterFilter(None if self.status is None else self.status.value, self.origin, self.code)


@strawberry.input(description="Which dead letters to try again.")
class ReplayDeadLettersInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"These, {MOST_AT_ONCE} at most; without them the filter says which."
    )
    filter: DeadLetterFilter | None = strawberry.field(
        default=None,
        description=f"The {MOST_AT_ONCE} oldest dead ones that match; without ids and a filter, of all.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_keys(self) -> list[int] | None:
        """Raises Refused."""
        if self.ids is None:
            return None
        return [key_at("DeadLetter", value, ("input", "ids", str(position))) for position, value in enumerate(self.ids)]


@strawberry.type(
    description="What became of the call. Workers try the events in a moment, each person's in their order."
)
class ReplayDeadLettersPayload:
    dead_letters: list[DeadLetter] = strawberry.field(
        default_factory=list,
        description="Those that are tried again, as they are now. Ask for them again by id to see what became of them.",
    )
    replayed: int = strawberry.field(default=0, description="How many are tried again.")
    failed: int = strawberry.field(default=0, description="How many of the ids are of none that was dead here.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class DeadLetterMutation:
    @strawberry.mutation(
        description="Has dead letters tried again, once what kept them is mended. Needs OPERATE.",
        directives=[one_for_each_of_input("ids", MOST_AT_ONCE, "deadLetters")],
    )
    async def replay_dead_letters(
        self, info: Info, input: Annotated[ReplayDeadLettersInput, strawberry.argument(description="Which.")]
    ) -> ReplayDeadLettersPayload:
        try:
            keys = input.to_keys()
            wanted = None if input.filter is None else input.filter.to_filter()
            done = await resolve_replay_dead_letters(info.context, keys, wanted, input.idempotency_key)
        except Refused as refused:
            return ReplayDeadLettersPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_dead_letter_by_id, done.ids)
        return ReplayDeadLettersPayload(
            # One that was taken long ago may be forgotten.
            dead_letters=[DeadLetter.from_row(row) for row in rows if row is not None],
            replayed=len(done.ids),
            failed=len(set(keys or ()) - set(done.ids)),
        )
