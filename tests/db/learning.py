"""Builders for the database tests, and what the numbers must be: recomputed from the raw attempts alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import count, product
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

Connection = psycopg.Connection[Any]
Number = Decimal | int
Totals = dict[tuple[Any, ...], list[Number]]

PACE = ("deadlines", "on_time", "early_seconds", "timed", "seconds")
MEASURES = (
    *("attempts", "successes", *PACE, "scored", "score_sum", "accuracy_known", "accuracy_sum"),
    *("hints_known", "hints", "hinted", "tasks", *(f"task_{name}" for name in PACE)),
    *("skilled", "skill_sum", "rated", "difficulty_sum"),
)
LIVE_VIEWS = {
    "user_totals_live": ("user_id",),
    "user_lab_totals_live": ("user_id", "lab_id"),
    "user_topic_totals_live": ("user_id", "topic_id"),
    "user_days_live": ("user_id", "day"),
    "lab_days_live": ("lab_id", "day"),
}
MATERIALIZED_VIEWS = (
    "score_ranks",
    "lab_stats",
    "topic_stats",
    "level_stats",
    "group_stats",
    "organization_stats",
    "score_distribution",
)
THIRTY_DAYS = 30 * 86_400

_numbers = count(1)


def insert(connection: Connection, table: str, returning: str = "id", **columns: object) -> Any:
    """Inserts one row and gives the value of one of its columns."""
    names, marks = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
    row = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING {returning}", columns
    ).fetchone()
    assert row is not None
    return row[0]


def add_organization(connection: Connection, time_zone: str = "UTC", slug: str | None = None) -> int:
    slug = slug or f"organization-{next(_numbers)}"
    return insert(connection, "organizations", slug=slug, name=slug, time_zone=time_zone)


def add_user(connection: Connection, organization_id: int, name: str | None = None, role: str = "STUDENT") -> int:
    name = name or f"user-{next(_numbers)}"
    return insert(
        connection,
        "users",
        organization_id=organization_id,
        external_id=name,
        username=name,
        display_name=name,
        role=role,
    )


def add_lab(connection: Connection, organization_id: int, type: str | None = None, level_id: int | None = None) -> int:
    type = type or f"lab-{next(_numbers)}"
    return insert(connection, "labs", organization_id=organization_id, type=type, title=type, level_id=level_id)


def add_topic(connection: Connection, organization_id: int, lab_ids: Iterable[int] = ()) -> int:
    name = f"topic-{next(_numbers)}"
    topic_id = insert(connection, "topics", organization_id=organization_id, external_id=name, title=name)
    for lab_id in lab_ids:
        insert(
            connection,
            "lab_topics",
            "lab_id",
            organization_id=organization_id,
            lab_id=lab_id,
            topic_id=topic_id,
        )
    return topic_id


def add_group(connection: Connection, organization_id: int, name: str | None = None) -> int:
    name = name or f"group-{next(_numbers)}"
    return insert(connection, "groups", organization_id=organization_id, external_id=name, name=name)


def add_member(
    connection: Connection,
    organization_id: int,
    group_id: int,
    user_id: int,
    role: str = "MEMBER",
    days: tuple[int, int | None] = (-30, None),
) -> int:
    """A membership from so many days from now to so many days from now; None has no end."""
    start, end = days
    row = connection.execute(
        """INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from, valid_to)
        VALUES (%s, %s, %s, %s, now() + make_interval(days => %s), now() + make_interval(days => %s))
        RETURNING id""",
        (organization_id, group_id, user_id, role, start, end),
    ).fetchone()
    assert row is not None
    return row[0]


def add_attempt(connection: Connection, organization_id: int, user_id: int, lab_id: int, **columns: object) -> int:
    """An attempt, by default a success of 2025-06-02."""
    columns = {"status": "SUCCEEDED", "completed_at": "2025-06-02 12:00+00"} | columns
    if columns["status"] == "STARTED":
        columns["completed_at"] = None
    return insert(
        connection,
        "attempts",
        organization_id=organization_id,
        user_id=user_id,
        lab_id=lab_id,
        **columns,
    )


def fold(connection: Connection, max_changes: int = 50_000) -> int:
    """How many changes were folded; None of another worker may be at it."""
    row = connection.execute("SELECT folded FROM fold_attempt_deltas(%s)", (max_changes,)).fetchone()
    return row[0] if row else 0


def refresh(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT refresh_view(%s)", (name,)).fetchone()
    assert row is not None
    return row[0]


def become(
    connection: Connection,
    organization_id: int | None,
    user_id: int | None = None,
    role: str = "STUDENT",
    group_ids: Iterable[int] = (),
) -> None:
    """Sets the viewer for all that follows on the connection, as the gateway does for a transaction."""
    viewer = {
        "organization_id": organization_id,
        "user_id": user_id,
        "role": role,
        "group_ids": list(group_ids),
    }
    connection.execute("SELECT set_config('scoregraph.viewer', %s, false)", (json.dumps(viewer),))


@dataclass(frozen=True)
class RawAttempt:
    """A finished attempt that is not deleted, as it stands in the table."""

    id: int
    organization_id: int
    user_id: int
    lab_id: int
    status: str
    completed_at: datetime
    due_at: datetime | None
    duration_seconds: Decimal | None
    score: Decimal | None
    accuracy: Decimal | None
    skill_match: Decimal | None
    difficulty: Decimal | None
    hints_used: int | None
    counted: bool
    zone: str
    topic_ids: list[int]

    @property
    def day(self) -> Any:
        return self.completed_at.astimezone(ZoneInfo(self.zone)).date()

    def groups(self, key: tuple[str, ...]) -> Iterable[tuple[Any, ...]]:
        """What a key groups it under: once, but by topic once for each topic that its lab is in now."""
        return product(*(self.topic_ids if name == "topic_id" else [getattr(self, name)] for name in key))

    def measures(self, is_task: bool) -> list[Number]:
        """In the order of MEASURES; ``is_task`` for the first success of its person in its lab."""
        on_time = self.due_at is not None and self.completed_at <= self.due_at
        early = Decimal(0)
        if self.due_at is not None:
            span = self.due_at - self.completed_at
            early = Decimal(span.days * 86_400 + span.seconds) + Decimal(span.microseconds) / 1_000_000
        timed = self.duration_seconds is not None and self.duration_seconds <= THIRTY_DAYS
        seconds = self.duration_seconds if timed and self.duration_seconds is not None else Decimal(0)
        pace = [self.due_at is not None, on_time, early, timed, seconds]
        every = [
            1,
            self.status == "SUCCEEDED",
            *pace,
            self.score is not None,
            self.score or 0,
            self.accuracy is not None,
            self.accuracy or 0,
            self.hints_used is not None,
            self.hints_used or 0,
            bool(self.hints_used),
        ]
        task = [
            1,
            *pace,
            self.skill_match is not None,
            self.skill_match or 0,
            self.difficulty is not None,
            self.difficulty or 0,
        ]
        return [*every, *(task if is_task else [0] * len(task))]


def read_attempts(connection: Connection) -> list[RawAttempt]:
    rows = connection.execute(
        """SELECT a.id, a.organization_id, a.user_id, a.lab_id, a.status, a.completed_at, a.due_at,
        a.duration_seconds, a.score, a.accuracy, a.skill_match, a.difficulty, a.hints_used, a.counted,
        o.time_zone, ARRAY(SELECT t.topic_id FROM lab_topics t WHERE t.lab_id = a.lab_id)
        FROM attempts a JOIN organizations o ON o.id = a.organization_id
        WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL"""
    )
    return [RawAttempt(*row) for row in rows]


def first_successes(attempts: Iterable[RawAttempt]) -> dict[tuple[int, int], int]:
    """The id of the attempt that counts, by person and lab."""
    first: dict[tuple[int, int], tuple[datetime, int]] = {}
    for attempt in attempts:
        if attempt.status == "SUCCEEDED":
            pair, place = (attempt.user_id, attempt.lab_id), (attempt.completed_at, attempt.id)
            first[pair] = min(place, first.get(pair, place))
    return {pair: id for pair, (_, id) in first.items()}


def recompute(attempts: list[RawAttempt], *keys: tuple[str, ...]) -> list[Totals]:
    """The sums of all measures, by each of the keys asked for."""
    first = first_successes(attempts)
    answers: list[Totals] = [{} for _ in keys]
    for attempt in attempts:
        measures = attempt.measures(first.get((attempt.user_id, attempt.lab_id)) == attempt.id)
        for key, totals in zip(keys, answers, strict=True):
            for values in attempt.groups(key):
                so_far = totals.get(values)
                totals[values] = [a + b for a, b in zip(so_far, measures, strict=True)] if so_far else measures
    return answers


def read_totals(connection: Connection, view: str) -> Totals:
    """What a live view (or a rollup) says, without the keys of which nothing is left."""
    keys = LIVE_VIEWS[view if view.endswith("_live") else f"{view}_live"]
    rows = connection.execute(
        f"SELECT organization_id, {', '.join(keys)}, {', '.join(MEASURES)} FROM {view}"
    ).fetchall()
    width = 1 + len(keys)
    return {row[:width]: list(row[width:]) for row in rows if any(row[width:])}


def expected_score(
    on_time: int, deadlines: int, skill: Decimal, skilled: int, difficulty: Decimal, rated: int
) -> Fraction | None:
    """100 · (0.5 · on-time ratio + 0.3 · skill accuracy + 0.2 · difficulty factor) over what is known."""
    known = []
    if deadlines:
        known.append((Fraction(5, 10), Fraction(on_time, deadlines)))
    if skilled:
        known.append((Fraction(3, 10), Fraction(skill) / skilled))
    if rated:
        known.append((Fraction(2, 10), Fraction(difficulty) / rated / 10))
    if not known:
        return None
    return 100 * sum(weight * value for weight, value in known) / sum(weight for weight, _ in known)


def score_of(totals: list[Number]) -> Fraction | None:
    """The score that the measures of a person give."""
    of = dict(zip(MEASURES, totals, strict=True))
    return expected_score(
        int(of["task_on_time"]),
        int(of["task_deadlines"]),
        Decimal(of["skill_sum"]),
        int(of["skilled"]),
        Decimal(of["difficulty_sum"]),
        int(of["rated"]),
    )


def one_decimal(value: Fraction) -> Decimal:
    """Rounded half-even, as scores are shown and compared: Python rounds fractions exactly so."""
    tenths = round(value * 10)
    return Decimal(tenths) / 10
