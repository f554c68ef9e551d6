"""What people are to be awarded, worked out day by day from the raw attempts: by another way than the product's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

Connection = psycopg.Connection[Any]
GRACE = timedelta(hours=1)
DAY = timedelta(days=1)

ATTEMPTS = """
SELECT id, lab_id, status = 'SUCCEEDED', completed_at, due_at, score FROM attempts
WHERE user_id = %s AND status <> 'STARTED' AND deleted_at IS NULL ORDER BY completed_at, id
"""
ZONES = "SELECT lived_until, time_zone FROM user_zone_changes WHERE user_id = %s ORDER BY lived_until"
HOME = "SELECT u.time_zone, o.time_zone FROM users u JOIN organizations o ON o.id = u.organization_id WHERE u.id = %s"
OWN = "SELECT id, lab_id, due_at FROM assignments WHERE user_id = %s"
OF_GROUPS = """
SELECT a.id, a.lab_id, a.due_at, m.valid_from, m.valid_to
FROM assignments a JOIN group_memberships m ON m.group_id = a.group_id WHERE m.user_id = %s AND m.role = 'MEMBER'
"""
EXTENSIONS = "SELECT assignment_id, due_at FROM deadline_extensions WHERE user_id = %s"
RULES = """
SELECT slug, rule, threshold FROM award_definitions d JOIN users u USING (organization_id) WHERE u.id = %s AND d.is_active
"""
AWARDED = """
SELECT d.slug, a.window_start, a.achieved_at, a.attempt_id FROM awards a JOIN award_definitions d ON d.id = a.definition_id
WHERE a.user_id = %s AND a.revoked_at IS NULL
"""

Award = tuple[datetime, int | None]
Awards = dict[tuple[str, date | None], Award]
"""When it was achieved and by which attempt, by the key and the week."""


def awarded(connection: Connection, user_id: int) -> Awards:
    """What the product has awarded."""
    return {(key, week): (at, attempt) for key, week, at, attempt in connection.execute(AWARDED, (user_id,))}


@dataclass(frozen=True)
class Done:
    id: int
    lab_id: int
    is_success: bool
    at: datetime
    due_at: datetime | None
    score: Decimal | None

    @property
    def is_on_time(self) -> bool:
        return self.due_at is not None and self.at <= self.due_at


class Person:
    """One person, as the tables have them."""

    def __init__(self, connection: Connection, user_id: int) -> None:
        own, organization = connection.execute(HOME, (user_id,)).fetchone() or (None, "UTC")
        self._organization = organization
        self._zone = ZoneInfo(own or organization)
        self._earlier = connection.execute(ZONES, (user_id,)).fetchall()
        self.done = [Done(*row) for row in connection.execute(ATTEMPTS, (user_id,))]
        self.tasks: list[Done] = []
        for attempt in self.done:
            if attempt.is_success and attempt.lab_id not in {task.lab_id for task in self.tasks}:
                self.tasks.append(attempt)
        extended = dict(connection.execute(EXTENSIONS, (user_id,)).fetchall())
        self.due: list[tuple[int, datetime]] = []
        for id, lab_id, due_at in connection.execute(OWN, (user_id,)):
            self.due.append((lab_id, extended.get(id, due_at)))
        for id, lab_id, due_at, start, end in connection.execute(OF_GROUPS, (user_id,)):
            due = extended.get(id, due_at)
            if due is not None and start <= due and (end is None or due < end):
                self.due.append((lab_id, due))
        self.rules = connection.execute(RULES, (user_id,)).fetchall()

    def zone(self, at: datetime) -> ZoneInfo:
        for lived_until, name in self._earlier:
            if at < lived_until:
                return ZoneInfo(name or self._organization)
        return self._zone

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone(at)).date()

    def awards(self, now: datetime) -> Awards:
        found: Awards = {}
        for key, rule, threshold in self.rules:
            if rule == "PERFECT_WEEK":
                found.update(((key, week), (end, None)) for week, end in self.perfect_weeks(int(threshold), now))
                continue
            deciding = {
                "TASKS": lambda n: self.tasks[int(n) - 1 : int(n)],
                "TASKS_ON_TIME": lambda n: [t for t in self.tasks if t.is_on_time][int(n) - 1 : int(n)],
                "TASK_SCORE": lambda n: [t for t in self.tasks if t.score is not None and t.score >= n][:1],
                "STREAK": lambda n: self.streaks(int(n))[:1],
            }[rule](threshold)
            found.update(((key, None), (attempt.at, attempt.id)) for attempt in deciding)
        return found

    def streaks(self, length: int) -> list[Done]:
        """The first attempts of the days on which a streak was so long, oldest first."""
        first: dict[date, Done] = {}
        for attempt in self.done:
            first.setdefault(self.day(attempt.at), attempt)
        return [first[day] for day in sorted(first) if all(day - n * DAY in first for n in range(length))]

    def week(self, at: datetime) -> date:
        day = self.day(at)
        return day - day.weekday() * DAY

    def perfect_weeks(self, least: int, now: datetime) -> list[tuple[date, datetime]]:
        found = []
        for week in sorted({self.week(task.at) for task in self.tasks}):
            tasks = [task for task in self.tasks if self.week(task.at) == week]
            with_deadline = [task for task in tasks if task.due_at is not None]
            met = {(lab, due) for lab, due in self.due for t in self.tasks if t.lab_id == lab and t.at <= due}
            missed = [(lab, due) for lab, due in self.due if self.week(due) == week and (lab, due) not in met]
            midnight = datetime.combine(week + 7 * DAY, datetime.min.time())
            end = midnight.replace(tzinfo=self.zone(midnight.replace(tzinfo=self._zone))).astimezone(UTC)
            is_over = end + GRACE <= now
            if (
                len(tasks) >= least
                and with_deadline
                and all(t.is_on_time for t in with_deadline)
                and not missed
                and is_over
            ):
                found.append((week, end))
        return found
