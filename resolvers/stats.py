"""What attempts come to, and where each number is taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from db.queries.measures import Measures, ratio
from db.queries.order_statistics import MOST_ERRORS, ErrorCount, PeopleCount, PercentileMeasure
from db.queries.stats import STORED_POINTS, AttemptScope, Entity, StoredStats
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.freshness import ViewFreshness, resolve_freshness
from resolvers.loaders.stats import (
    load_attempt_measures_by_entity,
    load_common_errors_by_entity,
    load_people_count_by_entity,
    load_percentile_by_entity,
    load_stored_stats_by_entity,
)
from resolvers.periods import PeriodSpec


@dataclass(frozen=True, slots=True)
class ErrorShare:
    """An error, the attempts that met it, and their part (0–1) of all finished attempts of the same set."""

    code: str
    attempts: int
    share: float


class OrderStatistics(Protocol):
    """What does not add up over a set of attempts. Each is asked for only when a client selects it, and batched then."""

    async def people(self, context: Context) -> PeopleCount: ...

    async def common_errors(self, context: Context) -> tuple[ErrorShare, ...]:
        """At most MOST_ERRORS, in order."""

    async def percentile(self, context: Context, measure: PercentileMeasure, p: float) -> float | None: ...

    async def freshness(self, context: Context) -> ViewFreshness: ...


@dataclass(frozen=True, slots=True)
class EntityStatistics:
    """Of the attempts at one lab, topic or level. ``attempts`` is how many there are now.

    All-time ones of everybody come from the materialized view, but for what it did not know yet at its last refresh; all
    else is computed from the attempts.
    """

    key: int
    scope: AttemptScope
    attempts: int

    async def people(self, context: Context) -> PeopleCount:
        if stored := await self._stored(context):
            return stored.people
        return await context.load(load_people_count_by_entity, self.key, self.scope)

    async def common_errors(self, context: Context) -> tuple[ErrorShare, ...]:
        if stored := await self._stored(context):
            return shares(stored.errors, stored.attempts)
        return shares(await context.load(load_common_errors_by_entity, self.key, self.scope), self.attempts)

    async def percentile(self, context: Context, measure: PercentileMeasure, p: float) -> float | None:
        if p in STORED_POINTS and (stored := await self._stored(context)):
            return stored.percentiles[measure][STORED_POINTS.index(p)]
        return await context.load(load_percentile_by_entity, self.key, self.scope, measure, p)

    async def freshness(self, context: Context) -> ViewFreshness:
        return await resolve_freshness(context, self.scope.entity.view if await self._stored(context) else None)

    async def _stored(self, context: Context) -> StoredStats | None:
        if not self.scope.everybody or not self.scope.is_all_time:
            return None
        return await context.load(load_stored_stats_by_entity, self.key, self.scope.entity)


def shares(errors: tuple[ErrorCount, ...], attempts: int) -> tuple[ErrorShare, ...]:
    """The errors with their parts of ``attempts``."""
    return tuple(ErrorShare(error.code, error.attempts, ratio(error.attempts, attempts) or 0.0) for error in errors)


async def resolve_stats(
    context: Context, entity: Entity, key: int, spec: PeriodSpec | None
) -> tuple[Measures, EntityStatistics]:
    """Of the attempts at a lab, topic or level that the viewer may see. Raises PeriodError."""
    everybody = (await context.viewer()).sees_all
    if spec is None or spec.all_time:
        scope = AttemptScope(entity, everybody)
    else:
        period = await resolve_context_period(context, spec)
        scope = AttemptScope(entity, everybody, period.start, period.end)
    measures = await context.load(load_attempt_measures_by_entity, key, scope)
    return measures, EntityStatistics(key, scope, measures.attempts)


async def resolve_common_errors(context: Context, statistics: OrderStatistics, first: int) -> tuple[ErrorShare, ...]:
    """Raises Invalid."""
    if not 0 <= first <= MOST_ERRORS:
        raise Invalid(f"first is a number from 0 to {MOST_ERRORS}.", "first")
    return (await statistics.common_errors(context))[:first]


async def resolve_percentile(
    context: Context, statistics: OrderStatistics, measure: PercentileMeasure, p: float
) -> float | None:
    """Raises Invalid."""
    if not 0 <= p <= 1:
        raise Invalid("p is a number from 0 to 1: 0.9 is the 90th percentile.", "p")
    return await statistics.percentile(context, measure, p)
