"""Which events are listened to, and who takes them.

Others of these topics (``UserCompletedCourse``, ``ModuleCompleted``, …) tell what nothing here is made of: they are acknowledged
and counted as ignored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from workers.events.attempts import AttemptBegun, AttemptEnded, AttemptTold, take_attempts
from workers.events.envelope import Data, Event, Refusal, UnknownType
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

TAKERS: tuple[Take, ...] = (take_courses, take_people, take_enrolments, take_attempts)
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


def handler_of(topic: str, type_: str) -> Handler:
    """Raises UnknownType."""
    handler = HANDLERS.get(topic, ANYWHERE).get(type_)
    if handler is None:
        raise UnknownType
    return handler


def data_of(topic: str, type_: str) -> type[Data]:
    """What an event of this type says. Raises UnknownType."""
    return handler_of(topic, type_).data


def taker_of(event: Event) -> Take:
    return handler_of(event.message.topic, event.type).take
