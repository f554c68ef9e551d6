"""Recording, changing, deleting and restoring attempts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Self

import strawberry

from resolvers.edit_attempts import (
    EditCall,
    EditedAttempt,
    resolve_delete_attempt,
    resolve_restore_attempt,
    resolve_update_attempt,
)
from resolvers.errors import Invalid, NotFound
from resolvers.record_attempts import (
    MOST_ATTEMPTS,
    RecordCall,
    RecordedAttempt,
    SentAttempt,
    resolve_record_attempts,
)
from resolvers.scores import resolve_performance
from resolvers.user_errors import Path, Refused, user_error_of
from schema.attempt_inputs import AttemptInput, AttemptPatch
from schema.attempts import Attempt
from schema.costs import FEW, one_for_each_of_input
from schema.relay import Info, key_of
from schema.scores import UserPerformance
from schema.texts import checked_text
from schema.user_errors import UserError, user_errors_of

IDEMPOTENCY = (
    "Of the caller's choosing, 1 to 200 characters: the same key with the same body is answered again, not done again."
)
LONGEST_REASON = 1000


@strawberry.input(description="One attempt to record.")
class RecordAttemptInput:
    attempt: AttemptInput = strawberry.field(description="The attempt.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)


@strawberry.input(description="Attempts to record.")
class RecordAttemptsInput:
    attempts: list[AttemptInput] = strawberry.field(description=f"At most {MOST_ATTEMPTS}.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)
    atomic: bool = strawberry.field(default=False, description="Record all or none; by default each good one.")


@strawberry.input(description="How to change an attempt.")
class UpdateAttemptInput:
    id: strawberry.ID = strawberry.field(description="Which one.")
    patch: AttemptPatch = strawberry.field(description="What to change.")
    expected_revision: int | None = strawberry.field(
        default=None, description="The revision that the caller saw: any other is a CONFLICT."
    )
    reason: str | None = strawberry.field(default=None, description="Why, for the history; at most 1000 characters.")


@strawberry.input(description="Which attempt to delete.")
class DeleteAttemptInput:
    id: strawberry.ID = strawberry.field(description="Which one.")
    expected_revision: int | None = strawberry.field(
        default=None, description="The revision that the caller saw: any other is a CONFLICT."
    )
    reason: str | None = strawberry.field(default=None, description="Why, for the history; at most 1000 characters.")


@strawberry.input(description="Which attempt to restore.")
class RestoreAttemptInput:
    id: strawberry.ID = strawberry.field(description="Which one.")
    expected_revision: int | None = strawberry.field(
        default=None, description="The revision that the caller saw: any other is a CONFLICT."
    )
    reason: str | None = strawberry.field(default=None, description="Why, for the history; at most 1000 characters.")


@strawberry.type
class AttemptOutcome:
    """An attempt after a mutation, and what it did to the person's score."""

    attempt_id: strawberry.Private[int | None]
    user_id: strawberry.Private[int | None]
    user_errors: list[UserError] = strawberry.field(
        description="What was wrong with the input; empty for success.", directives=FEW
    )

    @strawberry.field(description="The attempt as it is now; null where nothing was written.")
    async def attempt(self, info: Info) -> Attempt | None:
        return None if self.attempt_id is None else await Attempt.from_key(info, self.attempt_id)

    @strawberry.field(description="The person's performance with this change in it; null where nothing was written.")
    async def performance(self, info: Info) -> UserPerformance | None:
        if self.user_id is None:
            return None
        return UserPerformance.from_scored(await resolve_performance(info.context, self.user_id, None))


@strawberry.type(description="What became of an attempt.")
class RecordAttemptPayload(AttemptOutcome):
    replayed: bool = strawberry.field(
        description="Whether it was recorded before: by the same idempotency key, or under the same source and source id."
    )
    parked: bool = strawberry.field(
        description="Whether it waits for its person or lab to be known (user-progress mode defer); recorded by itself then."
    )

    @classmethod
    def from_recorded(cls, recorded: RecordedAttempt, **more: int) -> Self:
        return cls(
            attempt_id=recorded.written.attempt_id if recorded.written else None,
            user_id=recorded.written.user_id if recorded.written else None,
            user_errors=user_errors_of(recorded.errors),
            replayed=recorded.replayed,
            parked=recorded.parked,
            **more,
        )


@strawberry.type(description="What became of one attempt of a batch.")
class RecordAttemptResult(RecordAttemptPayload):
    index: int = strawberry.field(description="Its place in the input, from 0.")


@strawberry.type(description="What became of a batch of attempts.")
class RecordAttemptsPayload:
    results: list[RecordAttemptResult] = strawberry.field(
        description="For each attempt of the input, in its order; empty where the whole call was refused."
    )
    replayed: bool = strawberry.field(description="Whether the idempotency key was answered again.")
    user_errors: list[UserError] = strawberry.field(
        description="Why nothing at all was written: about the whole call, or, if it is atomic, about any of its attempts.",
        directives=FEW,
    )


@strawberry.type
class EditedOutcome(AttemptOutcome):
    @classmethod
    def from_edited(cls, edited: EditedAttempt) -> Self:
        return cls(
            attempt_id=edited.written.id if edited.written else None,
            user_id=edited.written.user_id if edited.written else None,
            user_errors=user_errors_of(edited.errors),
        )


@strawberry.type(description="An attempt after a change.")
class UpdateAttemptPayload(EditedOutcome):
    pass


@strawberry.type(description="An attempt after it was deleted.")
class DeleteAttemptPayload(EditedOutcome):
    pass


@strawberry.type(description="An attempt after it was restored.")
class RestoreAttemptPayload(EditedOutcome):
    pass


@strawberry.type
class AttemptMutation:
    @strawberry.mutation(description="Records an attempt. Needs INGEST.")
    async def record_attempt(
        self, info: Info, input: Annotated[RecordAttemptInput, strawberry.argument(description="The attempt.")]
    ) -> RecordAttemptPayload:
        sent = _sent(input.attempt, ("input", "attempt"))
        batch = await resolve_record_attempts(
            info.context, RecordCall("recordAttempt", input.idempotency_key, [sent], atomic=False)
        )
        recorded = batch.items[0] if batch.items else RecordedAttempt(errors=batch.errors)
        return RecordAttemptPayload.from_recorded(recorded)

    @strawberry.mutation(
        description=f"Records up to {MOST_ATTEMPTS} attempts in one transaction. Needs INGEST.",
        directives=[one_for_each_of_input("attempts", MOST_ATTEMPTS, "results")],
    )
    async def record_attempts(
        self, info: Info, input: Annotated[RecordAttemptsInput, strawberry.argument(description="The attempts.")]
    ) -> RecordAttemptsPayload:
        sent = [
            _sent(attempt, ("input", "attempts", str(index)))
            # One more than allowed is enough to be refused.
            for index, attempt in enumerate(input.attempts[: MOST_ATTEMPTS + 1])
        ]
        batch = await resolve_record_attempts(
            info.context, RecordCall("recordAttempts", input.idempotency_key, sent, input.atomic)
        )
        return RecordAttemptsPayload(
            results=[RecordAttemptResult.from_recorded(item, index=index) for index, item in enumerate(batch.items)],
            replayed=batch.replayed,
            user_errors=user_errors_of(batch.errors),
        )

    @strawberry.mutation(
        description="Changes what an attempt says; what it was stays in its revisions. Needs EDIT_ATTEMPTS."
    )
    async def update_attempt(
        self, info: Info, input: Annotated[UpdateAttemptInput, strawberry.argument(description="What to change.")]
    ) -> UpdateAttemptPayload:
        async def update(call: EditCall) -> EditedAttempt:
            return await resolve_update_attempt(info.context, call, input.patch.to_changes())

        return UpdateAttemptPayload.from_edited(await _edited(input, update))

    @strawberry.mutation(description="Takes an attempt out of every measure; it can be restored. Needs EDIT_ATTEMPTS.")
    async def delete_attempt(
        self, info: Info, input: Annotated[DeleteAttemptInput, strawberry.argument(description="Which attempt.")]
    ) -> DeleteAttemptPayload:
        edited = await _edited(input, partial(resolve_delete_attempt, info.context))
        return DeleteAttemptPayload.from_edited(edited)

    @strawberry.mutation(
        description="Puts a deleted attempt back: every measure is as if it had never been deleted. Needs EDIT_ATTEMPTS."
    )
    async def restore_attempt(
        self, info: Info, input: Annotated[RestoreAttemptInput, strawberry.argument(description="Which attempt.")]
    ) -> RestoreAttemptPayload:
        edited = await _edited(input, partial(resolve_restore_attempt, info.context))
        return RestoreAttemptPayload.from_edited(edited)


def _sent(attempt: AttemptInput, path: Path) -> SentAttempt:
    try:
        return SentAttempt(attempt.to_draft(path), path)
    except Refused as refused:
        return SentAttempt(refused.errors[0], path)


async def _edited(
    input: UpdateAttemptInput | DeleteAttemptInput | RestoreAttemptInput,
    edit: Callable[[EditCall], Awaitable[EditedAttempt]],
) -> EditedAttempt:
    try:
        key = key_of("Attempt", input.id, "input.id")
        reason = checked_text(input.reason, "input.reason", longest=LONGEST_REASON)
        return await edit(EditCall(key, input.expected_revision, reason))
    except Refused as refused:
        return EditedAttempt(errors=refused.errors)
    except (Invalid, NotFound) as error:
        return EditedAttempt(errors=(user_error_of(error, ("input", "id")),))
