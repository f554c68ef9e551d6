"""Random histories of one person, and what the graph should say of them, worked out without the code under test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import psycopg
from hypothesis import strategies as st

from tests.db.learning import expected_score, one_decimal

LABS = 10
# The week in which clocks in Madrid go forward.
MONDAY = datetime(2026, 3, 23, tzinfo=UTC)

_numbers = count(1)


@dataclass(frozen=True)
class Done:
    """A finished attempt. ``minutes`` from MONDAY; the deadline as many after (or before) that."""

    lab: int
    minutes: int
    success: bool
    deleted: bool
    due_after: int | None
    skill: Decimal | None
    difficulty: Decimal | None

    @property
    def at(self) -> datetime:
        return MONDAY + timedelta(minutes=self.minutes)

    @property
    def due_at(self) -> datetime | None:
        return None if self.due_after is None else self.at + timedelta(minutes=self.due_after)


# Quarters of an hour, so that instants coincide with each other and with midnights.
HISTORIES = st.lists(
    st.builds(
        Done,
        lab=st.integers(0, LABS - 1),
        minutes=st.integers(-4 * 24 * 3, 4 * 24 * 10).map(lambda quarters: quarters * 15),
        success=st.sampled_from((True, True, True, False)),
        deleted=st.sampled_from((False, False, False, False, True)),
        due_after=st.none() | st.sampled_from((-1440, -1, 0, 1, 600)),
        skill=st.none() | st.decimals(0, 1, places=6),
        difficulty=st.none() | st.decimals(0, 10, places=4),
    ),
    max_size=14,
)


def add_labs(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        """INSERT INTO labs (organization_id, type, title)
        SELECT o.id, 'r' || n, 'r' || n FROM organizations o, generate_series(0, %s) AS n WHERE o.slug = 'north'""",
        (LABS - 1,),
    )


def live(connection: psycopg.Connection[Any], history: list[Done]) -> tuple[str, list[tuple[int, Done]]]:
    """A new person of north with the history; their external id, and the attempts with their ids."""
    name = f"person-{next(_numbers)}"
    connection.execute(
        """INSERT INTO users (organization_id, external_id, username, display_name)
        SELECT id, %(name)s, %(name)s, %(name)s FROM organizations WHERE slug = 'north'""",
        {"name": name},
    )
    return name, [(record(connection, name, done), done) for done in history]


def record(connection: psycopg.Connection[Any], person: str, done: Done) -> int:
    """Inserts one attempt; its id."""
    row = connection.execute(
        """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, due_at, skill_match, difficulty,
          deleted_at)
        SELECT u.organization_id, u.id, l.id, %s, %s, %s, %s, %s, %s
        FROM users u JOIN organizations o ON o.id = u.organization_id AND o.slug = 'north'
        JOIN labs l ON l.organization_id = o.id AND l.type = %s WHERE u.external_id = %s RETURNING id""",
        (
            "SUCCEEDED" if done.success else "FAILED",
            done.at,
            done.due_at,
            done.skill,
            done.difficulty,
            MONDAY if done.deleted else None,
            f"r{done.lab}",
            person,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def tasks_of(lived: list[tuple[int, Done]]) -> list[tuple[int, Done]]:
    """The attempts that count, in order of completion: the first success at each lab."""
    first: dict[int, tuple[int, Done]] = {}
    for id, done in sorted(lived, key=lambda one: (one[1].at, one[0])):
        if done.success and not done.deleted:
            first.setdefault(done.lab, (id, done))
    return sorted(first.values(), key=lambda one: (one[1].at, one[0]))


def score_of(tasks: list[tuple[int, Done]]) -> Fraction | None:
    """Unrounded, over these tasks."""
    due = [done for _, done in tasks if done.due_at is not None]
    skills = [done.skill for _, done in tasks if done.skill is not None]
    difficulties = [done.difficulty for _, done in tasks if done.difficulty is not None]
    return expected_score(
        sum(done.at <= done.due_at for done in due if done.due_at is not None),
        len(due),
        sum(skills, Decimal(0)),
        len(skills),
        sum(difficulties, Decimal(0)),
        len(difficulties),
    )


def shown(score: Fraction | None) -> float | None:
    """As the graph shows a score or a difference of scores."""
    return None if score is None else float(one_decimal(score)) + 0.0


def difference(score: Fraction | None, before: Fraction | None) -> Fraction | None:
    return None if score is None or before is None else score - before
