"""Live ranks against sorting everybody in Python, whatever is pending, folded, refreshed or deactivated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import RawCursor

from db.queries.leaderboards import BEST_SCORES, BEST_SCORES_WITH_TIES
from settings import DatabaseRole
from tests.conftest import Database
from tests.db.learning import (
    Connection,
    add_attempt,
    add_group,
    add_lab,
    add_member,
    add_organization,
    add_user,
    become,
    fold,
    one_decimal,
    read_attempts,
    recompute,
    refresh,
    score_of,
)

PEOPLE = 7
LABS = 3
Rank = tuple[int, int, int]  # the rank, how many others share it, how many people are ranked


@dataclass(frozen=True)
class School:
    """People and labs of one organization; ``api`` is a connection of the gateway."""

    owner: Connection
    api: Connection
    organization_id: int
    user_ids: list[int]
    lab_ids: list[int]

    def ranks(self, user_ids: list[int]) -> dict[int, Rank]:
        rows = self.api.execute(
            "SELECT user_id, rank, tied_with, ranked_people FROM live_ranks(%s)", (user_ids,)
        ).fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        [[is_settled]] = self.owner.execute(
            "SELECT NOT EXISTS (SELECT FROM attempt_deltas WHERE organization_id = %s)", (self.organization_id,)
        ).fetchall()
        if is_settled:
            settled = self.api.execute(
                "SELECT user_id, rank, tied_with, ranked_people FROM settled_ranks(%s)", (user_ids,)
            ).fetchall()
            assert sorted(settled) == sorted(rows)
            for best in (BEST_SCORES, BEST_SCORES_WITH_TIES):
                assert self.best(best.settled_sql) == self.best(best.sql)
        return {row[0]: row[1:] for row in rows}

    def best(self, text: str) -> list[tuple[Any, ...]]:
        """Organization, person and score of the first three."""
        return RawCursor(self.api).execute(text, ([self.organization_id], None, None, 3)).fetchall()

    def expected(self) -> dict[int, Rank]:
        """Everybody's competition rank: one more than those above, on scores rounded to one decimal."""
        (totals,) = recompute(read_attempts(self.owner), ("user_id",))
        active = self.owner.execute(
            "SELECT id FROM users WHERE organization_id = %s AND deactivated_at IS NULL",
            (self.organization_id,),
        ).fetchall()
        scores = {}
        for (user_id,) in active:
            score = score_of(totals[user_id,]) if (user_id,) in totals else None
            if score is not None:
                scores[user_id] = one_decimal(score)
        values = list(scores.values())
        return {
            user_id: (1 + sum(other > mine for other in values), values.count(mine) - 1, len(values))
            for user_id, mine in scores.items()
        }


def make_school(database: Database) -> Iterator[School]:
    with database.connect() as owner, database.connect(DatabaseRole.API) as api:
        organization_id = add_organization(owner)
        become(api, organization_id, role="MANAGER")
        yield School(
            owner,
            api,
            organization_id,
            [add_user(owner, organization_id) for _ in range(PEOPLE)],
            [add_lab(owner, organization_id) for _ in range(LABS)],
        )


@pytest.fixture
def school(database: Database) -> Iterator[School]:
    yield from make_school(database)


@pytest.fixture(scope="module")
def changing(new_database: Any) -> Iterator[School]:
    """A school in a database of its own, with another organization whose people must never count."""
    database = new_database()
    with database.connect() as owner:
        elsewhere = add_organization(owner)
        lab_id = add_lab(owner, elsewhere)
        for difficulty in (0, 5, 10):
            add_attempt(owner, elsewhere, add_user(owner, elsewhere), lab_id, difficulty=difficulty)
    yield from make_school(database)


# --- any interleaving of changes ----------------------------------------------------------------------

person, lab = st.integers(0, PEOPLE - 1), st.integers(0, LABS - 1)
# Few values, so that people tie; some scores differ before they are rounded and not after.
task = st.fixed_dictionaries(
    {
        "difficulty": st.sampled_from([None, "0", "5", "5", "8.0041", "8.0042", "10"]),
        "skill_match": st.sampled_from([None, None, "0.5", "1"]),
        "due_at": st.sampled_from([None, None, "2025-06-01Z", "2025-06-03Z"]),
    }
)
step = st.one_of(
    st.tuples(st.just("attempt"), person, lab, task),
    st.tuples(st.just("attempt"), person, lab, task),
    st.tuples(st.just("delete"), person, lab),
    st.tuples(st.just("deactivate"), person, st.booleans()),
    st.tuples(st.just("fold"), st.sampled_from((1, 2, 50_000, 50_000))),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("look")),
)
beginning = st.lists(st.tuples(st.just("attempt"), person, lab, task), min_size=2, max_size=8)


def take(school: School, step: tuple[Any, ...]) -> None:
    match step:
        case "attempt", who, where, columns:
            add_attempt(
                school.owner,
                school.organization_id,
                school.user_ids[who],
                school.lab_ids[where],
                **columns,
            )
        case "delete", who, where:
            school.owner.execute(
                "UPDATE attempts SET deleted_at = now() WHERE counted AND user_id = %s AND lab_id = %s",
                (school.user_ids[who], school.lab_ids[where]),
            )
        case "deactivate", who, is_gone:
            school.owner.execute(
                "UPDATE users SET deactivated_at = CASE WHEN %s THEN now() END WHERE id = %s",
                (is_gone, school.user_ids[who]),
            )
        case "fold", how_many:
            fold(school.owner, how_many)
        case ("refresh",):
            assert refresh(school.owner, "score_ranks")
        case ("look",):
            assert school.ranks(school.user_ids) == school.expected()


@settings(max_examples=100, deadline=None)
@given(first=beginning, is_fresh=st.booleans(), steps=st.lists(step, min_size=5, max_size=14))
def test_ranks_follow_every_change(
    changing: School, first: list[tuple[Any, ...]], is_fresh: bool, steps: list[tuple[Any, ...]]
) -> None:
    school = changing
    school.owner.execute("DELETE FROM attempts WHERE organization_id = %s", (school.organization_id,))
    school.owner.execute("UPDATE users SET deactivated_at = NULL WHERE deactivated_at IS NOT NULL")
    look, fold_all, refresh_ranks = ("look",), ("fold", 50_000), ("refresh",)
    freshen = (fold_all, refresh_ranks) if is_fresh else ()
    for one in (*first, *freshen, *steps, look, fold_all, look, refresh_ranks, look):
        take(school, one)


# --- single rules, by name ----------------------------------------------------------------------------


def score(school: School, who: int, difficulty: object) -> None:
    """Gives a person a score of ten times the difficulty."""
    lab_id = add_lab(school.owner, school.organization_id)
    add_attempt(school.owner, school.organization_id, school.user_ids[who], lab_id, difficulty=difficulty)


@pytest.mark.parametrize("state", ["pending", "folded", "refreshed"])
def test_equal_scores_share_a_rank(school: School, state: str) -> None:
    """[90, 90, 85] stand at 1, 1, 3; compared as they are shown: 84.9959 and 85.04 are equal to 85."""
    for who, difficulty in enumerate((9, 9, "8.504", "8.49959", "8.5", 0)):
        score(school, who, difficulty)
    if state != "pending":
        fold(school.owner)
    if state == "refreshed":
        refresh(school.owner, "score_ranks")
    a, b, c, d, e, zero, unscored = school.user_ids
    found = school.ranks(school.user_ids)
    assert found == {
        **dict.fromkeys((a, b), (1, 1, 6)),
        **dict.fromkeys((c, d, e), (3, 2, 6)),
        zero: (6, 0, 6),
    }
    assert unscored not in found
    assert found == school.expected()


def test_nobody_is_ranked_where_nobody_has_a_score(school: School) -> None:
    assert school.ranks(school.user_ids) == {}


def test_a_hundred_equals(school: School) -> None:
    lab_id = school.lab_ids[0]
    ids = [add_user(school.owner, school.organization_id) for _ in range(100)]
    for user_id in ids:
        add_attempt(school.owner, school.organization_id, user_id, lab_id, difficulty=5)
    assert school.ranks(ids) == dict.fromkeys(ids, (1, 99, 100))
    fold(school.owner)
    refresh(school.owner, "score_ranks")
    assert school.ranks(ids) == dict.fromkeys(ids, (1, 99, 100))
    score(school, 0, 10)
    assert school.ranks(ids) == dict.fromkeys(ids, (2, 99, 101))


@pytest.fixture
def ranked(school: School) -> School:
    """Person n has the rank n + 1; half of it is pending."""
    for who in range(PEOPLE):
        if who == PEOPLE // 2:
            fold(school.owner)
            refresh(school.owner, "score_ranks")
        score(school, who, 9 - who)
    return school


def test_the_deactivated_leave_the_board_at_once(ranked: School) -> None:
    """And come back at once; no attempt of theirs changes, and nothing is refreshed after them."""
    fold(ranked.owner)
    refresh(ranked.owner, "score_ranks")
    first, second, *_, last = ranked.user_ids
    take(ranked, ("deactivate", 0, True))
    assert ranked.ranks([first, second, last]) == {
        second: (1, 0, PEOPLE - 1),
        last: (PEOPLE - 1, 0, PEOPLE - 1),
    }
    refresh(ranked.owner, "score_ranks")
    take(ranked, ("deactivate", 0, False))
    assert ranked.ranks(ranked.user_ids) == {
        user_id: (who + 1, 0, PEOPLE) for who, user_id in enumerate(ranked.user_ids)
    }


def test_a_student_learns_only_their_own_rank(ranked: School) -> None:
    for who, user_id in enumerate(ranked.user_ids):
        become(ranked.api, ranked.organization_id, user_id, "STUDENT")
        assert ranked.ranks(ranked.user_ids) == {user_id: (who + 1, 0, PEOPLE)}
        assert ranked.ranks([other for other in ranked.user_ids if other != user_id]) == {}


def test_a_teacher_learns_the_ranks_of_their_groups(ranked: School) -> None:
    teacher = add_user(ranked.owner, ranked.organization_id, role="TEACHER")
    group_id = add_group(ranked.owner, ranked.organization_id)
    now, ended, future = ranked.user_ids[3], ranked.user_ids[4], ranked.user_ids[5]
    add_member(ranked.owner, ranked.organization_id, group_id, teacher, "LEAD")
    add_member(ranked.owner, ranked.organization_id, group_id, now)
    add_member(ranked.owner, ranked.organization_id, group_id, ended, days=(-9, -1))
    add_member(ranked.owner, ranked.organization_id, group_id, future, days=(1, None))
    become(ranked.api, ranked.organization_id, teacher, "TEACHER", [group_id])
    assert ranked.ranks(ranked.user_ids) == {now: (4, 0, PEOPLE)}
    become(ranked.api, ranked.organization_id, teacher, "TEACHER", [])
    assert ranked.ranks(ranked.user_ids) == {}


@pytest.mark.parametrize("role", ["STUDENT", "TEACHER", "MANAGER", "ADMIN", "SERVICE"])
def test_another_organization_is_never_answered(ranked: School, role: str) -> None:
    elsewhere = add_organization(ranked.owner)
    stranger = add_user(ranked.owner, elsewhere, role="TEACHER")
    group_id = add_group(ranked.owner, elsewhere)
    add_member(ranked.owner, elsewhere, group_id, stranger, "LEAD")
    add_attempt(ranked.owner, elsewhere, stranger, add_lab(ranked.owner, elsewhere), difficulty=1)
    asked = [*ranked.user_ids, stranger]
    become(ranked.api, elsewhere, stranger, role, [group_id])
    assert ranked.ranks(asked) == {stranger: (1, 0, 1)}
    # not even with somebody else's ids in the viewer
    become(ranked.api, elsewhere, ranked.user_ids[0], role, [group_id])
    assert set(ranked.ranks(asked)) <= {stranger}


def test_without_a_viewer_there_are_no_ranks(ranked: School) -> None:
    for viewer in ("", "{}"):
        ranked.api.execute("SELECT set_config('scoregraph.viewer', %s, false)", (viewer,))
        assert ranked.ranks(ranked.user_ids) == {}
