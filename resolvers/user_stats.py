"""What a person did at each lab and in each topic."""

from __future__ import annotations

from dataclasses import dataclass

from db.queries.labs import LabRow, LabSelection
from db.queries.measures import Measures, ratio
from db.queries.stats import Entity
from db.queries.user_stats import LabExtremes, StatsSelection
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.loaders.labs import load_lab_by_id, load_lab_count_by_entity
from resolvers.loaders.user_stats import (
    load_archived_tasks_by_user,
    load_lab_extremes_by_user,
    load_lab_measures_by_user,
)
from resolvers.periods import PeriodSpec


@dataclass(frozen=True, slots=True)
class UserLab:
    """A person's measures at one lab; ``selection`` is what they were asked with."""

    user_id: int
    lab: LabRow
    measures: Measures
    selection: StatsSelection


async def resolve_user_labs(
    context: Context, user_id: int, lab_ids: tuple[int, ...] | None, spec: PeriodSpec | None
) -> list[UserLab]:
    """The given labs (those that do not exist are left out), or those with attempts; by title. Raises PeriodError."""
    selection = await resolve_selection(context, lab_ids, spec)
    measures = await context.load(load_lab_measures_by_user, user_id, selection)
    labs = await context.load_many(load_lab_by_id, measures if lab_ids is None else dict.fromkeys(lab_ids))
    return [
        UserLab(user_id, lab, measures.get(lab.id, Measures()), selection)
        for lab in sorted(filter(None, labs), key=lambda lab: (lab.title, lab.id))
    ]


async def resolve_user_lab_extremes(context: Context, user_lab: UserLab) -> LabExtremes:
    """The last attempt and the best score."""
    found = await context.load(load_lab_extremes_by_user, user_lab.user_id, user_lab.selection)
    return found.get(user_lab.lab.id, LabExtremes())


async def resolve_mastery(
    context: Context, user_id: int, topic_id: int, tasks: int, selection: StatsSelection
) -> float | None:
    """Tasks completed / labs of the topic (0–1), both of labs that are not archived; None where there are none."""
    count = await context.load(load_lab_count_by_entity, topic_id, Entity.TOPIC, LabSelection())
    archived = await context.load(load_archived_tasks_by_user, user_id, selection)
    return ratio(tasks - archived.get(topic_id, 0), count)


async def resolve_selection(context: Context, ids: tuple[int, ...] | None, spec: PeriodSpec | None) -> StatsSelection:
    """Of the given labs or topics, None for those with attempts. Raises PeriodError."""
    if spec is None or spec.all_time:
        return StatsSelection(ids)
    period = await resolve_context_period(context, spec)
    return StatsSelection(ids, period.start, period.end)
