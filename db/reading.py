"""What an answer was read from, noted while it is read: whoever keeps it has to know when it is no longer true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.entering import Viewer


@dataclass(slots=True)
class Reading:
    """``tags`` are those of changes that concern what was read; ``holds_until`` is when time alone may change it."""

    tags: set[str] = field(default_factory=set)
    holds_until: datetime | None = None
    # Why the answer holds for no longer than the instant at which it was read.
    fleeting: str | None = None
    # Whether it was read who is asking.
    is_personal: bool = False
    viewer: Viewer | None = None
    at: datetime | None = None
    # On the monotonic clock, from before `at`: that much later at most is it by the clock of the database.
    begun: float = 0.0

    def enter(self, viewer: Viewer, at: datetime, begun: float) -> None:
        """A snapshot is open. Two of them are no single instant."""
        if self.viewer is not None:
            self.forget("it was read at two instants")
        self.viewer, self.at, self.begun = viewer, at, begun

    def hold_until(self, instant: datetime | None) -> None:
        """What was read holds until then, if nothing else ends it before; None: time does not change it."""
        if instant is not None and (self.holds_until is None or instant < self.holds_until):
            self.holds_until = instant

    def add(self, other: Reading) -> None:
        """What was noted elsewhere counts as read here."""
        self.tags |= other.tags
        self.is_personal |= other.is_personal
        self.hold_until(other.holds_until)
        if other.fleeting:
            self.forget(other.fleeting)
        if other.viewer is not None and other.at is not None:
            self.enter(other.viewer, other.at, other.begun)

    def forget(self, why: str) -> None:
        """The answer is good now and for nobody later."""
        self.fleeting = self.fleeting or why


_current: ContextVar[Reading | None] = ContextVar("reading", default=None)


def current_reading() -> Reading | None:
    """Where to note what is read; None where nobody wants to know."""
    return _current.get()


@contextmanager
def recording() -> Iterator[Reading]:
    """Notes what this task and those that it starts read, until the block ends."""
    reading = Reading()
    token = _current.set(reading)
    try:
        yield reading
    finally:
        _current.reset(token)
