"""What each event says, and who takes it.

Those of other types (``UserCompletedCourse``, ``ModuleCompleted``, …) tell what nothing here is made of: they are tracked events.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from workers.events.attempts import AttemptBegun, AttemptEnded, AttemptTold, take_attempts
from workers.events.envelope import Data, Envelope, Event, Message, Refusal, data_as, read
from workers.events.happenings import Keeping, happening_of, take_happenings
from workers.events.people import (
    CourseTold,
    PersonEnrolled,
    PersonTold,
    take_courses,
    take_enrolments,
    take_people,
)

Take = Callable[[AsyncConnection, int, Sequence[Event]], Awaitable[dict[int, Refusal]]]
"""Takes events of one organization in the caller's transaction. By position, why one cannot be: then nothing may be committed."""

TAKERS: tuple[Take, ...] = (take_courses, take_people, take_enrolments, take_attempts, take_happenings)
"""In the order in which a batch is taken: people before what they did."""


@dataclass(frozen=True, slots=True)
class Handler:
    data: type[Data]
    take: Take


HANDLERS = {
    "user-events": {
        "UserCreated": Handler(PersonTold, take_people),
        "UserUpdated": Handler(PersonTold, take_people),
        "UserEnrolled": Handler(PersonEnrolled, take_enrolments),
    },
    "course-events": {
        "CourseCreated": Handler(CourseTold, take_courses),
        "CourseUpdated": Handler(CourseTold, take_courses),
    },
    "assessment-events": {
        "AssessmentStarted": Handler(AttemptBegun, take_attempts),
        "AssessmentCompleted": Handler(AttemptEnded, take_attempts),
    },
    "lab-events": {
        "AttemptStarted": Handler(AttemptBegun, take_attempts),
        "AttemptCompleted": Handler(AttemptEnded, take_attempts),
        "AttemptRecorded": Handler(AttemptTold, take_attempts),
    },
}
TOPICS = tuple(HANDLERS)

ANYWHERE = {name: handler for handlers in HANDLERS.values() for name, handler in handlers.items()}
"""For topics of other names, which KAFKA_TOPICS may bring: the type alone says what an event is."""


def handler_of(topic: str, type_: str) -> Handler | None:
    return HANDLERS.get(topic, ANYWHERE).get(type_)


def read_event(message: Message, keeping: Keeping) -> Event:
    """Raises PassedOver, Refusal."""
    return read(message, partial(_data_of, keeping))


def _data_of(keeping: Keeping, topic: str, envelope: Envelope) -> Any:
    handler = handler_of(topic, envelope.type)
    return happening_of(envelope, keeping) if handler is None else data_as(handler.data, envelope)


def taker_of(event: Event) -> Take:
    handler = handler_of(event.message.topic, event.type)
    return take_happenings if handler is None else handler.take
