"""Giving labs to people, and moving deadlines.

An attempt takes its deadline along when it is completed (deadline rule AT_COMPLETION), so moving an assignment's deadline
leaves completed attempts as they were judged. An extension is for one person and is meant to change that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import EARLIEST, LATEST_DEADLINE
from db.entering import Viewer
from db.queries.assignment_writes import (
    extend_deadline,
    get_assignment_context,
    insert_assignment,
    is_assignee,
    lock_assignment,
    move_deadlines,
    update_assignment,
)
from db.queries.assignments import AssignmentRow
from db.queries.attempt_writes import lock_people
from db.queries.membership_writes import has_user
from resolvers.argument_names import argument_name
from resolvers.context import Context
from resolvers.keyed_changes import Done
from resolvers.periods import ONE_DAY, PeriodError, find_zone, start_of_day
from resolvers.roster import change_roster
from resolvers.roster_checks import deadline_problem, reason_problem
from resolvers.user_errors import ConflictError, NotFoundError, Refused, ValidationError

LAST_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class AssignmentDraft:
    """``key`` None: a new one. ``said`` is what was said of it: lab_id, user_id, group_id, assigned_at, due_at, due_on (a
    date), time_zone.
    """

    key: int | None
    expected_revision: int | None
    said: dict[str, Any] = field(default_factory=dict)

    def checked_body(self) -> dict[str, Any]:
        """What was said, by argument. Raises Refused."""
        _refuse_nonsense(self)
        body = {argument_name(name): value for name, value in self.said.items()}
        return {"id": self.key, "expectedRevision": self.expected_revision, **body}


@dataclass(frozen=True, slots=True)
class ExtensionDraft:
    """Another deadline of an assignment, for one person."""

    assignment_id: int
    user_id: int
    due_at: datetime
    reason: str | None

    def checked_body(self) -> dict[str, Any]:
        """What was said, by argument. Raises Refused."""
        problem = deadline_problem("due_at", self.due_at) or (reason_problem(self.reason) if self.reason else None)
        if problem is not None:
            raise Refused(ValidationError(problem.message, ("input", argument_name(problem.field)), problem.rule))
        return {
            "assignmentId": self.assignment_id,
            "userId": self.user_id,
            "dueAt": self.due_at,
            "reason": self.reason,
        }


async def resolve_save_assignment(context: Context, draft: AssignmentDraft, key: str | None) -> Done:
    """Makes or changes an assignment. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        before = await _locked(connection, viewer, draft)
        said = draft.said
        lab_id, user_id, group_id = _parties(draft, before)
        zone = await _default_zone(connection, viewer, lab_id, user_id, group_id)
        assigned_at = said.get("assigned_at") or (before.assigned_at if before else datetime.now(UTC))
        due_at = before.due_at if before else None
        if "due_at" in said:
            due_at = said["due_at"]
        elif "due_on" in said:
            due_at = None
            if said["due_on"] is not None:
                due_at = end_of_day(said["due_on"], said.get("time_zone") or zone)
        if due_at is not None and due_at < assigned_at:
            message = "The deadline is before the lab is assigned. For one that was assigned earlier give assignedAt."
            raise Refused(ValidationError(message, ("input", _deadline_argument(said)), "CONSISTENCY"))
        if before is None:
            assignment_id = await insert_assignment(
                connection,
                organization_id=viewer.organization_id,
                lab_id=lab_id,
                user_id=user_id,
                group_id=group_id,
                assigned_at=assigned_at,
                due_at=due_at,
            )
        else:
            assignment_id = before.id
            if (assigned_at, due_at) == (before.assigned_at, before.due_at):
                return [assignment_id]
            await update_assignment(connection, assignment_id, assigned_at, due_at)
        return [assignment_id]

    return await change_roster(context, "saveAssignment", key, draft.checked_body, work)


async def resolve_extend_deadline(context: Context, draft: ExtensionDraft, key: str | None) -> Done:
    """Replaces a person's deadline, also for attempts that are completed. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        # Who records attempts locks people likewise.
        await lock_people(connection, viewer.organization_id, [draft.user_id])
        assignment = await lock_assignment(connection, viewer.organization_id, draft.assignment_id)
        if assignment is None:
            raise Refused(NotFoundError("There is no such assignment.", ("input", "assignmentId")))
        if not await has_user(connection, viewer.organization_id, draft.user_id):
            raise Refused(NotFoundError("There is no such user.", ("input", "userId")))
        if not await is_assignee(connection, assignment, draft.user_id):
            message = "The assignment was not given to this person."
            raise Refused(ValidationError(message, ("input", "userId"), "CONSISTENCY"))
        if draft.due_at < assignment.assigned_at:
            message = "The deadline is before the lab was assigned."
            raise Refused(ValidationError(message, ("input", "dueAt"), "CONSISTENCY"))
        await extend_deadline(connection, assignment, draft.user_id, draft.due_at, draft.reason, viewer.user_id)
        await move_deadlines(
            connection,
            assignment.id,
            draft.user_id,
            draft.due_at,
            viewer.user_id,
            draft.reason or "The deadline was extended.",
        )
        return [assignment.id]

    return await change_roster(context, "extendDeadline", key, draft.checked_body, work)


def end_of_day(day: date, zone: str) -> datetime:
    """The last microsecond before the next local midnight (M5). Raises Refused for a day that cannot be meant."""
    if not EARLIEST.date() <= day < LATEST_DEADLINE.date():
        raise Refused(ValidationError("The day lies within the years 1970 to 2199.", ("input", "dueOn"), "TIME"))
    place = find_zone(zone)
    end = start_of_day(day + ONE_DAY, place)
    if start_of_day(day, place) == end:
        raise Refused(ValidationError(f"{day} did not happen in {zone}.", ("input", "dueOn"), "TIME"))
    return end - LAST_MICROSECOND


def _refuse_nonsense(draft: AssignmentDraft) -> None:
    said = draft.said
    errors = []
    if "due_at" in said and "due_on" in said:
        errors.append(ValidationError("Give dueAt or dueOn, not both.", ("input", "dueOn"), "EXACTLY_ONE"))
    if said.get("time_zone") is not None:
        try:
            find_zone(said["time_zone"])
        except PeriodError as error:
            errors.append(ValidationError(str(error), ("input", "timeZone"), "FORMAT"))
        if said.get("due_on") is None:
            message = "A time zone says where the day of dueOn ends; dueAt has its own."
            errors.append(ValidationError(message, ("input", "timeZone"), "CONSISTENCY"))
    for name in ("due_at", "assigned_at"):
        if said.get(name) is not None and (problem := deadline_problem(name, said[name])):
            errors.append(ValidationError(problem.message, ("input", argument_name(name)), problem.rule))
    if draft.key is None:
        if "lab_id" not in said:
            errors.append(ValidationError("A new assignment needs its labId.", ("input", "labId"), "REQUIRED"))
        if ("user_id" in said) == ("group_id" in said):
            errors.append(ValidationError("Give userId or groupId, exactly one.", ("input", "userId"), "EXACTLY_ONE"))
        if draft.expected_revision is not None:
            message = "A new assignment has no revision yet; to change one give its id."
            errors.append(ValidationError(message, ("input", "expectedRevision"), "CONSISTENCY"))
    if errors:
        raise Refused(*errors)


async def _locked(connection: AsyncConnection, viewer: Viewer, draft: AssignmentDraft) -> AssignmentRow | None:
    """The assignment to change; None for a new one."""
    if draft.key is None:
        return None
    before = await lock_assignment(connection, viewer.organization_id, draft.key)
    if before is None:
        raise Refused(NotFoundError("There is no such assignment.", ("input", "id")))
    if draft.expected_revision not in (None, before.revision):
        message = "The assignment was changed meanwhile."
        raise Refused(ConflictError(message, ("input", "expectedRevision"), before.revision))
    return before


def _parties(draft: AssignmentDraft, before: AssignmentRow | None) -> tuple[int, int | None, int | None]:
    """Which lab, and for whom: said once, and the same from then on, since attempts refer to it."""
    said = draft.said
    if before is None:
        return said["lab_id"], said.get("user_id"), said.get("group_id")
    for name in ("lab_id", "user_id", "group_id"):
        if name in said and said[name] != getattr(before, name):
            message = "An assignment keeps its lab and whom it was given to; make another one."
            raise Refused(ValidationError(message, ("input", argument_name(name)), "CONSISTENCY"))
    return before.lab_id, before.user_id, before.group_id


async def _default_zone(
    connection: AsyncConnection, viewer: Viewer, lab_id: int, user_id: int | None, group_id: int | None
) -> str:
    """The zone of the group, else of the organization. Refuses a lab, person or group that is not there."""
    found = await get_assignment_context(connection, viewer.organization_id, lab_id, user_id, group_id)
    errors = []
    if not found.has_lab:
        errors.append(NotFoundError("There is no such lab.", ("input", "labId")))
    if user_id is not None and not found.has_user:
        errors.append(NotFoundError("There is no such user.", ("input", "userId")))
    if group_id is not None and not found.has_group:
        errors.append(NotFoundError("There is no such group.", ("input", "groupId")))
    if errors:
        raise Refused(*errors)
    return str(found.time_zone)


def _deadline_argument(said: dict[str, Any]) -> str:
    return next((argument_name(name) for name in ("due_at", "due_on") if name in said), "assignedAt")
