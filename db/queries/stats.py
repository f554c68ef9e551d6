"""What the attempts at labs, topics and levels come to: measures, people, percentiles, common errors.

Measures add up, so they come from rollups as exact as from the attempts. The rest does not: it comes from the materialized
views for those who may see everybody, and from the attempts themselves for everybody else and for any period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import product

from db.dependencies import ON_CATALOGUE, ON_VIEWS, on_labs
from db.queries.measures import MEASURE_SUMS, Measures
from db.queries.order_statistics import (
    FINISHED,
    MOST_ERRORS,
    VALUE,
    ErrorCount,
    PeopleCount,
    PercentileMeasure,
    span_of,
)
from db.queries.rollups import parts_of
from db.snapshot import Snapshot
from db.statement import Statement, sql

# The percentiles that the views keep.
STORED_POINTS = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_UNKNOWN = (None,) * len(STORED_POINTS)


class Entity(StrEnum):
    """What attempts are gathered by."""

    LAB = "lab"
    TOPIC = "topic"
    LEVEL = "level"

    @property
    def view(self) -> str:
        """The materialized view that holds its people, percentiles and errors."""
        return f"{self}_stats"


@dataclass(frozen=True, slots=True)
class AttemptScope:
    """Which attempts, of those at a lab, topic or level: of everybody (for a viewer who sees all) or of the viewer's people;
    completed in [start, end), or at any time where both are None.
    """

    entity: Entity
    everybody: bool
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_all_time(self) -> bool:
        return self.start is None


@dataclass(frozen=True, slots=True)
class StoredStats:
    """A row of a materialized view. Percentiles are those of STORED_POINTS, None where no attempt has the measure."""

    attempts: int
    people: PeopleCount
    percentiles: dict[PercentileMeasure, tuple[float | None, ...]]
    errors: tuple[ErrorCount, ...]


# The labs of each key, as rows (key, lab_id).
_LABS = {
    Entity.LAB: "SELECT id AS key, id AS lab_id FROM labs WHERE id = ANY (:keys)",
    Entity.TOPIC: "SELECT topic_id AS key, lab_id FROM lab_topics WHERE topic_id = ANY (:keys)",
    Entity.LEVEL: "SELECT level_id AS key, id AS lab_id FROM labs WHERE level_id = ANY (:keys)",
}
# Says again what row security says, so that the indices on people are used.
PEOPLE_SEEN = {True: "", False: " AND a.user_id = ANY (ARRAY(SELECT viewer_people()))"}
_LAB_IDS = "a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen))"


def _statement(entity: Entity, everybody: bool, body: str) -> Statement:
    # Which of a lab's attempts somebody sees who does not see all, depends on more than the lab.
    return sql(body, *((on_labs("keys"), ON_CATALOGUE) if everybody and entity is Entity.LAB else ()))


def _totals_statement(entity: Entity, everybody: bool) -> Statement:
    live = parts_of("lab_days", "lab_id") if everybody else parts_of("user_lab_totals", "user_id", "lab_id")
    return _statement(
        entity,
        everybody,
        f"""
WITH chosen AS ({_LABS[entity]})
SELECT key, {MEASURE_SUMS}
FROM chosen JOIN {live} AS a USING (lab_id)
WHERE {_LAB_IDS}{PEOPLE_SEEN[everybody]}
GROUP BY key
""",
    )


def _period_statement(entity: Entity, everybody: bool) -> Statement:
    return _statement(
        entity,
        everybody,
        f"""
WITH chosen AS ({_LABS[entity]})
SELECT key, {MEASURE_SUMS}
FROM chosen JOIN attempt_measures AS a USING (lab_id)
WHERE {_LAB_IDS}{PEOPLE_SEEN[everybody]} AND a.completed_at >= :start AND a.completed_at < :end
GROUP BY key
""",
    )


def _people_statement(entity: Entity, everybody: bool) -> Statement:
    return _statement(
        entity,
        everybody,
        f"""
WITH chosen AS ({_LABS[entity]})
SELECT key, count(DISTINCT a.user_id), count(DISTINCT a.user_id) FILTER (WHERE a.success)
FROM chosen JOIN attempts AS a USING (lab_id)
WHERE {_LAB_IDS}{PEOPLE_SEEN[everybody]} AND {FINISHED}
GROUP BY key
""",
    )


def errors_text(entity: Entity, everybody: bool) -> str:
    """SQL for the most common errors of each of ``:keys``."""
    return f"""
WITH chosen AS ({_LABS[entity]}),
counted AS (
  SELECT key, e.code, count(DISTINCT a.id) AS attempts
  FROM chosen JOIN attempts AS a USING (lab_id) CROSS JOIN LATERAL unnest(a.errors) AS e (code)
  WHERE {_LAB_IDS}{PEOPLE_SEEN[everybody]} AND {FINISHED} AND a.errors <> '{{}}'
  GROUP BY key, e.code
),
ranked AS (SELECT *, row_number() OVER (PARTITION BY key ORDER BY attempts DESC, code) AS position FROM counted)
SELECT key, code, attempts FROM ranked WHERE position <= {MOST_ERRORS} ORDER BY key, position
"""


def _percentile_statement(entity: Entity, everybody: bool, measure: PercentileMeasure) -> Statement:
    return _statement(
        entity,
        everybody,
        f"""
WITH chosen AS ({_LABS[entity]})
SELECT key, percentile_cont(CAST(:p AS float8)) WITHIN GROUP (ORDER BY CAST({VALUE[measure]} AS float8))
FROM chosen JOIN attempts AS a USING (lab_id)
WHERE {_LAB_IDS}{PEOPLE_SEEN[everybody]} AND {FINISHED}
GROUP BY key
""",
    )


_SCOPES = tuple(product(Entity, (True, False)))
TOTALS = {scope: _totals_statement(*scope) for scope in _SCOPES}
PERIODS = {scope: _period_statement(*scope) for scope in _SCOPES}
PEOPLE = {scope: _people_statement(*scope) for scope in _SCOPES}
ERRORS = {scope: _statement(*scope, errors_text(*scope)) for scope in _SCOPES}
PERCENTILES = {
    (*scope, measure): _percentile_statement(*scope, measure) for scope in _SCOPES for measure in PercentileMeasure
}
STORED = {
    entity: sql(
        f"""
SELECT {entity}_id AS key, attempts, people, successful_people, duration_percentiles, score_percentiles, common_errors
FROM {entity.view} WHERE {entity}_id = ANY (:keys)
""",
        ON_VIEWS,
    )
    for entity in Entity
}


async def get_attempt_measures(snapshot: Snapshot, keys: Sequence[int], scope: AttemptScope) -> dict[int, Measures]:
    """By lab, topic or level, for those with attempts; exact at the instant of the snapshot."""
    if scope.is_all_time:
        rows = await snapshot.rows(TOTALS[scope.entity, scope.everybody], keys=keys)
    else:
        statement = PERIODS[scope.entity, scope.everybody]
        rows = await snapshot.rows(statement, keys=keys, start=scope.start, end=scope.end)
    return {row["key"]: Measures.from_row(row) for row in rows}


async def get_people_counts(snapshot: Snapshot, keys: Sequence[int], scope: AttemptScope) -> dict[int, PeopleCount]:
    """By lab, topic or level, for those with attempts."""
    start, end = span_of(scope.start, scope.end)
    rows = await snapshot.rows(PEOPLE[scope.entity, scope.everybody], keys=keys, start=start, end=end)
    return {key: PeopleCount(people, successful) for key, people, successful in rows}


async def get_common_errors(
    snapshot: Snapshot, keys: Sequence[int], scope: AttemptScope
) -> dict[int, tuple[ErrorCount, ...]]:
    """By lab, topic or level, for those with errors: the MOST_ERRORS in most attempts; ties by code."""
    start, end = span_of(scope.start, scope.end)
    found: dict[int, tuple[ErrorCount, ...]] = {}
    for key, code, attempts in await snapshot.rows(
        ERRORS[scope.entity, scope.everybody], keys=keys, start=start, end=end
    ):
        found[key] = (*found.get(key, ()), ErrorCount(code, attempts))
    return found


async def get_percentiles(
    snapshot: Snapshot, keys: Sequence[int], scope: AttemptScope, measure: PercentileMeasure, p: float
) -> dict[int, float | None]:
    """By lab, topic or level, interpolated between attempts (percentile_cont); None where no attempt has the measure."""
    start, end = span_of(scope.start, scope.end)
    statement = PERCENTILES[scope.entity, scope.everybody, measure]
    return dict(await snapshot.rows(statement, keys=keys, p=p, start=start, end=end))


async def get_stored_stats(snapshot: Snapshot, keys: Sequence[int], entity: Entity) -> dict[int, StoredStats]:
    """By lab, topic or level, for those with attempts at the last refresh. Nothing for viewers who do not see all."""
    return {
        row["key"]: StoredStats(
            row["attempts"],
            PeopleCount(row["people"], row["successful_people"]),
            {
                PercentileMeasure.COMPLETION_TIME_SECONDS: tuple(row["duration_percentiles"] or _UNKNOWN),
                PercentileMeasure.SCORE: tuple(row["score_percentiles"] or _UNKNOWN),
            },
            tuple(ErrorCount(error["code"], error["attempts"]) for error in row["common_errors"]),
        )
        for row in await snapshot.rows(STORED[entity], keys=keys)
    }
