"""What the attempts of a group's members come to: in all, or by topic or level.

Which people a group has is a matter of attribution: those who are in it now, with all that they ever did, or whoever was in
it at the time, with what they did then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import product

from db.dependencies import ON_CATALOGUE, on_groups
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
from db.queries.stats import Entity
from db.snapshot import Snapshot
from db.statement import Statement, sql


class Attribution(StrEnum):
    """Which attempts are a group's."""

    CURRENT = "CURRENT"
    AT_ATTEMPT = "AT_ATTEMPT"


@dataclass(frozen=True, slots=True)
class GroupScope:
    """Which attempts of a group: by attribution; completed in [start, end), or at any time where both are None; gathered by
    topic or level, or in one where ``entity`` is None.
    """

    attribution: Attribution
    entity: Entity | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class GroupSums:
    """Exact sums, and how many people they are from."""

    measures: Measures = field(default_factory=Measures)
    people: PeopleCount = field(default_factory=PeopleCount)


# A group, and a topic or level; 0 where attempts are gathered in one.
GroupKey = tuple[int, int]

# Rows (group_id, user_id), and when the person was in the group.
MEMBERS = {
    Attribution.CURRENT: """
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY (:keys) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())""",
    Attribution.AT_ATTEMPT: """
  SELECT m.group_id, m.user_id, m.valid_from, coalesce(m.valid_to, 'infinity') AS valid_to
  FROM group_memberships m WHERE m.group_id = ANY (:keys) AND m.role = 'MEMBER'""",
}
# Says of a rollup or of the attempts what the join says: a condition on a join does not reach behind a view.
THEIR_IDS = "user_id = ANY (ARRAY(SELECT user_id FROM members))"

_WITHIN = {
    Attribution.CURRENT: "true",
    Attribution.AT_ATTEMPT: "a.occurred_at >= m.valid_from AND a.occurred_at < m.valid_to",
}
_ENTITY_JOIN = {
    None: "",
    Entity.TOPIC: "JOIN lab_topics e ON e.lab_id = a.lab_id",
    Entity.LEVEL: "JOIN labs e ON e.id = a.lab_id AND e.level_id IS NOT NULL",
}
_ENTITY_ID = {None: "0", Entity.TOPIC: "e.topic_id", Entity.LEVEL: "e.level_id"}
_LAB_TOTALS = parts_of("user_lab_totals", "user_id", "lab_id")
_ATTEMPTS = (
    "(SELECT *, completed_at AS occurred_at FROM attempt_measures WHERE completed_at >= :start AND completed_at < :end)"
)

# Which labs belong to a topic or level is the catalogue's to say.
_DEPENDENCIES = (on_groups("keys"), ON_CATALOGUE)


def sums_text(attribution: Attribution, entity: Entity | None, *, in_period: bool) -> str:
    """SQL for the sums by group and topic or level. First per person, since parts of rollups may cancel each other out, and
    then the person is none. Rollups hold no instants, so they cannot say who was where at the time.
    """
    assert in_period or attribution is Attribution.CURRENT
    totals = _LAB_TOTALS if entity else "user_totals_live"
    source = _ATTEMPTS if in_period else totals
    return f"""
WITH members AS MATERIALIZED ({MEMBERS[attribution]}),
done AS MATERIALIZED (SELECT * FROM {source} AS d WHERE {THEIR_IDS}),
each AS (
  SELECT m.group_id, {_ENTITY_ID[entity]} AS entity_id, user_id, {MEASURE_SUMS}
  FROM members m JOIN done a USING (user_id) {_ENTITY_JOIN[entity]}
  WHERE {_WITHIN[attribution]}
  GROUP BY 1, 2, 3
)
SELECT group_id, entity_id, {MEASURE_SUMS}, count(*) AS people, count(*) FILTER (WHERE successes > 0) AS successful_people
FROM each WHERE attempts > 0 GROUP BY group_id, entity_id
"""


def _sums_statement(attribution: Attribution, entity: Entity | None, *, in_period: bool) -> Statement:
    return sql(sums_text(attribution, entity, in_period=in_period), *_DEPENDENCIES)


def _attempts(attribution: Attribution, entity: Entity | None) -> str:
    return f"""
FROM members m JOIN attempts a USING (user_id) {_ENTITY_JOIN[entity]}
WHERE a.{THEIR_IDS} AND {_WITHIN[attribution]}
  AND {FINISHED}"""


def _errors_statement(attribution: Attribution, entity: Entity | None) -> Statement:
    return sql(
        f"""
WITH members AS MATERIALIZED ({MEMBERS[attribution]}),
met AS (
  SELECT m.group_id, {_ENTITY_ID[entity]} AS entity_id, a.id, a.errors {_attempts(attribution, entity)} AND a.errors <> '{{}}'
),
counted AS (
  SELECT group_id, entity_id, e.code, count(DISTINCT id) AS attempts
  FROM met CROSS JOIN LATERAL unnest(errors) AS e (code)
  GROUP BY group_id, entity_id, e.code
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY group_id, entity_id ORDER BY attempts DESC, code) AS position FROM counted
)
SELECT group_id, entity_id, code, attempts FROM ranked WHERE position <= {MOST_ERRORS}
ORDER BY group_id, entity_id, position
""",
        *_DEPENDENCIES,
    )


def _percentile_statement(attribution: Attribution, entity: Entity | None, measure: PercentileMeasure) -> Statement:
    return sql(
        f"""
WITH members AS MATERIALIZED ({MEMBERS[attribution]})
SELECT m.group_id, {_ENTITY_ID[entity]} AS entity_id,
  percentile_cont(CAST(:p AS float8)) WITHIN GROUP (ORDER BY CAST({VALUE[measure]} AS float8)) AS value
{_attempts(attribution, entity)}
GROUP BY 1, 2
""",
        *_DEPENDENCIES,
    )


_SHAPES = tuple(product(Attribution, (None, Entity.TOPIC, Entity.LEVEL)))
TOTALS = {
    entity: _sums_statement(Attribution.CURRENT, entity, in_period=False)
    for entity in (None, Entity.TOPIC, Entity.LEVEL)
}
PERIODS = {shape: _sums_statement(*shape, in_period=True) for shape in _SHAPES}
ERRORS = {shape: _errors_statement(*shape) for shape in _SHAPES}
PERCENTILES = {
    (*shape, measure): _percentile_statement(*shape, measure) for shape in _SHAPES for measure in PercentileMeasure
}


async def get_group_sums(snapshot: Snapshot, group_ids: Sequence[int], scope: GroupScope) -> dict[GroupKey, GroupSums]:
    """For groups (and topics or levels) with attempts; exact at the instant of the snapshot."""
    if scope.start is None and scope.attribution is Attribution.CURRENT:
        rows = await snapshot.rows(TOTALS[scope.entity], keys=group_ids)
    else:
        start, end = span_of(scope.start, scope.end)
        statement = PERIODS[scope.attribution, scope.entity]
        rows = await snapshot.rows(statement, keys=group_ids, start=start, end=end)
    return {
        (row["group_id"], row["entity_id"]): GroupSums(
            Measures.from_row(row), PeopleCount(row["people"], row["successful_people"])
        )
        for row in rows
    }


async def get_group_errors(
    snapshot: Snapshot, group_ids: Sequence[int], scope: GroupScope
) -> dict[GroupKey, tuple[ErrorCount, ...]]:
    """For groups (and topics or levels) with errors: the MOST_ERRORS in most attempts; ties by code."""
    start, end = span_of(scope.start, scope.end)
    statement = ERRORS[scope.attribution, scope.entity]
    found: dict[GroupKey, tuple[ErrorCount, ...]] = {}
    for group_id, entity_id, code, attempts in await snapshot.rows(statement, keys=group_ids, start=start, end=end):
        key = group_id, entity_id
        found[key] = (*found.get(key, ()), ErrorCount(code, attempts))
    return found


async def get_group_percentiles(
    snapshot: Snapshot, group_ids: Sequence[int], scope: GroupScope, measure: PercentileMeasure, p: float
) -> dict[GroupKey, float | None]:
    """Interpolated between attempts (percentile_cont); None where no attempt has the measure."""
    start, end = span_of(scope.start, scope.end)
    statement = PERCENTILES[scope.attribution, scope.entity, measure]
    rows = await snapshot.rows(statement, keys=group_ids, p=p, start=start, end=end)
    return {(group_id, entity_id): value for group_id, entity_id, value in rows}
