"""Whether an attempt that comes again says what it said before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.attempt_drafts import AttemptDraft
from db.difference import first_difference

# Columns keep this many decimals; closer than half of the last one is the same number.
DECIMALS = {
    "duration_seconds": 3,
    "score": 4,
    "accuracy": 6,
    "skill_match": 6,
    "difficulty": 4,
    "memory_mib": 3,
    "cpu_percent": 3,
}
INSTANTS = ("started_at", "completed_at", "due_at")
# What is found elsewhere where it is not said cannot differ from it.
FOUND_ELSEWHERE = ("assignment_id", "due_at", "difficulty")
FIELDS = (
    "status", "started_at", "completed_at", "duration_seconds", "score", "accuracy", "hints_used", "errors", "memory_mib",
    "cpu_percent", "skill_match", "metadata", *FOUND_ELSEWHERE,
)  # fmt: skip
DRAFT_FIELDS = (
    "assignment_id", "status", "started_at", "completed_at", "due_at", "completion_time_seconds", "score", "accuracy",
    "hints_used", "errors", "memory_mib", "cpu_percent", "skill_match", "difficulty", "source", "source_id", "metadata",
)  # fmt: skip


def difference_from_original(draft: AttemptDraft, original: dict[str, Any]) -> tuple[str, ...] | None:
    """The path to the first difference between a draft and the row that was recorded (as JSON), None where there is none."""
    for name in FIELDS:
        value = getattr(draft, name)
        if value is None and name in FOUND_ELSEWHERE:
            continue
        difference = _difference(name, value, original[name])
        if difference is not None:
            return (name, *difference)
    return None


def draft_as_json(draft: AttemptDraft) -> dict[str, Any]:
    """What was said, but for whom and which lab; instants as text."""
    said = {name: getattr(draft, name) for name in DRAFT_FIELDS}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in said.items()
        if value is not None
    }


def draft_from_json(said: dict[str, Any], user_external_id: str, lab_type: str) -> AttemptDraft:
    """The draft again, of a person and lab by name."""
    values: dict[str, Any] = {
        name: datetime.fromisoformat(value) if name in INSTANTS else value for name, value in said.items()
    }
    return AttemptDraft(user_external_id=user_external_id, lab_type=lab_type, **values)


def _difference(name: str, value: Any, recorded: Any) -> tuple[str, ...] | None:
    if value is not None and recorded is not None:
        if name in INSTANTS:
            return None if value == datetime.fromisoformat(recorded) else ()
        if name in DECIMALS:
            return None if abs(float(value) - float(recorded)) <= 0.500001 * 10 ** -DECIMALS[name] else ()
    return first_difference(value, recorded)
