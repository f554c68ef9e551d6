"""Live answers: what a subscription and whoever follows it tell each other.

A subscription answers once. It says by which change tags it is concerned, and how often at most it wants to be asked; whoever
follows it asks again then, each time in a new context, and says which version the client has.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from resolvers.errors import Invalid

SHORTEST_THROTTLE = 0.1
LONGEST_THROTTLE = 60.0
DEFAULT_THROTTLE = 0.25
MOST_ROWS_KEPT = 20_000

State = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """Names one state of one history. ``number`` counts the changes."""

    epoch: str
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}"


class History:
    """The latest states of one live answer, each a tuple of rows that can be hashed.

    A version of another history, such as that of another process or of this one before a restart, names nothing here, and
    neither does one that is too old.
    """

    def __init__(self, most_rows: int = MOST_ROWS_KEPT) -> None:
        self._epoch = secrets.token_urlsafe(6)
        self._number = 0
        self._states: dict[str, State] = {}
        self._most_rows = most_rows
        self._rows = 0

    def record(self, state: State) -> Version:
        """The version of the state that was read last: the same as before where nothing has changed."""
        latest = self._states.get(str(Version(self._epoch, self._number)))
        if latest is not None and latest == state:
            return Version(self._epoch, self._number)
        # Rows that stay are kept once for all versions.
        same = {row: row for row in latest or ()}
        self._number += 1
        version = Version(self._epoch, self._number)
        self._states[str(version)] = tuple(same.get(row, row) for row in state)
        self._rows += len(state)
        while self._rows > self._most_rows and len(self._states) > 1:
            self._rows -= len(self._states.pop(next(iter(self._states))))
        return version

    def find(self, version: str | None) -> State | None:
        """The state that a version names."""
        return None if version is None else self._states.get(version)


@dataclass
class Live:
    """One asking of a subscription. ``since`` is the version that the client has; what follows is said by the subscription."""

    history: History = field(default_factory=History)
    since: str | None = None
    tags: frozenset[str] = frozenset()
    throttle: float = DEFAULT_THROTTLE
    version: Version | None = None
    depends_on_since: bool = False
    has_more: bool = False
    """Whether there is more to tell at once, from this version on."""

    def __post_init__(self) -> None:
        # Found at once: what is recorded later may push it out.
        self._before = self.history.find(self.since)

    def follow(self, tags: Iterable[str], throttle: float) -> None:
        """Says when to ask again: after any of the tags, at most every ``throttle`` seconds. Raises Invalid."""
        if not SHORTEST_THROTTLE <= throttle <= LONGEST_THROTTLE:
            raise Invalid(f"A throttle is {SHORTEST_THROTTLE} to {LONGEST_THROTTLE:.0f} seconds.", "throttle")
        self.tags = frozenset(tags)
        self.throttle = throttle

    def record(self, state: State) -> Version:
        """Says which rows the answer is of; the version that names them."""
        self.version = self.history.record(state)
        return self.version

    @property
    def state_before(self) -> State | None:
        """The rows that the client has; None where it has none, or none that are remembered."""
        self.depends_on_since = True
        return self._before
