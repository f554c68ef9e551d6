"""The one MetaData, and the measure columns that every rollup shares."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Numeric

metadata = MetaData()

COUNTS = (
    "attempts", "successes", "deadlines", "on_time", "timed", "scored", "accuracy_known", "hints_known", "hints", "hinted",
    "tasks", "task_deadlines", "task_on_time", "task_timed", "skilled", "rated",
)  # fmt: skip
SUMS = (
    "early_seconds", "seconds", "score_sum", "accuracy_sum", "task_early_seconds", "task_seconds", "skill_sum", "difficulty_sum",
)  # fmt: skip


def measure_columns() -> list[Column[object]]:
    """New columns for the additive measures (see ``measures_of`` in SQL)."""
    return [Column(name, BigInteger) for name in COUNTS] + [Column(name, Numeric) for name in SUMS]
