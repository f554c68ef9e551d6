"""How the scores of a crowd are spread: mean, median, deviation, percentiles, and how many lie between which boundaries.

Scores are not rounded before. The materialized views hold a crowd's spread as of their refresh; the rest is computed from
the rollups, exact at the instant of the snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db.dependencies import Dependency, on_groups
from db.queries.group_stats import MEMBERS, THEIR_IDS, Attribution
from db.snapshot import Snapshot
from db.statement import Statement, sql

# The percentiles that the views keep.
STORED_POINTS = (0.25, 0.5, 0.75, 0.9)
# What the view of an organization's distribution is cut at.
STORED_BOUNDARIES = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)


class Crowd(StrEnum):
    """Whose scores: those of the present members of a group, of the learners of an organization, or of those of them whom the
    viewer may see. The key is the id of the group or organization. The deactivated are in none.
    """

    GROUP = "GROUP"
    ORGANIZATION = "ORGANIZATION"
    VISIBLE = "VISIBLE"


@dataclass(frozen=True, slots=True)
class ScoreSpread:
    """Of the scores of ``scored`` of the ``people``. Percentiles are those of STORED_POINTS; all None without any score."""

    people: int = 0
    scored: int = 0
    mean: Decimal | None = None
    percentiles: tuple[float, ...] | None = None
    deviation: Decimal | None = None
    min: Decimal | None = None
    max: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """How many scores lie between consecutive boundaries; the last boundary belongs to the last count."""

    people: int
    mean: Decimal | None
    counts: tuple[int, ...]


# Learners, as the view organization_stats has them.
_LEARNERS = """
  SELECT t.organization_id AS key, t.score, t.ranking_score
  FROM user_totals_live t JOIN users u ON u.id = t.user_id
  WHERE t.organization_id = ANY (:keys) AND t.active AND (u.role = 'STUDENT' OR t.attempts > 0)"""
# Rows (key, score, ranking_score) for each person of a crowd.
_SCORES = {
    Crowd.GROUP: f"""
members AS MATERIALIZED ({MEMBERS[Attribution.CURRENT]}),
totals AS MATERIALIZED (SELECT user_id, score, ranking_score FROM user_totals_live WHERE {THEIR_IDS}),
scores AS (SELECT m.group_id AS key, t.score, t.ranking_score FROM members m JOIN totals t USING (user_id))""",
    Crowd.ORGANIZATION: f"scores AS ({_LEARNERS})",
    # Says again what row security says, so that the indices on people are used.
    Crowd.VISIBLE: f"scores AS ({_LEARNERS} AND t.user_id = ANY (ARRAY(SELECT viewer_people())))",
}
_DEPENDENCIES: dict[Crowd, tuple[Dependency, ...]] = {
    Crowd.GROUP: (on_groups("keys"),),
    Crowd.ORGANIZATION: (),
    Crowd.VISIBLE: (),
}
_SPREAD = "people, scored, mean, percentiles, deviation, min, max"

STORED_SPREADS = {
    Crowd.GROUP: sql(f"SELECT group_id AS key, {_SPREAD} FROM group_stats WHERE group_id = ANY (:keys)"),
    Crowd.ORGANIZATION: sql(
        f"SELECT organization_id AS key, {_SPREAD} FROM organization_stats WHERE organization_id = ANY (:keys)"
    ),
}
STORED_COUNTS = sql("""
SELECT s.organization_id AS key, s.people, s.mean,
  ARRAY(
    SELECT coalesce(d.people, 0)
    FROM generate_series(0, 4) AS b (bucket)
    LEFT JOIN score_distribution d ON d.organization_id = s.organization_id AND d.bucket = b.bucket
    ORDER BY b.bucket
  ) AS counts
FROM organization_stats s WHERE s.organization_id = ANY (:keys)
""")


def _live(crowd: Crowd, columns: str, condition: str = "true") -> Statement:
    return sql(
        f"WITH {_SCORES[crowd]} SELECT key, {columns} FROM scores WHERE {condition} GROUP BY key", *_DEPENDENCIES[crowd]
    )


SPREADS = {
    crowd: _live(
        crowd,
        f"""count(*) AS people, count(score) AS scored, avg(score) AS mean,
  percentile_cont(CAST(ARRAY{list(STORED_POINTS)} AS float8[])) WITHIN GROUP (ORDER BY CAST(score AS float8)) AS percentiles,
  stddev_pop(score) AS deviation, min(score) AS min, max(score) AS max""",
    )
    for crowd in Crowd
}
PERCENTILES = {
    crowd: _live(crowd, "percentile_cont(CAST(:p AS float8)) WITHIN GROUP (ORDER BY CAST(score AS float8)) AS value")
    for crowd in Crowd
}
# width_bucket gives 1 to n within [first, last), so the last boundary itself is put with the bucket before it.
COUNTS = {
    crowd: sql(
        f"""
WITH {_SCORES[crowd]},
placed AS (
  SELECT key, score, CASE WHEN score = :last THEN CAST(:buckets AS integer)
    ELSE width_bucket(score, CAST(:boundaries AS numeric[])) END AS bucket
  FROM scores
)
SELECT key, bucket, count(*) AS people, count(score) AS scored, sum(score) AS total FROM placed GROUP BY key, bucket
""",
        *_DEPENDENCIES[crowd],
    )
    for crowd in Crowd
}
SCORES = sql(
    f"""
WITH {_SCORES[Crowd.GROUP]}
SELECT key, array_agg(ranking_score ORDER BY ranking_score DESC) AS scores
FROM scores WHERE ranking_score IS NOT NULL GROUP BY key
""",
    *_DEPENDENCIES[Crowd.GROUP],
)


async def get_stored_spreads(snapshot: Snapshot, crowd: Crowd, keys: Sequence[int]) -> dict[int, ScoreSpread]:
    """As of the last refresh; nothing for crowds without people then, or that the viewer sees only in part."""
    return _spreads(await snapshot.rows(STORED_SPREADS[crowd], keys=keys)) if crowd in STORED_SPREADS else {}


async def get_spreads(snapshot: Snapshot, crowd: Crowd, keys: Sequence[int]) -> dict[int, ScoreSpread]:
    """For crowds with people."""
    return _spreads(await snapshot.rows(SPREADS[crowd], keys=keys))


async def get_score_percentiles(
    snapshot: Snapshot, crowd: Crowd, keys: Sequence[int], p: float
) -> dict[int, float | None]:
    """Interpolated between scores (percentile_cont)."""
    return dict(await snapshot.rows(PERCENTILES[crowd], keys=keys, p=p))


async def get_stored_score_counts(snapshot: Snapshot, keys: Sequence[int]) -> dict[int, ScoreCounts]:
    """By organization, between STORED_BOUNDARIES, as of the last refresh."""
    return {
        key: ScoreCounts(people, mean, tuple(counts))
        for key, people, mean, counts in await snapshot.rows(STORED_COUNTS, keys=keys)
    }


async def get_score_counts(
    snapshot: Snapshot, crowd: Crowd, keys: Sequence[int], boundaries: Sequence[float]
) -> dict[int, ScoreCounts]:
    """For crowds with people. Boundaries ascend."""
    buckets = len(boundaries) - 1
    exact = [Decimal(repr(boundary)) for boundary in boundaries]
    rows = await snapshot.rows(COUNTS[crowd], keys=keys, boundaries=exact, last=exact[-1], buckets=buckets)
    found: dict[int, ScoreCounts] = {}
    for key in {row["key"] for row in rows}:
        parts = {row["bucket"]: row for row in rows if row["key"] == key}
        scored = sum(part["scored"] for part in parts.values())
        total = sum((part["total"] for part in parts.values() if part["scored"]), Decimal(0))
        found[key] = ScoreCounts(
            sum(part["people"] for part in parts.values()),
            total / scored if scored else None,
            tuple(parts[bucket]["people"] if bucket in parts else 0 for bucket in range(1, buckets + 1)),
        )
    return found


async def get_scores(snapshot: Snapshot, group_ids: Sequence[int]) -> dict[int, tuple[Decimal, ...]]:
    """The members' scores by group as displayed, highest first; for groups with any."""
    return {key: tuple(scores) for key, scores in await snapshot.rows(SCORES, keys=group_ids)}


def _spreads(rows: Sequence[Mapping[str, Any]]) -> dict[int, ScoreSpread]:
    return {
        row["key"]: ScoreSpread(
            row["people"],
            row["scored"],
            row["mean"],
            tuple(row["percentiles"]) if row["percentiles"] and row["scored"] else None,
            row["deviation"],
            row["min"],
            row["max"],
        )
        for row in rows
    }
