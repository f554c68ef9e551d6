"""What an attempt is after a patch. Absent stays, null takes away, and what followed from something follows it again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from db.attempt_drafts import SUCCESS_OF_STATUS, AttemptDraft
from db.queries.attempts import AttemptRow

COPIED = (
    "started_at", "completed_at", "due_at", "score", "accuracy", "hints_used", "errors", "memory_mib", "cpu_percent",
    "skill_match", "difficulty", "metadata", "assignment_id",
)  # fmt: skip
STORED = ("status", *COPIED)


def patched(row: AttemptRow, changes: dict[str, Any]) -> AttemptDraft:
    """The attempt with the changes; its status is left open where it is to follow from success and completion."""
    draft = AttemptDraft(user_id=row.user_id, lab_id=row.lab_id, source=row.source, source_id=row.source_id)
    for name in COPIED:
        setattr(draft, name, changes.get(name, getattr(row, name)))
    if "completion_time_seconds" in changes:
        draft.completion_time_seconds = changes["completion_time_seconds"]
    elif not _duration_follows(row):
        draft.completion_time_seconds = row.duration_seconds
    draft.success = changes.get("success")
    draft.status = _status(row, changes)
    return draft


def stored(draft: AttemptDraft, changes: dict[str, Any]) -> dict[str, Any]:
    """The columns of a patched attempt."""
    columns = {name: _exact(getattr(draft, name)) for name in STORED}
    cleared = "completion_time_seconds" in changes and changes["completion_time_seconds"] is None
    columns["duration_seconds"] = None if cleared else _exact(draft.duration_seconds)
    return columns


def asks_for_assignment(row: AttemptRow, draft: AttemptDraft, changes: dict[str, Any]) -> bool:
    """Whether an assignment is to be looked up: the one that was named, or the one that applies at a completion."""
    if "assignment_id" in changes:
        return draft.assignment_id is not None
    completes = row.completed_at is None and draft.completed_at is not None
    return completes and "due_at" not in changes and (row.assignment_id is not None or row.due_at is None)


def _status(row: AttemptRow, changes: dict[str, Any]) -> str | None:
    if "status" in changes:
        status: str | None = changes["status"]
        return status
    if "success" in changes:
        # An abandoned attempt without success stays one.
        same = changes["success"] is not None and changes["success"] is SUCCESS_OF_STATUS[row.status]
        return row.status if same else None
    if "completed_at" in changes and changes["completed_at"] is None:
        return "STARTED"
    if changes.get("completed_at") is not None and row.status == "STARTED":
        return None
    return row.status


def _duration_follows(row: AttemptRow) -> bool:
    """Whether the duration is the time from start to completion."""
    if row.started_at is None or row.completed_at is None or row.duration_seconds is None:
        return row.duration_seconds is None and (row.started_at is None or row.completed_at is None)
    return abs(float(row.duration_seconds) - (row.completed_at - row.started_at).total_seconds()) < 0.001


def _exact(value: Any) -> Any:
    # By its shortest decimal, as it was sent.
    return Decimal(repr(value)) if isinstance(value, float) else value
