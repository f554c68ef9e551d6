"""An attempt as somebody sent it, and everything that can be wrong with it, told before anything is written.

Whoever records attempts (the graph, events, imports) goes through here, so the same nonsense is refused everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson

from db.problems import NOT_STORABLE, Problem, is_storable, text_problem

FUTURE_ALLOWED = timedelta(minutes=5)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_DEADLINE = datetime(2200, 1, 1, tzinfo=UTC)
MOST_ERRORS = 100
METADATA_BYTES = 16 * 1024
METADATA_DEPTH = 8
LARGEST_INTEGER = 2**63 - 1

SUCCESS_OF_STATUS = {"STARTED": None, "SUCCEEDED": True, "FAILED": False, "ABANDONED": False}

# Field, smallest and largest value, as the columns have them.
RANGES: tuple[tuple[str, float, float], ...] = (
    ("completion_time_seconds", 0, 9_999_999_999),
    ("score", 0, 100),
    ("accuracy", 0, 1),
    ("skill_match", 0, 1),
    ("difficulty", 0, 10),
    ("hints_used", 0, 1_000_000),
    ("memory_mib", 0, 9_999_999_999),
    ("cpu_percent", 0, 999_999),
)


@dataclass(slots=True)
class AttemptDraft:
    """Who did which lab, when and how it went. None means that it was not said.

    The person is named by ``user_id`` or ``user_external_id``, the lab by ``lab_id`` or ``lab_type``. Ratios are 0–1,
    ``score`` 0–100, ``difficulty`` 0–10; ``errors`` holds a code as often as it happened. Instants have a zone.
    """

    user_id: int | None = None
    user_external_id: str | None = None
    lab_id: int | None = None
    lab_type: str | None = None
    assignment_id: int | None = None
    status: str | None = None
    success: bool | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    due_at: datetime | None = None
    completion_time_seconds: float | Decimal | None = None
    score: float | Decimal | None = None
    accuracy: float | Decimal | None = None
    hints_used: int | None = None
    errors: list[str] = field(default_factory=list)
    memory_mib: float | Decimal | None = None
    cpu_percent: float | Decimal | None = None
    skill_match: float | Decimal | None = None
    difficulty: float | Decimal | None = None
    source: str = "API"
    source_id: str | None = None
    metadata: Any = None

    @property
    def occurred_at(self) -> datetime:
        """Where it stands in time, for finding its assignment."""
        return self.completed_at or self.started_at or datetime.now(UTC)

    @property
    def duration_seconds(self) -> float | Decimal | None:
        """As said, else from start to completion."""
        if self.completion_time_seconds is None and self.started_at is not None and self.completed_at is not None:
            return (self.completed_at - self.started_at).total_seconds()
        return self.completion_time_seconds


def settle(draft: AttemptDraft, now: datetime) -> list[Problem]:
    """Fills in the status where it follows from the rest, and gives all that is wrong; nothing for a good draft."""
    problems: list[Problem] = []
    if (draft.user_id is None) == (draft.user_external_id is None):
        problems.append(Problem("user_id", "EXACTLY_ONE", "Name the person by userId or userExternalId, exactly one."))
    if (draft.lab_id is None) == (draft.lab_type is None):
        problems.append(Problem("lab_id", "EXACTLY_ONE", "Name the lab by labId or labType, exactly one."))
    for name in ("user_external_id", "lab_type", "source_id"):
        text = getattr(draft, name)
        if text is not None and (problem := text_problem(name, text)):
            problems.append(problem)
    problems += content_problems(draft, now)
    return problems


def content_problems(draft: AttemptDraft, now: datetime) -> list[Problem]:
    """What is wrong with what the attempt says, apart from whose it is. Fills in the status."""
    problems: list[Problem] = []
    for name, least, most in RANGES:
        number = getattr(draft, name)
        # Written so that NaN, which compares false with everything, is refused.
        if number is not None and not least <= number <= most:
            problems.append(Problem(name, "RANGE", f"The value is from {least:,} to {most:,}."))
    problems += _time_problems(draft, now)
    problems += _status_problems(draft)
    if draft.errors:
        problems += _error_problems(draft.errors)
    if draft.metadata is not None:
        problems += metadata_problems(draft.metadata)
    return problems


def _time_problems(draft: AttemptDraft, now: datetime) -> list[Problem]:
    problems = []
    started, completed, due = draft.started_at, draft.completed_at, draft.due_at
    for name, instant in (("started_at", started), ("completed_at", completed)):
        if instant is None:
            continue
        if instant > now + FUTURE_ALLOWED:
            problems.append(Problem(name, "TIME", "The instant is more than 5 minutes in the future."))
        elif instant < EARLIEST:
            problems.append(Problem(name, "TIME", "The instant is before 1970."))
    if due is not None and not EARLIEST <= due < LATEST_DEADLINE:
        problems.append(Problem("due_at", "TIME", "A deadline lies within the years 1970 to 2199."))
    if started is not None and completed is not None and started > completed:
        problems.append(Problem("started_at", "TIME", "The start is after the completion."))
    return problems


def _status_problems(draft: AttemptDraft) -> list[Problem]:
    finished = draft.completed_at is not None
    if draft.status is None:
        if draft.success is not None:
            draft.status = "SUCCEEDED" if draft.success else "FAILED"
        elif not finished:
            draft.status = "STARTED"
        else:
            return [Problem("status", "CONSISTENCY", "A completed attempt needs its status or success.")]
    if draft.success is not None and draft.success is not SUCCESS_OF_STATUS[draft.status]:
        return [Problem("success", "CONSISTENCY", f"success contradicts the status {draft.status}.")]
    if finished == (draft.status == "STARTED"):
        message = (
            "A started attempt has no completedAt."
            if finished
            else "A finished attempt needs completedAt; only a STARTED one has none."
        )
        return [Problem("completed_at", "CONSISTENCY", message)]
    return []


def _error_problems(codes: list[str]) -> list[Problem]:
    if len(codes) > MOST_ERRORS:
        return [Problem("errors", "SIZE", f"At most {MOST_ERRORS} errors.")]
    return [problem for code in codes if (problem := text_problem("errors", code))][:1]


def metadata_problems(metadata: Any) -> list[Problem]:
    """At most 16 KiB of JSON, eight levels deep, of what PostgreSQL can hold and everybody reads back the same."""
    extra = 0
    level = [metadata]
    depth = 0
    while level:
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                for key in value:
                    if not isinstance(key, str) or not is_storable(key):
                        return [Problem("metadata", "TEXT", NOT_STORABLE)]
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str):
                if not is_storable(value):
                    return [Problem("metadata", "TEXT", NOT_STORABLE)]
            elif isinstance(value, float):
                if not isfinite(value):
                    return [Problem("metadata", "RANGE", "NaN and infinities are no JSON numbers.")]
                if "e" in (written := repr(value)):
                    # PostgreSQL writes 1e300 out in full.
                    extra += len(format(Decimal(written), "f"))
            elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_INTEGER:
                return [Problem("metadata", "RANGE", "A whole number has at most 63 bits; send larger ones as text.")]
            if isinstance(value, dict | list) and depth == METADATA_DEPTH:
                return [Problem("metadata", "DEPTH", f"At most {METADATA_DEPTH} levels of objects and lists.")]
        level, depth = below, depth + 1
        if len(level) > METADATA_BYTES:
            break
    if level or len(orjson.dumps(metadata)) + extra > METADATA_BYTES:
        return [Problem("metadata", "SIZE", "At most 16 KiB of JSON.")]
    return []
