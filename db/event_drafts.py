"""A tracked event as somebody sent it, and everything that can be wrong with it, told before anything is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db.attempt_drafts import FUTURE_ALLOWED, metadata_problems
from db.problems import Problem, text_problem

EVENT_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,99}")


@dataclass(slots=True)
class EventDraft:
    """What somebody did, and when (None: now). The person is named by ``user_id`` or ``user_external_id``, or is nobody."""

    event_type: str
    user_id: int | None = None
    user_external_id: str | None = None
    metadata: Any = None
    occurred_at: datetime | None = None
    source_id: str | None = None


def event_problems(draft: EventDraft, now: datetime, retention_days: int) -> list[Problem]:
    """What keeps an event from being recorded at ``now``."""
    problems = [
        problem
        for field in ("user_external_id", "source_id")
        if (value := getattr(draft, field)) is not None and (problem := text_problem(field, value))
    ]
    if not EVENT_TYPE.fullmatch(draft.event_type):
        message = "A type is 1 to 100 letters, digits, and _ . : - after a letter, such as user_login."
        problems.append(Problem("event_type", "FORMAT", message))
    if draft.user_id is not None and draft.user_external_id is not None:
        problems.append(Problem("user_external_id", "EXACTLY_ONE", "Give userId or userExternalId, not both."))
    if draft.metadata is not None:
        problems += _metadata_problems(draft.metadata)
    return problems + instant_problems("occurred_at", draft.occurred_at, now, retention_days)


def instant_problems(field: str, instant: datetime | None, now: datetime, retention_days: int) -> list[Problem]:
    """What is wrong with when something is said to have been; clocks may differ by five minutes."""
    if instant is None:
        return []
    if instant > now + FUTURE_ALLOWED:
        return [Problem(field, "TIME", "This is more than five minutes from now.")]
    if instant < now - timedelta(days=retention_days):
        return [Problem(field, "RETENTION", f"This is longer ago than the {retention_days} days that are kept.")]
    return []


def _metadata_problems(metadata: Any) -> list[Problem]:
    if not isinstance(metadata, dict):
        return [Problem("metadata", "FORMAT", "Metadata is an object.")]
    return metadata_problems(metadata)
