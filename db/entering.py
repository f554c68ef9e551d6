"""Entering a snapshot: the viewer is set in it, and the roster says who that is."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, NamedTuple, Self

from db.statement import PLACE, sql

SEE_ALL = frozenset({"MANAGER", "ADMIN", "SERVICE"})
"""The roles that see their whole organization."""

MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token says is asking, before the roster was asked. Ids are those of the source system."""

    organization: str
    subject: str
    role: str
    group_ids: tuple[str, ...] | None = None

    @property
    def sees_all(self) -> bool:
        """Whether the caller, if known here, sees the whole organization."""
        return self.role in SEE_ALL

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of the places of ``ENTER``."""
        return self.organization, self.subject, self.role, self.group_ids


@dataclass(frozen=True, slots=True)
class Viewer:
    """The caller as the roster knows them. ``group_ids`` are the groups that a TEACHER leads now."""

    organization_id: int
    own_id: int | None = field(repr=False)
    role: str
    group_ids: tuple[int, ...]
    noted: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """Called whenever somebody asks which person the viewer is."""

    @property
    def user_id(self) -> int | None:
        """The viewer's person; None for a service or manager who is none. What depends on it is good for nobody else."""
        self.noted()
        return self.own_id

    @property
    def sees_all(self) -> bool:
        """Whether the viewer sees the whole organization."""
        return self.role in SEE_ALL


class UnknownCaller(Exception):
    """The token's organization or person is not known here, or the person is deactivated."""


class Misjudged(Exception):
    """A snapshot is not what was expected of it: the same is to be read again in another one."""


class Entered(NamedTuple):
    """What is known once a snapshot is open. ``is_settled``: no change of the organization waits to be folded."""

    organization_id: int
    user_id: int | None
    role: str
    group_ids: list[int]
    at: datetime
    time_zone: str
    is_settled: bool

    @classmethod
    def of(cls, row: Sequence[Any] | None) -> Self | None:
        """Of a row of ``ENTER``."""
        return None if row is None else cls(*row[: len(cls._fields)])

    def viewer(self, noted: Callable[[], None]) -> Viewer:
        return Viewer(self.organization_id, self.user_id, self.role, tuple(self.group_ids), noted)

    def allows(self, expected: Entered) -> bool:
        """Whether what was done on that expectation is right. Whatever is right while changes wait is right without any."""
        return (
            self[:4] == expected[:4] and self.time_zone == expected.time_zone and self.is_settled >= expected.is_settled
        )


ENTER = sql("""
SELECT v.organization_id, v.user_id, v.role, v.group_ids, now() AS at, o.time_zone, o.is_settled,
  set_config('scoregraph.viewer', to_json(v)::text, true)
FROM find_viewer(:organization, :subject, :role, :group_ids) AS v, organization_now(v.organization_id) AS o
""")

ENTER_WIDTH = len(Entered._fields) + 1
"""The number of its columns: the last is what is set."""


def enter_sql(offset: int) -> str:
    """The text of ``ENTER`` with its places after so many others."""
    return PLACE.sub(lambda found: f"${int(found[1]) + offset}", ENTER.sql)


class Acquaintances:
    """What callers found when they entered last, so that they can expect the same next time."""

    def __init__(self, most: int = MOST_CALLERS) -> None:
        self._most = most
        self._last: OrderedDict[Caller, Entered] = OrderedDict()
        # Of each organization: it changes oftener than anything else of what is found.
        self._is_settled: dict[int, bool] = {}
        # How far the database's clock is ahead of the monotonic one here.
        self._clock: tuple[datetime, float] | None = None

    def note(self, caller: Caller, entered: Entered | None) -> None:
        """None: the roster does not know the caller."""
        if entered is None:
            self._last.pop(caller, None)
            return
        self._last[caller] = entered
        self._last.move_to_end(caller)
        self._is_settled[entered.organization_id] = entered.is_settled
        self._clock = entered.at, monotonic()
        if len(self._last) > self._most:
            self._last.popitem(last=False)

    def expected(self, caller: Caller) -> Entered | None:
        """None where the caller is new."""
        last = self._last.get(caller)
        if last is None or self._clock is None:
            return None
        at, then = self._clock
        now = at + timedelta(seconds=monotonic() - then)
        return Entered(*last[:4], now, last.time_zone, self._is_settled[last.organization_id])
