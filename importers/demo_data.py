"""The demonstration: a believable year of two organizations, the same again for the same seed and day."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg

from db.queries import bulk_load
from db.queries.demo_people import FIND_DEMO_PEOPLE
from importers.demo_attempts import Assignment, Attempt, Calendar, make_assignments, make_attempts
from importers.demo_catalogue import LABS, LEVELS, TOPICS
from importers.demo_roster import PLACES, Roster, make_rosters
from importers.loader import ImportFailed, Loader, Progress, Row, array_cell, cell, silent

SEED = 20_260_101
ATTEMPTS = {"costa-academy": 35_000, "hudson-labs": 25_000}
SERVICE_PLACE = PLACES[0].slug
"""The organization of the people whom ``demo_people`` gives, and of the service token."""
SERVICE = "lab-runner"
"""Subject of the service token: the system that reports attempts. It is nobody's account."""


def fill_demo(database_url: str, *, progress: Progress = silent, seed: int = SEED, today: date | None = None) -> None:
    """Fills in 600 people and 60,000 attempts over the 365 days that end with ``today``, folded and refreshed.

    Without ``today`` it is the present day (UTC), and what lies in its future is left out. Everything is written in one
    transaction: an organization of the demonstration that exists is complete, and then nothing is done.
    Raises DatabaseUnavailable, ImportFailed.
    """
    now = datetime.now(UTC)
    # A given day is over everywhere, late evenings included.
    until = now if today is None else datetime.combine(today + timedelta(days=2), time(), UTC)
    try:
        with Loader(database_url, SERVICE_PLACE, progress) as loader:
            if not loader.exists():
                _fill(loader, progress, seed, today or now.date(), until)
            loader.settle()
    except psycopg.Error as error:
        raise ImportFailed(f"The demonstration could not be filled in: {str(error).strip()}") from error


def demo_people(database_url: str) -> dict[str, tuple[str, str]]:
    """For each role an organization's slug and the external id of somebody who has much to see.

    Empty where there is no demonstration. Raises DatabaseUnavailable.
    """
    with Loader(database_url, SERVICE_PLACE) as loader:
        rows = loader.connection.execute(FIND_DEMO_PEOPLE, {"slug": SERVICE_PLACE}).fetchall()
    people = {str(role): (SERVICE_PLACE, str(external_id)) for role, external_id in rows}
    return {**people, "SERVICE": (SERVICE_PLACE, SERVICE)} if people else {}


def _fill(loader: Loader, progress: Progress, seed: int, today: date, until: datetime) -> None:
    worlds = []
    was_enabled = gc.isenabled()
    gc.disable()  # a hundred thousand small objects that all stay
    try:
        progress("imagine", 0, len(PLACES))
        for number, roster in enumerate(make_rosters(seed, today)):
            calendar = Calendar(today, ZoneInfo(roster.place.time_zone))
            assignments = make_assignments(seed, roster, calendar)
            attempts = make_attempts(seed, roster, assignments, calendar, ATTEMPTS[roster.place.slug])
            worlds.append((roster, calendar, assignments, attempts))
            progress("imagine", number + 1, len(PLACES))
    finally:
        if was_enabled:
            gc.enable()
    with loader.transaction():
        if loader.exists():
            return  # somebody else filled it in meanwhile
        for roster, calendar, assignments, _ in worlds:
            loader.for_organization(roster.place.slug)
            _write_roster(loader, roster, calendar, assignments)
        loader.analyze_roster()
        for roster, _, _, attempts in worlds:
            loader.for_organization(roster.place.slug)
            rows = list(_attempts(attempts, until))
            loader.merge_attempts(f"attempts of {roster.place.name}", rows, len(rows))


def _write_roster(loader: Loader, roster: Roster, calendar: Calendar, assignments: list[Assignment]) -> None:
    start = calendar.at(calendar.first, time())
    loader.create_organization(roster.place.name, roster.place.time_zone)
    loader.merge("staged_topics", bulk_load.MERGE_TOPICS, ((topic.key, topic.title) for topic in TOPICS))
    loader.merge("staged_levels", bulk_load.MERGE_LEVELS, ((str(n), title) for n, title in enumerate(LEVELS, start=1)))
    loader.merge(
        "staged_labs",
        bulk_load.MERGE_LABS,
        ((lab.type, lab.title, str(lab.level), str(lab.difficulty), array_cell(lab.skills)) for lab in LABS),
    )
    loader.merge("staged_lab_topics", bulk_load.MERGE_LAB_TOPICS, ((lab.type, lab.topic.key) for lab in LABS))
    loader.merge(
        "staged_groups",
        bulk_load.MERGE_GROUPS,
        ((group.key, group.name, "class", start.isoformat()) for group in roster.groups),
    )
    loader.merge("staged_assignments", bulk_load.MERGE_ASSIGNMENTS, _assignments(assignments))
    loader.merge("staged_users", bulk_load.MERGE_USERS, _users(roster, calendar))
    loader.merge("staged_memberships", bulk_load.MERGE_MEMBERSHIPS, _memberships(roster, calendar))
    loader.merge("staged_extensions", bulk_load.MERGE_EXTENSIONS, _extensions(assignments))


def _users(roster: Roster, calendar: Calendar) -> Iterator[Row]:
    for person in roster.people:
        joined = calendar.at(person.joined or calendar.first - timedelta(days=7), time(9))
        left = calendar.at(person.left, time(18)) if person.left else None
        yield (
            *(cell(person.key), cell(person.key), cell(person.name), cell(person.email), person.role),
            *(joined.isoformat(), left.isoformat() if left else ""),
        )


def _memberships(roster: Roster, calendar: Calendar) -> Iterator[Row]:
    start = calendar.at(calendar.first, time())
    for group in roster.groups:
        yield group.key, group.teacher.key, "LEAD", start.isoformat(), ""
        for stay in group.stays:
            since = calendar.at(stay.since, time(9)) if stay.since else start
            until = calendar.at(stay.until, time(9)).isoformat() if stay.until else ""
            yield group.key, stay.person.key, "MEMBER", since.isoformat(), until


def _assignments(assignments: list[Assignment]) -> Iterator[Row]:
    for a in assignments:
        yield a.lab.type, a.group.key, a.assigned_at.isoformat(), a.due_at.isoformat()


def _extensions(assignments: list[Assignment]) -> Iterator[Row]:
    reasons = ("Illness", "Travelling for work", "Exam in the same week", "Family")
    for number, a in enumerate(assignments):
        for person, due_at in a.extensions.items():
            yield a.lab.type, a.group.key, person, due_at.isoformat(), reasons[number % 4], a.group.teacher.key


def _attempts(attempts: list[Attempt], until: datetime) -> Iterator[Row]:
    """Those begun before ``until``; what would have ended after it is still going on."""
    for number, a in enumerate(attempts):
        if a.started_at >= until:
            continue
        going_on = a.completed_at is None or a.completed_at >= until
        common = (a.person, a.lab, a.group, "STARTED" if going_on else a.status, a.started_at.isoformat())
        due_at = a.due_at.isoformat() if a.due_at else ""
        source_id = f"demo-{number:06}"
        if going_on or a.completed_at is None:
            yield (*common, "", due_at, *[""] * 5, "{}", "", "", "API", source_id, a.started_at.isoformat())
        else:
            recorded_at = a.completed_at + timedelta(seconds=2 + number % 7)
            yield (
                *(*common, a.completed_at.isoformat(), due_at, cell(a.seconds), cell(a.score), cell(a.accuracy)),
                *(cell(a.skill_match), cell(a.hints), array_cell(a.errors), cell(a.memory_mib), cell(a.cpu_percent)),
                *("LTI" if number % 9 == 4 else "API", source_id, recorded_at.isoformat()),
            )
