"""The score formula, its rounding and the experience level against exact arithmetic in Python."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.conftest import Database
from tests.db.learning import Connection, expected_score, one_decimal

EXACT = Fraction(1, 10**16)  # a numeric quotient keeps at least sixteen decimals here
pure = settings(max_examples=300, deadline=None)


@pytest.fixture(scope="module")
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


def value_of(connection: Connection, expression: str, *arguments: object) -> Decimal | None:
    row = connection.execute(f"SELECT {expression}", arguments).fetchone()
    assert row is not None
    return row[0]


def scores(connection: Connection, *sums: object) -> tuple[Decimal | None, Decimal | None]:
    """performance_score and ranking_score of the six sums."""
    row = connection.execute(
        "SELECT performance_score(a, b, c, d, e, f), ranking_score(a, b, c, d, e, f)"
        " FROM (VALUES (%s::bigint, %s::bigint, %s::numeric, %s::bigint, %s::numeric, %s::bigint))"
        " AS v (a, b, c, d, e, f)",
        sums,
    ).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("sums", "score"),
    [
        ((10, 10, 9, 10, 87.5, 10), "94.5"),  # 0.5·1 + 0.3·0.9 + 0.2·0.875
        ((7, 10, 7.5, 10, 75, 10), "72.5"),
        ((9, 10, 8.5, 10, 80, 10), "86.5"),
        ((0, 0, 0, 0, 8, 1), "80"),  # only the difficulty is known
        ((1, 2, 0, 0, 0, 0), "50"),
        ((0, 0, 0.9, 1, 0, 0), "90"),
        ((1, 1, 1, 2, 0, 0), "81.25"),  # (0.5 · 1 + 0.3 · 0.5) / 0.8
        ((0, 1, 0, 1, 0, 1), "0"),  # zero is a score
        ((0, 0, 0, 0, 0, 0), None),
    ],
)
def test_known_scores(connection: Connection, sums: tuple[float, ...], score: str | None) -> None:
    found, shown = scores(connection, *map(str, sums))
    if score is None:
        assert (found, shown) == (None, None)
    else:
        assert found == Decimal(score)
        assert shown == Decimal(score).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


@st.composite
def sums(draw: st.DrawFn) -> tuple[int, int, Decimal, int, Decimal, int]:
    """What tasks can add up to: no more on time than with a deadline, averages within their ranges."""
    few = st.integers(0, 12) | st.integers(0, 5_000)
    deadlines, skilled, rated = draw(few), draw(few), draw(few)
    on_time = draw(st.integers(0, deadlines))
    skill = Decimal(draw(st.integers(0, skilled * 10**6))) / 10**6
    difficulty = Decimal(draw(st.integers(0, rated * 10**5))) / 10**4
    return on_time, deadlines, skill, skilled, difficulty, rated


@pure
@given(sums=sums())
@example(sums=(2, 3, Decimal(0), 0, Decimal(0), 0))  # two thirds never end
@example(sums=(1, 1, Decimal("0.499"), 1, Decimal(0), 0))  # 81.2125
@example(sums=(0, 0, Decimal("0.8005"), 1, Decimal(0), 0))  # 80.05: down to the even 80.0
@example(sums=(0, 0, Decimal("0.8015"), 1, Decimal(0), 0))  # 80.15: up to the even 80.2
def test_the_score_is_exact(connection: Connection, sums: tuple[int, int, Decimal, int, Decimal, int]) -> None:
    found, shown = scores(connection, *sums)
    expected = expected_score(*sums)
    if expected is None:
        assert (found, shown) == (None, None)
        return
    assert found is not None
    assert abs(Fraction(found) - expected) <= EXACT
    if (expected * 10**16).denominator == 1:
        assert Fraction(found) == expected, "a result that terminates is not rounded"
    assert shown == one_decimal(expected)
    assert 0 <= shown <= 100


@pure
@given(sums=sums(), step=st.integers(0, 1_000))
def test_halves_go_to_the_even_neighbour(
    connection: Connection, sums: tuple[int, int, Decimal, int, Decimal, int], step: int
) -> None:
    """Ties are rare among random sums: here every score ends in …5 at the second decimal."""
    rated = max(1, sums[5])
    difficulty = (Decimal(min(step, 999)) / 10 + Decimal("0.05")) / 10
    expected = expected_score(0, 0, Decimal(0), 0, difficulty * rated, rated)
    assert expected is not None
    assert (expected * 10).denominator == 2
    found, shown = scores(connection, 0, 0, 0, 0, difficulty * rated, rated)
    assert found is not None
    assert Fraction(found) == expected
    assert shown == one_decimal(expected) == found.quantize(Decimal("0.1"), ROUND_HALF_EVEN)


@pure
@given(value=st.decimals(-(10**12), 10**12, places=6), digits=st.integers(0, 5))
@example(value=Decimal("0.5"), digits=0)
@example(value=Decimal("1.5"), digits=0)
@example(value=Decimal("-2.5"), digits=0)
@example(value=Decimal("-0.25"), digits=1)
@example(value=Decimal("0.125"), digits=2)
@example(value=Decimal("999999999999.95"), digits=1)
def test_round_half_even(connection: Connection, value: Decimal, digits: int) -> None:
    expected = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    assert value_of(connection, "round_half_even(%s, %s)", value, digits) == expected


@pure
@given(number=st.integers(-(10**9), 10**9), digits=st.integers(0, 4))
def test_round_half_even_of_halves(connection: Connection, number: int, digits: int) -> None:
    value = Decimal(2 * number + 1).scaleb(-1) * Decimal(1).scaleb(-digits)
    expected = value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    assert value_of(connection, "round_half_even(%s, %s)", value, digits) == expected


@pytest.mark.parametrize(("tasks", "level"), [(0, 1), (1, 2), (3, 2), (4, 3), (42, 7), (48, 7), (49, 8)])
def test_known_experience_levels(connection: Connection, tasks: int, level: int) -> None:
    assert value_of(connection, "experience_level(%s)", tasks) == level


@pure
@given(root=st.integers(0, 10**6), offset=st.integers(-1, 1))
def test_experience_level_turns_at_squares(connection: Connection, root: int, offset: int) -> None:
    tasks = root * root + offset
    assume(tasks >= 0)
    assert value_of(connection, "experience_level(%s)", tasks) == 1 + isqrt(tasks)


def test_nothing_in_gives_nothing_out(connection: Connection) -> None:
    assert value_of(connection, "round_half_even(NULL, 1)") is None
    assert value_of(connection, "experience_level(NULL)") is None
    assert scores(connection, *[None] * 6) == (None, None)
