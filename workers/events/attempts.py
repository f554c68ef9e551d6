"""Attempts that a lab or an assessment tells of: that one began, how it ended, or both at once.

An attempt is known by its topic and its id there. What is known of one that began and ended is put together, so the two events
may come in any order; of two that tell the same part, the newer one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, model_validator
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import AttemptDraft, settle
from db.attempt_recording import OtherPerson, Parked, Recorded, record_drafts
from db.attempt_sameness import draft_as_json, draft_from_json
from db.queries.event_registers import Said, merge, tell_registers
from workers.events.envelope import Data, Event, Instant, Key, Refusal

BEGUN, ENDED = "begun", "ended"
"""The parts of an attempt."""

SOURCE = "KAFKA"
"""Of attempts that came as events, whatever brought them."""

LONGEST_ID = 180
"""The topic is put before it."""


class AttemptTold(Data):
    """An attempt as ``recordAttempt`` takes it, but for whose it is: ``userId`` and ``labType`` (or ``assessmentId``) are the ids
    of their own systems. Ratios are 0–1, ``score`` 0–100, ``difficulty`` 0–10.
    """

    attempt_id: Annotated[Key, Field(max_length=LONGEST_ID)]
    user_id: Key
    lab_type: Key = Field(validation_alias=AliasChoices("labType", "assessmentId"))
    status: Literal["STARTED", "SUCCEEDED", "FAILED", "ABANDONED"] | None = None
    success: bool | None = None
    started_at: Instant | None = None
    completed_at: Instant | None = None
    due_at: Instant | None = None
    completion_time_seconds: float | None = None
    score: float | None = None
    accuracy: float | None = None
    hints_used: int | None = None
    errors: list[str] = Field(default_factory=list)
    memory_mib: float | None = Field(None, alias="memoryMib")
    cpu_percent: float | None = None
    skill_match: float | None = None
    difficulty: float | None = None
    metadata: dict[str, Any] | None = None


class AttemptBegun(AttemptTold):
    """Without ``startedAt`` it began when the event happened."""

    @model_validator(mode="after")
    def _is_under_way(self) -> AttemptBegun:
        if self.completed_at is not None or self.status not in (None, "STARTED") or self.success is not None:
            raise ValueError("An attempt that has only begun has no end.")
        return self


class AttemptEnded(AttemptTold):
    """Without ``completedAt`` it ended when the event happened. It needs ``status`` or ``success``."""

    @model_validator(mode="after")
    def _has_ended(self) -> AttemptEnded:
        if self.status == "STARTED" or (self.status is None and self.success is None):
            raise ValueError("An attempt that has ended needs its status or success.")
        return self


async def take_attempts(
    connection: AsyncConnection, organization_id: int, events: Sequence[Event]
) -> dict[int, Refusal]:
    """Records what is new in these events; by position, why one cannot be taken: then nothing of it may be committed."""
    refused: dict[int, Refusal] = {}
    news: dict[str, Said] = {}
    positions: dict[str, int] = {}
    now = datetime.now(UTC)
    for position, event in enumerate(events):
        try:
            part, word = _word(event, now)
        except Refusal as refusal:
            refused[position] = refusal
            continue
        entity = f"{event.message.topic}:{event.data.attempt_id}"
        contradiction = _contradiction({**news.get(entity, {}), "this": word})
        if contradiction is not None:
            refused[position] = contradiction
            continue
        news[entity], _ = merge(news.get(entity, {}), {part: word})
        positions[entity] = position
    if refused:
        return refused
    registers = await tell_registers(connection, organization_id, news)
    changed: dict[str, AttemptDraft] = {}
    for entity, register in registers.items():
        contradiction = _contradiction(register.said)
        if contradiction is not None:
            refused[positions[entity]] = contradiction
        elif register.taken:
            changed[entity] = _draft(register.said)
    outcomes = (
        await record_drafts(connection, organization_id, list(changed.values()), park_unknown=True, revise=True)
        if changed
        else []
    )
    for entity, outcome in zip(changed, outcomes, strict=True):
        if isinstance(outcome, OtherPerson):
            refused[positions[entity]] = OTHER_PERSON
        elif not isinstance(outcome, Recorded | Parked):
            refused[positions[entity]] = OTHER_LAB
    return refused


OTHER_PERSON = Refusal("OTHER_PERSON", "attemptId: It stands for another person's attempt.")
OTHER_LAB = Refusal("OTHER_LAB", "attemptId: It stands for an attempt at another lab.")


def _word(event: Event, now: datetime) -> tuple[str, dict[str, Any]]:
    """Which part of the attempt the event tells, and what it says. Raises Refusal."""
    told: AttemptTold = event.data
    draft = AttemptDraft(
        user_external_id=told.user_id,
        source=SOURCE,
        source_id=f"{event.message.topic}:{told.attempt_id}",
        **told.model_dump(exclude={"attempt_id", "user_id"}),
    )
    has_begun = isinstance(told, AttemptBegun)
    if has_begun and draft.started_at is None:
        draft.started_at = event.time
    if isinstance(told, AttemptEnded) and draft.completed_at is None:
        draft.completed_at = event.time
    if problems := settle(draft, now):
        field, _, message = problems[0]
        raise Refusal("DATA", f"{to_camel(field)}: {message}")
    part = ENDED if draft.completed_at is not None else BEGUN
    return part, {
        "order": event.order,
        "user": draft.user_external_id,
        "lab": draft.lab_type,
        "draft": draft_as_json(draft),
    }


def _contradiction(said: Said) -> Refusal | None:
    if len({word["user"] for word in said.values()}) > 1:
        return OTHER_PERSON
    return OTHER_LAB if len({word["lab"] for word in said.values()}) > 1 else None


def _draft(said: Said) -> AttemptDraft:
    """Both parts together. What the end says holds; what it leaves out is as at the beginning."""
    whose = said.get(ENDED) or said[BEGUN]
    begun, ended = (said[part]["draft"] if part in said else {} for part in (BEGUN, ENDED))
    draft = draft_from_json({**begun, **ended}, whose["user"], whose["lab"])
    if draft.started_at is not None and draft.completed_at is not None and draft.started_at > draft.completed_at:
        # Two clocks; the end is what everything is measured by.
        draft.started_at = None
    return draft
