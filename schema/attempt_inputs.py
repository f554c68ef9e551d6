"""What mutations of attempts take, translated into drafts and changes that know no GraphQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext
from strawberry.utils.str_converters import to_camel_case

from db.attempt_drafts import AttemptDraft
from resolvers.errors import ClientError
from resolvers.user_errors import Path, Refused, user_error_of
from schema.attempt_enums import AttemptSource, AttemptStatus
from schema.relay import key_of
from schema.scalars import JSON


@strawberry.input(description="What an attempt used of the machine.")
class ResourceUsageInput:
    memory_mib: float | None = strawberry.field(default=None, description="Memory in MiB, 0 or more.")
    cpu_percent: float | None = strawberry.field(default=None, description="CPU in percent of one core, 0 or more.")


@strawberry.input(description="An attempt to record. Name the person and the lab in one way each.")
class AttemptInput:
    user_id: strawberry.ID | None = strawberry.field(default=None, description="The person, by id in this graph.")
    user_external_id: str | None = strawberry.field(default=None, description="The person, by id in the source system.")
    lab_id: strawberry.ID | None = strawberry.field(default=None, description="The lab, by id in this graph.")
    lab_type: str | None = strawberry.field(default=None, description="The lab, by its type in the source system.")
    assignment_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The assignment that it belongs to; by default the one that applies: the person's own before their "
        "group's, then the latest.",
    )
    status: AttemptStatus | None = strawberry.field(
        default=None,
        description="By default SUCCEEDED or FAILED as `success` says; STARTED without `success` and `completedAt`.",
    )
    success: bool | None = strawberry.field(default=None, description="Whether it succeeded; follows from `status`.")
    started_at: datetime | None = strawberry.field(default=None, description="When it was started.")
    completed_at: datetime | None = strawberry.field(
        default=None, description="When it was handed in; at most 5 minutes in the future. Any age is accepted."
    )
    due_at: datetime | None = strawberry.field(
        default=None, description="The deadline; by default the assignment's, or the person's extension of it."
    )
    completion_time_seconds: float | None = strawberry.field(
        default=None, description="How long it took, in seconds; by default from start to completion."
    )
    score: float | None = strawberry.field(default=None, description="Score 0–100.")
    accuracy: float | None = strawberry.field(default=None, description="Accuracy 0–1.")
    hints_used: int | None = strawberry.field(default=None, description="How many hints were used.")
    errors: list[str] | None = strawberry.field(
        default=None, description="Error codes, each as often as it happened; at most 100."
    )
    resources: ResourceUsageInput | None = strawberry.field(default=None, description="What it used of the machine.")
    skill_match: float | None = strawberry.field(
        default=None, description="How well the lab matched the person's skills, 0–1."
    )
    difficulty: float | None = strawberry.field(default=None, description="Difficulty 0–10; by default the lab's.")
    source: AttemptSource = strawberry.field(default=AttemptSource.API, description="Which way it came in.")
    source_id: str | None = strawberry.field(
        default=None,
        description="Its id in the source, unique for ever with the source: sent again it is not recorded again.",
    )
    metadata: JSON | None = strawberry.field(
        default=None, description="Free-form data: at most 16 KiB of JSON, eight levels deep."
    )

    def to_draft(self, path: Path) -> AttemptDraft:
        """``path`` is where the attempt stands in the input. Raises Refused for ids that are none or of another type."""
        resources = self.resources
        return AttemptDraft(
            user_id=None if self.user_id is None else _key("User", self.user_id, path, "userId"),
            user_external_id=self.user_external_id,
            lab_id=None if self.lab_id is None else _key("Lab", self.lab_id, path, "labId"),
            lab_type=self.lab_type,
            assignment_id=None
            if self.assignment_id is None
            else _key("Assignment", self.assignment_id, path, "assignmentId"),
            status=None if self.status is None else self.status.value,
            success=self.success,
            started_at=self.started_at,
            completed_at=self.completed_at,
            due_at=self.due_at,
            completion_time_seconds=self.completion_time_seconds,
            score=self.score,
            accuracy=self.accuracy,
            hints_used=self.hints_used,
            errors=self.errors or [],
            memory_mib=None if resources is None else resources.memory_mib,
            cpu_percent=None if resources is None else resources.cpu_percent,
            skill_match=self.skill_match,
            difficulty=self.difficulty,
            source=self.source.value,
            source_id=self.source_id,
            metadata=self.metadata,
        )


# Strawberry's own conversion of an input costs 0.4 ms, which is most of a batch's time: values of leaf types are converted
# already when they come here, so that they only have to be named.
_NAMES = {
    to_camel_case(field.python_name): field.python_name
    for field in get_object_definition(AttemptInput, strict=True).fields
}


def _attempt_input(cls: type, given: Mapping[str, Any], context: InputContext) -> AttemptInput:
    values = {_NAMES[name]: value for name, value in given.items()}
    if (usage := values.get("resources")) is not None:
        values["resources"] = context.convert(usage, ResourceUsageInput, "resources")
    return AttemptInput(**values)


get_object_definition(AttemptInput, strict=True).from_input = _attempt_input


@strawberry.input(
    description="What to change of an attempt. What is absent stays; null takes a value away. Person, lab and source never change."
)
class AttemptPatch:
    assignment_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The assignment that it belongs to; the deadline follows unless `dueAt` is given."
    )
    status: strawberry.Maybe[AttemptStatus | None] = strawberry.field(
        description="How far it came; null derives it from `success` and `completedAt`."
    )
    success: strawberry.Maybe[bool | None] = strawberry.field(description="Whether it succeeded; the status follows.")
    started_at: strawberry.Maybe[datetime | None] = strawberry.field(description="When it was started.")
    completed_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When it was handed in; null puts it under way again."
    )
    due_at: strawberry.Maybe[datetime | None] = strawberry.field(description="The deadline; null for none.")
    completion_time_seconds: strawberry.Maybe[float | None] = strawberry.field(
        description="How long it took, in seconds. One that followed from start and completion follows them again."
    )
    score: strawberry.Maybe[float | None] = strawberry.field(description="Score 0–100.")
    accuracy: strawberry.Maybe[float | None] = strawberry.field(description="Accuracy 0–1.")
    hints_used: strawberry.Maybe[int | None] = strawberry.field(description="How many hints were used.")
    errors: strawberry.Maybe[list[str] | None] = strawberry.field(
        description="Error codes, each as often as it happened; replaces all; at most 100."
    )
    resources: strawberry.Maybe[ResourceUsageInput | None] = strawberry.field(
        description="What it used of the machine; replaces both values."
    )
    skill_match: strawberry.Maybe[float | None] = strawberry.field(
        description="How well the lab matched the person's skills, 0–1."
    )
    difficulty: strawberry.Maybe[float | None] = strawberry.field(description="Difficulty 0–10.")
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(
        description="Free-form data; replaces all of it: at most 16 KiB of JSON, eight levels deep."
    )

    def to_changes(self) -> dict[str, Any]:
        """New values by field of a draft; only what was given. Raises Refused for an assignment id that is none."""
        changes = {name: given.value for name in PATCHED if (given := getattr(self, name)) is not None}
        if self.assignment_id is not None and self.assignment_id.value is not None:
            changes["assignment_id"] = _key("Assignment", self.assignment_id.value, ("input", "patch"), "assignmentId")
        if changes.get("status") is not None:
            changes["status"] = changes["status"].value
        if "errors" in changes:
            changes["errors"] = changes["errors"] or []
        if self.resources is not None:
            usage = self.resources.value or ResourceUsageInput()
            changes |= {"memory_mib": usage.memory_mib, "cpu_percent": usage.cpu_percent}
        return changes


PATCHED = (
    "assignment_id", "status", "success", "started_at", "completed_at", "due_at", "completion_time_seconds", "score", "accuracy",
    "hints_used", "errors", "skill_match", "difficulty", "metadata",
)  # fmt: skip


def _key(kind: str, value: str, path: Path, field: str) -> int:
    try:
        return key_of(kind, value, ".".join((*path, field)))
    except ClientError as error:
        raise Refused(user_error_of(error, (*path, field))) from error
