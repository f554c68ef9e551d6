"""Where a person stands at some place in time: all-time totals less what was completed from there on.

Subtracting what came later costs what was asked about, not the length of the history before it. The totals are exact (counts
and numeric sums), so the difference is too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from db.queries.measures import SCORE_ARGUMENTS


@dataclass(frozen=True, slots=True)
class Standing:
    """Sums over the tasks that a person had completed by then, and the unrounded score that they give."""

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
    score: Decimal | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Standing:
        """From a row with the ``standing_…`` columns."""
        return cls(*(row[f"standing_{f.name}"] for f in fields(cls)))


_SUMS = tuple(f for f in fields(Standing) if f.name != "score")

STANDING_COLUMNS = tuple(f"standing_{f.name}" for f in _SUMS)
STANDING_COUNTS = frozenset(f"standing_{f.name}" for f in _SUMS if isinstance(f.default, int))
STANDING_SCORE = (
    f"performance_score({', '.join(f'standing_{name}' for name in SCORE_ARGUMENTS.split(', '))}) AS standing_score"
)


# What a standing is before anything was done.
NO_STANDING = {f"standing_{f.name}": f.default for f in fields(Standing)}


def standing_columns(totals: str, parts: str, names: Collection[str] | None = None) -> str:
    """Columns ``standing_…``: those of ``totals`` less the sums of ``parts`` over a window named ``later``. ``names`` are the
    sums that are wanted (None: all).
    """
    return ", ".join(
        f"{totals}.{f.name} - coalesce(add_up({parts}.{f.name}) OVER later, 0) AS standing_{f.name}"
        for f in _SUMS
        if names is None or f.name in names
    )
