"""What is wrong with an attempt that was sent, said in the names of the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from db.attempt_drafts import AttemptDraft
from db.attempt_recording import NotKnown, OtherContent, OtherLab, OtherPerson, Outcome
from db.attempt_sameness import draft_as_json
from db.problems import Problem
from resolvers.argument_names import argument_name
from resolvers.user_errors import (
    ConflictError,
    IdempotencyMismatchError,
    NotFoundError,
    Path,
    UserError,
    ValidationError,
)

# Where a field of a draft or a column stands in an input, if not under its own name.
FIELD_PATHS: dict[str, Path] = {
    "duration_seconds": ("completionTimeSeconds",),
    "memory_mib": ("resources", "memoryMib"),
    "cpu_percent": ("resources", "cpuPercent"),
}


def field_path(field: str) -> Path:
    """The path of a field in its input."""
    return FIELD_PATHS.get(field) or (argument_name(field),)


def problem_errors(problems: Iterable[Problem], path: Path) -> tuple[UserError, ...]:
    return tuple(
        ValidationError(problem.message, (*path, *field_path(problem.field)), problem.rule) for problem in problems
    )


def outcome_error(outcome: Outcome, draft: AttemptDraft, path: Path) -> UserError | None:
    """Why an attempt was not recorded; None where it was, or is parked."""
    match outcome:
        case NotKnown(what="user"):
            return unknown_user(draft, path)
        case NotKnown(what="lab"):
            return unknown_lab(draft, path)
        case NotKnown():
            return NotFoundError("There is no such assignment.", (*path, "assignmentId"))
        case OtherLab():
            return ValidationError("The assignment is for another lab.", (*path, "assignmentId"), "CONSISTENCY")
        case OtherPerson():
            return ConflictError("This source id stands for another person's attempt.", (*path, "sourceId"))
        case OtherContent(difference=difference):
            first, *rest = difference
            return IdempotencyMismatchError(
                "This source id stands for an attempt with other content.",
                (*path, "sourceId"),
                (*path, *field_path(first), *rest),
            )
    return None


def unknown_user(draft: AttemptDraft, path: Path) -> NotFoundError:
    return NotFoundError("There is no such user.", (*path, "userExternalId" if draft.user_id is None else "userId"))


def unknown_lab(draft: AttemptDraft, path: Path) -> NotFoundError:
    return NotFoundError("There is no such lab.", (*path, "labType" if draft.lab_id is None else "labId"))


def draft_body(draft: AttemptDraft) -> dict[str, Any]:
    """What was sent, in the names of the input, for comparing it with what is sent another time."""
    said = draft_as_json(draft)
    for name in ("user_id", "user_external_id", "lab_id", "lab_type"):
        value = getattr(draft, name)
        if value is not None:
            said[name] = value
    body: dict[str, Any] = {}
    for name, value in said.items():
        *parents, last = field_path(name)
        place = body
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return body
