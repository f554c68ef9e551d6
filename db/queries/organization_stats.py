"""What all attempts in an organization come to, of those that the viewer may see.

Measures come from the rollup that fits: by lab and day for everybody, by person for a viewer's people, or from the attempts
where a period does not begin and end with days of the organization.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class OrganizationScope:
    """Of everybody (for a viewer who sees all) or of the viewer's people; completed in [start, end), or at any time where both
    are None. ``days`` says the same in local dates of the organization, where it can.
    """

    everybody: bool
    start: datetime | None = None
    end: datetime | None = None
    days: tuple[date, date] | None = None

    @property
    def extent(self) -> Extent:
        if self.start is None:
            return Extent.EVER
        return Extent.INSTANTS if self.days is None else Extent.DAYS


class Extent(StrEnum):
    """How a scope is cut, which decides where its numbers come from."""

    EVER = "EVER"
    DAYS = "DAYS"
    INSTANTS = "INSTANTS"


_WHOSE = {
    True: "organization_id = ANY (:keys)",
    # Says again what row security says, so that the indices on people are used.
    False: "organization_id = ANY (:keys) AND user_id = ANY (ARRAY(SELECT viewer_people()))",
}
_WHEN = {
    Extent.EVER: "true",
    Extent.DAYS: "day >= :start AND day < :end",
    Extent.INSTANTS: "completed_at >= :start AND completed_at < :end",
}
_BY_PERSON = {
    Extent.EVER: "user_totals_live",
    Extent.DAYS: "user_days_live",
    Extent.INSTANTS: "attempt_measures",
}
_LAB_DAYS = parts_of("lab_days", "organization_id", "day")
_OF_EVERYBODY = {**_BY_PERSON, Extent.EVER: _LAB_DAYS, Extent.DAYS: _LAB_DAYS}


def _sums_statement(everybody: bool, extent: Extent) -> Statement:
    source = _OF_EVERYBODY[extent] if everybody else _BY_PERSON[extent]
    return sql(f"""
SELECT organization_id AS key, {MEASURE_SUMS}
FROM {source} AS d WHERE {_WHOSE[everybody]} AND {_WHEN[extent]} GROUP BY organization_id
""")


def _people_statement(everybody: bool, extent: Extent) -> Statement:
    return sql(f"""
SELECT organization_id AS key, count(DISTINCT user_id) FILTER (WHERE attempts > 0),
  count(DISTINCT user_id) FILTER (WHERE successes > 0)
FROM {_BY_PERSON[extent]} WHERE {_WHOSE[everybody]} AND {_WHEN[extent]} GROUP BY organization_id
""")


def _errors_statement(everybody: bool) -> Statement:
    return sql(f"""
WITH counted AS (
  SELECT organization_id AS key, e.code, count(DISTINCT id) AS attempts
  FROM attempts AS a CROSS JOIN LATERAL unnest(errors) AS e (code)
  WHERE {_WHOSE[everybody]} AND {FINISHED} AND errors <> '{{}}'
  GROUP BY organization_id, e.code
),
ranked AS (SELECT *, row_number() OVER (PARTITION BY key ORDER BY attempts DESC, code) AS position FROM counted)
SELECT key, code, attempts FROM ranked WHERE position <= {MOST_ERRORS} ORDER BY key, position
""")


def _percentile_statement(everybody: bool, measure: PercentileMeasure) -> Statement:
    return sql(f"""
SELECT organization_id AS key, percentile_cont(CAST(:p AS float8)) WITHIN GROUP (ORDER BY CAST({VALUE[measure]} AS float8))
FROM attempts AS a WHERE {_WHOSE[everybody]} AND {FINISHED} GROUP BY organization_id
""")


SUMS = {(everybody, extent): _sums_statement(everybody, extent) for everybody in (True, False) for extent in Extent}
PEOPLE = {(everybody, extent): _people_statement(everybody, extent) for everybody in (True, False) for extent in Extent}
ERRORS = {everybody: _errors_statement(everybody) for everybody in (True, False)}
PERCENTILES = {
    (everybody, measure): _percentile_statement(everybody, measure)
    for everybody in (True, False)
    for measure in PercentileMeasure
}


async def get_organization_measures(
    snapshot: Snapshot, keys: Sequence[int], scope: OrganizationScope
) -> dict[int, Measures]:
    """For organizations with attempts; exact at the instant of the snapshot."""
    start, end = scope.days or (scope.start, scope.end)
    rows = await snapshot.rows(SUMS[scope.everybody, scope.extent], keys=keys, start=start, end=end)
    return {row["key"]: Measures.from_row(row) for row in rows}


async def get_organization_people(
    snapshot: Snapshot, keys: Sequence[int], scope: OrganizationScope
) -> dict[int, PeopleCount]:
    """For organizations with people or attempts."""
    start, end = scope.days or (scope.start, scope.end)
    rows = await snapshot.rows(PEOPLE[scope.everybody, scope.extent], keys=keys, start=start, end=end)
    return {key: PeopleCount(people, successful) for key, people, successful in rows}


async def get_organization_errors(
    snapshot: Snapshot, keys: Sequence[int], scope: OrganizationScope
) -> dict[int, tuple[ErrorCount, ...]]:
    """The MOST_ERRORS in most attempts; ties by code."""
    start, end = span_of(scope.start, scope.end)
    found: dict[int, tuple[ErrorCount, ...]] = {}
    for key, code, attempts in await snapshot.rows(ERRORS[scope.everybody], keys=keys, start=start, end=end):
        found[key] = (*found.get(key, ()), ErrorCount(code, attempts))
    return found


async def get_organization_percentiles(
    snapshot: Snapshot, keys: Sequence[int], scope: OrganizationScope, measure: PercentileMeasure, p: float
) -> dict[int, float | None]:
    """Interpolated between attempts (percentile_cont); None where no attempt has the measure."""
    start, end = span_of(scope.start, scope.end)
    return dict(await snapshot.rows(PERCENTILES[scope.everybody, measure], keys=keys, p=p, start=start, end=end))
