"""A year of learning: when people sit down, what they try, how it goes. Nothing here knows a database.

Two kinds of sessions: for an assignment, around its deadline, and practice in between. A session is one to five tries at
one lab, until it succeeds or the person gives up. Times of day are local, weekends and holidays are quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from math import exp
from random import Random
from zoneinfo import ZoneInfo

from importers.demo_catalogue import LABS, Lab, labs_of_course
from importers.demo_roster import YEAR, Group, Person, Roster, Stay

MOST_TRIES = 5
WEEKDAYS = (1.0, 1.12, 1.08, 1.0, 0.72, 0.3, 0.5)
# Local hours 0 to 23: lessons in the morning, work in the afternoon, most of it in the evening.
HOURS = (0.3, 0.1, 0, 0, 0, 0, 0.1, 0.4, 1.5, 3, 3.5, 3.2, 1.8, 1.2, 2, 3, 3.2, 3, 3, 4, 5, 4.6, 3, 1.2)
WEEKEND_HOURS = (0.6, 0.3, 0.1, 0, 0, 0, 0, 0.1, 0.5, 1.2, 2.2, 2.6, 2, 1.2, 1.6, 2.4, 2.8, 3, 3, 3, 3.2, 3, 2, 1.2)
_HOURS = list(accumulate(HOURS))
_WEEKEND_HOURS = list(accumulate(WEEKEND_HOURS))


@dataclass(slots=True)
class Assignment:
    """A lab given to a group; ``extensions`` are later deadlines of single people, by their key."""

    lab: Lab
    group: Group
    assigned_at: datetime
    due_at: datetime
    extensions: dict[str, datetime]


@dataclass(slots=True)
class Attempt:
    """One try. ``group`` is the group of the assignment that it was made for, "" for practice."""

    person: str
    lab: str
    group: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    due_at: datetime | None
    seconds: float | None
    score: float | None
    accuracy: float | None
    skill_match: float | None
    hints: int | None
    errors: Sequence[str]
    memory_mib: float | None
    cpu_percent: float | None


class Calendar:
    """The days of a year that ends with ``today``, and how busy each one is."""

    def __init__(self, today: date, zone: ZoneInfo) -> None:
        self.zone = zone
        self.first = today - YEAR + timedelta(days=1)
        self.last = today
        self.days = [self.first + timedelta(days=n) for n in range(YEAR.days)]
        self.weights = [_busyness(day) for day in self.days]

    def index(self, day: date) -> int:
        return (day - self.first).days

    def at(self, day: date, clock: time) -> datetime:
        """The instant of a local wall time, in UTC."""
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def _busyness(day: date) -> float:
    weight = WEEKDAYS[day.weekday()]
    month_day = (day.month, day.day)
    if month_day >= (12, 21) or month_day <= (1, 6):
        return weight * 0.12
    if day.month == 8:
        return weight * 0.3
    if day.month == 7:
        return weight * 0.65
    if day.month == 4 and 10 <= day.day <= 17:
        return weight * 0.45
    return weight


def make_assignments(seed: int, roster: Roster, calendar: Calendar) -> list[Assignment]:
    """The labs of each group's course, spread over the year from easy to hard, due at 23:59 local time."""
    random = Random(f"assignments {seed} {roster.place.slug}")
    assignments = []
    for group in roster.groups:
        labs = labs_of_course(group.course)
        # One deadline more than the year has room for lies ahead: the present assignment.
        step = (YEAR.days - 8) / (len(labs) - 2)
        for number, lab in enumerate(labs):
            day = calendar.first + timedelta(days=10 + round(step * number) + random.randint(-2, 2))
            while day <= calendar.last and (day.weekday() >= 5 or calendar.weights[calendar.index(day)] < 0.2):
                day += timedelta(days=1)
            due_at = calendar.at(day, time(23, 59))
            assigned_at = calendar.at(day - timedelta(days=random.choice((10, 12, 14))), time(9, 0))
            extensions = {
                stay.person.key: due_at + timedelta(days=random.choice((2, 3, 5, 7)))
                for stay in group.stays
                if random.random() < 0.015
            }
            assignments.append(Assignment(lab, group, assigned_at, due_at, extensions))
    return assignments


def make_attempts(
    seed: int, roster: Roster, assignments: Iterable[Assignment], calendar: Calendar, count: int
) -> list[Attempt]:
    """Exactly ``count`` attempts of the year, as long as there are learners."""
    learning = _Learning(Random(f"attempts {seed} {roster.place.slug}"), calendar)
    attempts: list[Attempt] = []
    for assignment in assignments:
        for stay in assignment.group.stays:
            attempts += learning.work_on(assignment, stay)
    if len(attempts) > count:
        # Whole years of tries, thinned evenly.
        kept = sorted(learning.random.sample(range(len(attempts)), count))
        return [attempts[n] for n in kept]
    learners = [stay for group in roster.groups for stay in group.stays]
    energies = list(accumulate(stay.person.energy for stay in learners))
    while learners and len(attempts) < count:
        stay = learning.random.choices(learners, cum_weights=energies)[0]
        attempts += learning.practice(stay)
    return attempts[:count]


class _Learning:
    """The dice of one organization's year."""

    def __init__(self, random: Random, calendar: Calendar) -> None:
        self.random = random
        self.calendar = calendar
        self._done: set[tuple[str, str]] = set()

    def work_on(self, assignment: Assignment, stay: Stay) -> Iterator[Attempt]:
        """Zero to two sessions for an assignment; the diligent early, others on the last evening or after it."""
        random, person = self.random, stay.person
        if random.random() > 0.84 + 0.12 * person.diligence:
            return
        due_at = assignment.extensions.get(person.key, assignment.due_at)
        early = random.gauss(2.6 * person.diligence, 2.2)
        day = self._day_near((due_at - timedelta(days=early)).astimezone(self.calendar.zone).date())
        for _ in range(2):
            if day is None or not _is_there(stay, day):
                return
            done = False
            for attempt in self._session(person, assignment.lab, day, assignment.group.key, due_at):
                done = attempt.status == "SUCCEEDED"
                yield attempt
            if done or random.random() > 0.55:
                return
            day = self._day_near(day + timedelta(days=random.randint(1, 4)))

    def practice(self, stay: Stay) -> Iterator[Attempt]:
        """A session on a day of one's own choice, mostly at the level that one has reached."""
        random, calendar = self.random, self.calendar
        day = random.choices(calendar.days, calendar.weights)[0]
        if _is_there(stay, day):
            level = 1 + 5 * calendar.index(day) / YEAR.days + random.gauss(0, 0.9)
            lab = min(random.sample(LABS, 6), key=lambda lab: abs(lab.level - level))
            yield from self._session(stay.person, lab, day, "", None)

    def _day_near(self, day: date) -> date | None:
        """The day or one of the next two, rather a busy one; None outside of the year."""
        index = self.calendar.index(day)
        if not 0 <= index < len(self.calendar.days):
            return None
        choice = slice(index, index + 3)
        return self.random.choices(self.calendar.days[choice], self.calendar.weights[choice])[0]

    def _session(self, person: Person, lab: Lab, day: date, group: str, due_at: datetime | None) -> Iterator[Attempt]:
        random = self.random
        at = self._sits_down(person, day)
        again = (person.key, lab.type) in self._done
        grown = person.ability + person.growth * self.calendar.index(day) / YEAR.days
        for number in range(1, MOST_TRIES + 1):
            odds = 1.1 + 1.0 * grown - 0.33 * (lab.difficulty - 3.2) + 0.35 * (number - 1) + (1.2 if again else 0.0)
            success = random.random() < 1 / (1 + exp(-odds))
            attempt = self._try(person, lab, group, at, due_at, grown, success)
            yield attempt
            if attempt.completed_at is None or attempt.status == "ABANDONED":
                return
            if success:
                self._done.add((person.key, lab.type))
                return
            if random.random() < 0.14:
                return
            at = attempt.completed_at + timedelta(seconds=random.uniform(60, 1_500))

    def _sits_down(self, person: Person, day: date) -> datetime:
        random = self.random
        weights = _WEEKEND_HOURS if day.weekday() >= 5 else _HOURS
        hour = random.choices(range(24), cum_weights=weights)[0]
        # The shift of a night owl stays within the day.
        minute = min(max(hour * 60 + random.randrange(60) + round(person.lateness * 25), 0), 24 * 60 - 1)
        return self.calendar.at(day, time(minute // 60, minute % 60, random.randrange(60)))

    def _try(
        self,
        person: Person,
        lab: Lab,
        group: str,
        at: datetime,
        due_at: datetime | None,
        grown: float,
        success: bool,
    ) -> Attempt:
        random = self.random
        seconds = round(60 * lab.minutes * exp(random.gauss(-0.16 * grown, 0.45)) * (1.0 if success else 0.75), 1)
        completed_at = at + timedelta(seconds=seconds)
        skill = min(max(random.gauss(0.68 + 0.1 * grown - 0.012 * lab.difficulty, 0.11), 0.0), 1.0)
        measured = random.random() < 0.86
        memory = round(random.lognormvariate(5.4 + 0.12 * lab.level, 0.4), 1) if measured else None
        cpu = round(min(random.lognormvariate(3.3, 0.5), 400.0), 1) if measured else None
        opened = Attempt(
            *(person.key, lab.type, group, "STARTED", at, None, due_at, None, None, None, None, None, ()),
            memory_mib=None,
            cpu_percent=None,
        )
        # Left open: rarely for ever, often within the last hours.
        recent = (self.calendar.last - at.date()).days <= 1
        if not success and random.random() < (0.25 if recent else 0.008):
            return opened
        hints = min(int(random.expovariate(1 / max(0.25, 1.1 + 0.22 * lab.level - 0.7 * grown))), 12)
        errors: list[str] = []
        if not success or random.random() < 0.22:
            # The first of a lab's errors are the usual ones.
            usual = [2.0**-n for n in range(len(lab.errors))]
            errors = list(dict.fromkeys(random.choices(lab.errors, usual, k=random.choice((1, 1, 1, 2, 3)))))
        if not success and random.random() < 0.09:
            status, score, accuracy = "ABANDONED", None, None
        else:
            status = "SUCCEEDED" if success else "FAILED"
            mark = random.gauss(82 + 5 * grown - 1.2 * hints, 8) if success else random.gauss(34 + 5 * grown, 13)
            score = round(min(max(mark, 60.0), 100.0) if success else min(max(mark, 0.0), 59.0), 1)
            accuracy = round(min(max(score / 100 + random.gauss(0, 0.05), 0.0), 1.0), 3)
        return Attempt(
            *(person.key, lab.type, group, status, at, completed_at, due_at, seconds, score, accuracy),
            *(round(skill, 3), hints if random.random() < 0.97 else None, errors, memory, cpu),
        )


def _is_there(stay: Stay, day: date) -> bool:
    """Whether the learner belongs to the group on that day; on a first or last day it is left open."""
    return (stay.since is None or day > stay.since) and (stay.until is None or day < stay.until)
