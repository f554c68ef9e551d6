"""The demonstration: its size, that it is the same again, and that it looks like life."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from importers.demo_attempts import Calendar, make_assignments, make_attempts
from importers.demo_catalogue import COURSES, LABS, TOPICS, labs_of_course
from importers.demo_data import ATTEMPTS, SEED, SERVICE, demo_people, fill_demo
from importers.demo_roster import PLACES, make_rosters
from tests.conftest import Database

TODAY = date(2026, 3, 16)
SECONDS = 60.0
"""Its budget is 25 s on two cores; tests run where others work too."""


def ask(database: Database, statement: str) -> Any:
    with database.connect() as owner:
        return owner.execute(statement).fetchall()


def one(database: Database, statement: str) -> Any:
    return ask(database, statement)[0][0]


def fingerprint(database: Database) -> str:
    """What there is, without the ids and the instants at which it was written."""
    digest = sha256()
    for statement in (
        "SELECT slug, name, time_zone FROM organizations ORDER BY slug",
        "SELECT external_id, display_name, email, role, created_at, deactivated_at FROM users ORDER BY organization_id, external_id",
        "SELECT g.external_id, u.external_id, m.role, m.valid_from, m.valid_to FROM group_memberships m "
        "JOIN groups g ON g.id = group_id JOIN users u ON u.id = user_id ORDER BY g.id, 2, 3, 4",
        "SELECT l.type, g.external_id, a.assigned_at, a.due_at FROM assignments a JOIN labs l ON l.id = lab_id "
        "JOIN groups g ON g.id = group_id ORDER BY g.id, l.type",
        "SELECT u.external_id, l.type, a.status, a.started_at, a.completed_at, a.due_at, a.duration_seconds, a.score, a.accuracy, "
        "a.skill_match, a.difficulty, a.hints_used, a.errors, a.memory_mib, a.source, a.source_id, a.recorded_at, a.counted "
        "FROM attempts a JOIN users u ON u.id = user_id JOIN labs l ON l.id = lab_id ORDER BY a.organization_id, a.source_id",
    ):
        digest.update(repr(ask(database, statement)).encode())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], Database]) -> tuple[Database, float]:
    database = new_database()
    began = time.monotonic()
    fill_demo(database.url, today=TODAY)
    return database, time.monotonic() - began


@pytest.fixture(scope="module")
def demo(filled: tuple[Database, float]) -> Database:
    return filled[0]


def test_the_catalogue() -> None:
    assert (len(TOPICS), len(LABS), len({lab.type for lab in LABS})) == (12, 120, 120)
    assert len({lab.title for lab in LABS}) == 120
    assert {lab.level for lab in LABS} == {1, 2, 3, 4, 5, 6}
    assert all(0 < lab.difficulty <= 10 and lab.skills and len(lab.errors) >= 4 for lab in LABS)
    means = [
        sum(lab.difficulty for lab in LABS if lab.level == n) / sum(lab.level == n for lab in LABS) for n in range(1, 7)
    ]
    assert means == sorted(means)
    assert all(len(labs_of_course(course)) == 50 for course in COURSES)


def test_it_has_its_size_in_time(filled: tuple[Database, float]) -> None:
    demo, seconds = filled
    assert one(demo, "SELECT count(*) FROM users") == 600
    assert ask(demo, "SELECT role, count(*) FROM users GROUP BY 1 ORDER BY 1") == [
        ("ADMIN", 2),
        ("MANAGER", 4),
        ("STUDENT", 570),
        ("TEACHER", 24),
    ]
    assert one(demo, "SELECT count(*) FROM groups") == 24
    assert (
        one(demo, "SELECT count(DISTINCT user_id) FROM group_memberships WHERE role = 'LEAD' AND valid_to IS NULL")
        == 24
    )
    assert ask(
        demo, "SELECT o.slug, count(*) FROM labs JOIN organizations o ON o.id = organization_id GROUP BY 1 ORDER BY 1"
    ) == [
        ("costa-academy", 120),
        ("hudson-labs", 120),
    ]
    assert one(demo, "SELECT count(*) FROM assignments") == 24 * 50
    assert 300 < one(demo, "SELECT count(*) FROM deadline_extensions") < 700
    assert one(demo, "SELECT count(*) FROM attempts") == 60_000 == sum(ATTEMPTS.values())
    assert seconds < SECONDS


def test_it_is_folded_and_refreshed(demo: Database) -> None:
    assert one(demo, "SELECT count(*) FROM attempt_deltas") == 0
    assert one(demo, "SELECT count(*) FROM view_refreshes WHERE refreshed_at IS NULL OR rows = 0") == 0
    assert one(demo, "SELECT sum(attempts) FROM user_totals") == one(
        demo, "SELECT count(*) FROM attempts WHERE status <> 'STARTED'"
    )
    wrongly_counted = """
    SELECT count(*) FROM (
      SELECT counted, row_number() OVER (PARTITION BY user_id, lab_id ORDER BY completed_at, id) AS number FROM attempts WHERE success
    ) AS s WHERE counted <> (number = 1)
    """
    assert one(demo, wrongly_counted) == 0


def test_it_is_within_its_year_and_rules(demo: Database) -> None:
    first, last = ask(demo, "SELECT min(started_at), max(started_at) FROM attempts")[0]
    # A local year: New York's days end 4 hours after those of UTC, and a late evening may last into the night.
    assert datetime(2025, 3, 16, 22, tzinfo=UTC) < first < datetime(2025, 3, 25, tzinfo=UTC)
    assert datetime(2026, 3, 16, 12, tzinfo=UTC) < last < datetime(2026, 3, 17, 10, tzinfo=UTC)
    assert (
        one(
            demo, "SELECT count(*) FROM attempts a JOIN users u ON u.id = user_id WHERE a.started_at > u.deactivated_at"
        )
        == 0
    )
    assert one(demo, "SELECT count(*) FROM attempts WHERE (assignment_id IS NULL) <> (due_at IS NULL)") == 0
    assert one(demo, "SELECT count(*) FROM attempts WHERE status <> 'STARTED' AND abs(extract(epoch FROM completed_at - started_at) - duration_seconds) > 1") == 0  # fmt: skip
    extended = "SELECT count(*) FROM attempts a JOIN deadline_extensions e USING (assignment_id, user_id) WHERE a.due_at <> e.due_at"
    assert one(demo, extended) == 0


def test_it_looks_like_life(demo: Database) -> None:
    shares = dict(ask(demo, "SELECT status, count(*) / 60000.0 FROM attempts GROUP BY 1"))
    assert 0.5 < shares["SUCCEEDED"] < 0.8
    assert 0.15 < shares["FAILED"] < 0.4
    assert 0.005 < shares["ABANDONED"] < 0.1
    assert 0.001 < shares["STARTED"] < 0.02
    scores, deviation = ask(
        demo, "SELECT count(DISTINCT ranking_score), stddev(ranking_score) FROM user_totals WHERE attempts > 0"
    )[0]
    assert scores > 150
    assert deviation > 5
    on_time, deadlines, attempts = ask(demo, "SELECT sum(on_time), sum(deadlines), sum(attempts) FROM user_totals")[0]
    assert 0.5 < on_time / deadlines < 0.9
    assert 0.4 < deadlines / attempts < 0.9
    assert (
        one(
            demo,
            "SELECT max(attempts) - min(attempts) FROM user_totals t JOIN users u ON u.id = user_id WHERE role = 'STUDENT'",
        )
        > 60
    )
    sunday, tuesday = (
        one(demo, f"SELECT count(*) FROM attempts WHERE extract(isodow FROM started_at) = {day}") for day in (7, 2)
    )
    assert sunday < 0.75 * tuesday
    evening, night = (
        one(demo, "SELECT count(*) FROM attempts a JOIN organizations o ON o.id = organization_id "
            f"WHERE extract(hour FROM started_at AT TIME ZONE time_zone) {hours}") for hours in ("BETWEEN 18 AND 21", "BETWEEN 2 AND 5")
    )  # fmt: skip
    assert evening > 20 * night
    christmas, november = (
        one(demo, f"SELECT count(*) FROM attempts WHERE started_at >= date '{a}' AND started_at < date '{b}'")
        for a, b in (("2025-12-23", "2026-01-02"), ("2025-11-10", "2025-11-20"))
    )
    assert christmas < 0.6 * november
    by_level = ask(
        demo,
        "SELECT avg(a.success::int)::float8 FROM attempts a JOIN labs l ON l.id = lab_id JOIN levels v ON v.id = level_id GROUP BY position ORDER BY position",
    )
    assert by_level[0][0] > by_level[2][0] > by_level[5][0]
    tries = ask(
        demo, "SELECT n, count(*) FROM (SELECT count(*) AS n FROM attempts GROUP BY user_id, lab_id) AS s GROUP BY 1"
    )
    assert len(tries) >= 5
    assert one(demo, "SELECT count(*) FROM users WHERE deactivated_at IS NOT NULL") >= 10
    moved = "SELECT count(*) FROM (SELECT FROM group_memberships WHERE role = 'MEMBER' GROUP BY user_id HAVING count(*) > 1 AND bool_or(valid_to IS NOT NULL)) AS s"
    assert one(demo, moved) >= 10
    assert one(demo, "SELECT count(*) FROM users WHERE display_name !~ '^[[:ascii:]]*$'") > 100
    assert one(demo, "SELECT count(*) FROM users WHERE external_id !~ '^[a-z0-9.]+$'") == 0
    assert one(demo, "SELECT count(DISTINCT e) FROM attempts, unnest(errors) AS e") > 25


def test_again_it_does_nothing(demo: Database) -> None:
    statement = "SELECT sum(xmin::text::bigint), count(*) FROM (SELECT xmin FROM attempts UNION ALL SELECT xmin FROM users UNION ALL SELECT xmin FROM view_refreshes) AS s"  # fmt: skip
    before = ask(demo, statement)
    fill_demo(demo.url, today=TODAY)
    fill_demo(demo.url)
    assert ask(demo, statement) == before


def test_the_same_seed_and_day_give_the_same_again(demo: Database, new_database: Callable[[], Database]) -> None:
    other = new_database()
    fill_demo(other.url, today=TODAY)
    assert fingerprint(other) == fingerprint(demo)


@pytest.mark.parametrize("today", [date(2026, 1, 1), date(2024, 2, 29), date(2026, 8, 31)])
def test_every_day_has_the_same_people_and_size(today: date) -> None:
    for roster, usual in zip(make_rosters(SEED, today), make_rosters(SEED, TODAY), strict=True):
        assert [(p.key, p.name, p.role) for p in roster.people] == [(p.key, p.name, p.role) for p in usual.people]
        assert [(g.key, [s.person.key for s in g.stays]) for g in roster.groups] == [
            (g.key, [s.person.key for s in g.stays]) for g in usual.groups
        ]
    roster = make_rosters(SEED, today)[1]
    calendar = Calendar(today, ZoneInfo(PLACES[1].time_zone))
    attempts = make_attempts(SEED, roster, make_assignments(SEED, roster, calendar), calendar, ATTEMPTS["hudson-labs"])
    assert len(attempts) == ATTEMPTS["hudson-labs"]


def test_another_seed_gives_other_people() -> None:
    assert [p.name for p in make_rosters(1, TODAY)[0].people] != [p.name for p in make_rosters(2, TODAY)[0].people]


def test_there_is_somebody_for_each_role(demo: Database, new_database: Callable[[], Database]) -> None:
    people = demo_people(demo.url)
    assert set(people) == {"STUDENT", "TEACHER", "MANAGER", "ADMIN", "SERVICE"}
    assert {slug for slug, _ in people.values()} == {"costa-academy"}
    assert people["SERVICE"][1] == SERVICE
    for role in ("STUDENT", "TEACHER", "MANAGER", "ADMIN"):
        assert (
            one(demo, f"SELECT role FROM users WHERE external_id = '{people[role][1]}' AND organization_id = 1") == role
        )
    assert (
        one(
            demo,
            f"SELECT attempts FROM user_totals t JOIN users u ON u.id = user_id WHERE external_id = '{people['STUDENT'][1]}'",
        )
        > 100
    )
    led = f"SELECT count(*) FROM group_memberships WHERE group_id = (SELECT group_id FROM group_memberships m JOIN users u ON u.id = user_id WHERE u.external_id = '{people['TEACHER'][1]}' AND m.role = 'LEAD' LIMIT 1)"  # fmt: skip
    assert one(demo, led) > 20
    assert demo_people(new_database().url) == {}
