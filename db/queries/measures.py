"""The additive measures that every rollup holds, and what follows from them.

Numbers are exact (counts, and Decimal sums); ratios and means over nothing are None.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple


class Measures(NamedTuple):
    """Sums over finished attempts; the ``task_…`` ones over tasks completed (the counted attempts)."""

    attempts: int = 0
    successes: int = 0
    deadlines: int = 0
    on_time: int = 0
    early_seconds: Decimal = Decimal(0)
    timed: int = 0
    seconds: Decimal = Decimal(0)
    scored: int = 0
    score_sum: Decimal = Decimal(0)
    accuracy_known: int = 0
    accuracy_sum: Decimal = Decimal(0)
    hints_known: int = 0
    hints: int = 0
    hinted: int = 0
    tasks: int = 0
    task_deadlines: int = 0
    task_on_time: int = 0
    task_early_seconds: Decimal = Decimal(0)
    task_timed: int = 0
    task_seconds: Decimal = Decimal(0)
    skilled: int = 0
    skill_sum: Decimal = Decimal(0)
    rated: int = 0
    difficulty_sum: Decimal = Decimal(0)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Measures:
        """From a row that has a column of each name; null counts as zero."""
        values = _VALUES(row)
        if None in values:
            values = tuple(zero if value is None else value for value, zero in zip(values, _ZEROES, strict=True))
        return cls._make(values)


MEASURES = Measures._fields
_VALUES = itemgetter(*MEASURES)
_ZEROES = tuple(Measures._field_defaults[name] for name in MEASURES)

# For SQL that passes the measures on, or adds them up per key.
MEASURE_COLUMNS = ", ".join(MEASURES)
MEASURE_SUMS = ", ".join(
    f"CAST(sum({name}) AS bigint) AS {name}" if isinstance(zero, int) else f"sum({name}) AS {name}"
    for name, zero in zip(MEASURES, _ZEROES, strict=True)
)
# The arguments of performance_score() and ranking_score().
SCORE_ARGUMENTS = "task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated"


def ratio(numerator: Decimal | int, denominator: Decimal | int) -> float | None:
    """None where there is nothing to divide by."""
    if not denominator:
        return None
    if numerator.__class__ is int and denominator.__class__ is int:
        return numerator / denominator
    return float(Decimal(numerator) / Decimal(denominator))
