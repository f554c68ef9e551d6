"""The rollups with the changes that are not folded yet, as parts that are still to be added up.

The live views add them up per key; a sum over many keys is faster without that step, and as exact.
"""

from __future__ import annotations

from db.queries.measures import MEASURE_COLUMNS


def parts_of(rollup: str, *keys: str) -> str:
    """A subquery of ``keys`` (columns of the rollup that changes have, too) and the measures. A key may come several times,
    in parts that cancel each other out.
    """
    columns = ", ".join((*keys, MEASURE_COLUMNS))
    return f"(SELECT {columns} FROM {rollup} UNION ALL SELECT {columns} FROM attempt_deltas)"
