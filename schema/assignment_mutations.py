"""Giving labs to people, and moving deadlines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import strawberry

from resolvers.assignment_writes import (
    AssignmentDraft,
    ExtensionDraft,
    resolve_extend_deadline,
    resolve_save_assignment,
)
from resolvers.keyed_changes import Done
from resolvers.loaders.assignments import load_assignment_by_id
from resolvers.user_errors import Refused
from schema.assignments import Assignment
from schema.costs import FEW
from schema.relay import Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at, said
from schema.user_errors import UserError, user_errors_of


@strawberry.input(
    description="An assignment to make (labId, and userId or groupId) or to change (id). What is left out stays as it is."
)
class SaveAssignmentInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The one to change; without it a new one.")
    expected_revision: int | None = strawberry.field(
        default=None,
        description="The revision that the caller saw: another one gives CONFLICT. Without it whatever it is.",
    )
    lab_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="What is to be done; cannot change later.")
    user_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The person; cannot change later.")
    group_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The group; cannot change later.")
    due_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="The last instant that is on time; null takes the deadline away."
    )
    due_on: strawberry.Maybe[date | None] = strawberry.field(
        description="The last local day that is on time, up to its last microsecond; null takes the deadline away."
    )
    time_zone: strawberry.Maybe[str | None] = strawberry.field(
        description="IANA name of the zone of `dueOn`; by default the group's, else the organization's."
    )
    assigned_at: strawberry.Maybe[datetime] = strawberry.field(
        description="From when on it is to be done; now for a new one. Not after the deadline."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> AssignmentDraft:
        """Raises Refused."""
        values = said(self, "due_at", "due_on", "time_zone", "assigned_at")
        for name, kind, given in (
            ("lab_id", "Lab", self.lab_id),
            ("user_id", "User", self.user_id),
            ("group_id", "Group", self.group_id),
        ):
            if given is not None:
                values[name] = key_at(kind, given.value, ("input", f"{kind.lower()}Id"))
        key = None if self.id is None else key_at("Assignment", self.id, ("input", "id"))
        return AssignmentDraft(key, self.expected_revision, values)


@strawberry.input(description="Another deadline for one person.")
class ExtendDeadlineInput:
    assignment_id: strawberry.ID = strawberry.field(description="The assignment.")
    user_id: strawberry.ID = strawberry.field(
        description="Whom it was given to: the person, or somebody who was in the group since."
    )
    due_at: datetime = strawberry.field(description="The last instant that is on time for them.")
    reason: str | None = strawberry.field(default=None, description="Why; at most 1,000 characters.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> ExtensionDraft:
        """Raises Refused."""
        return ExtensionDraft(
            assignment_id=key_at("Assignment", self.assignment_id, ("input", "assignmentId")),
            user_id=key_at("User", self.user_id, ("input", "userId")),
            due_at=self.due_at,
            reason=self.reason,
        )


@strawberry.type(description="What became of an assignment.")
class SaveAssignmentPayload:
    assignment: Assignment | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of a deadline.")
class ExtendDeadlinePayload:
    assignment: Assignment | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class AssignmentMutation:
    @strawberry.mutation(
        description="Gives a lab to a person or group, or changes its deadline. Attempts that are completed keep the "
        "deadline that they were judged by (deadline rule AT_COMPLETION); for a person's own use extendDeadline. "
        "Needs MANAGE_ROSTER."
    )
    async def save_assignment(
        self, info: Info, input: Annotated[SaveAssignmentInput, strawberry.argument(description="What, for whom.")]
    ) -> SaveAssignmentPayload:
        try:
            done = await resolve_save_assignment(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return SaveAssignmentPayload(user_errors=user_errors_of(refused.errors))
        return SaveAssignmentPayload(assignment=await _assignment(info, done), replayed=done.replayed)

    @strawberry.mutation(
        description="Gives one person another deadline, in place of the assignment's. It also holds for attempts that they "
        "have completed: these are judged anew, with a revision each, and scores follow. Needs MANAGE_ROSTER."
    )
    async def extend_deadline(
        self, info: Info, input: Annotated[ExtendDeadlineInput, strawberry.argument(description="Whose, until when.")]
    ) -> ExtendDeadlinePayload:
        try:
            done = await resolve_extend_deadline(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return ExtendDeadlinePayload(user_errors=user_errors_of(refused.errors))
        return ExtendDeadlinePayload(assignment=await _assignment(info, done), replayed=done.replayed)


async def _assignment(info: Info, done: Done) -> Assignment | None:
    row = await info.context.load(load_assignment_by_id, done.ids[0])
    return Assignment.from_row(row) if row else None
