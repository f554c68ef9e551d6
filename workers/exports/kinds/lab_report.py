"""A lab: what people did there, group by group, and which errors they met. Of the attempts that the requester may see."""

from __future__ import annotations

from db.export_parameters import LabReportParameters
from db.queries.exports.lab_report import ERROR_ROWS, GROUP_ROWS, get_attempt_scores, lab_values
from db.queries.exports.subjects import Subject
from db.queries.measures import Measures, ratio
from db.queries.order_statistics import PeopleCount, PercentileMeasure
from db.queries.stats import AttemptScope, Entity, get_attempt_measures, get_people_counts, get_percentiles
from workers.exports.content import Card, Column, Kind, Report
from workers.exports.kinds import figures, measured
from workers.exports.kinds.asking import Asking, sheet

GROUPS = (
    Column("group_name", "Group", Kind.TEXT),
    measured.PEOPLE,
    Column("successful_people", "With a success", Kind.INTEGER),
    *measured.MEASURES,
)
ERRORS = (
    Column("code", "Error", Kind.TEXT),
    Column("attempts", "Attempts", Kind.INTEGER),
    Column("share", "Share", Kind.RATIO),
)


async def report_of(asking: Asking, asked: LabReportParameters) -> Report:
    """Raises NotFound."""
    name = await asking.name(Subject.LAB, asked.lab_id)
    values = lab_values(asked.lab_id, asking.start, asking.end)
    scores = await get_attempt_scores(
        asking.snapshot, asked.lab_id, asking.start, asking.end, everybody=asking.sees_all
    )
    return asking.report(
        f"Lab report: {name}",
        {"Lab": name},
        [
            sheet("Groups", GROUPS, GROUP_ROWS[asking.sees_all, asking.in_period], values),
            sheet("Common errors", ERRORS, ERROR_ROWS[asking.sees_all], values),
        ],
        await _cards(asking, asked.lab_id),
        figures.distribution("Scores of the attempts", scores, "attempts"),
    )


async def _cards(asking: Asking, lab_id: int) -> tuple[Card, ...]:
    scope = AttemptScope(Entity.LAB, asking.sees_all, asking.start, asking.end)
    measures = (await get_attempt_measures(asking.snapshot, [lab_id], scope)).get(lab_id, Measures())
    people = (await get_people_counts(asking.snapshot, [lab_id], scope)).get(lab_id, PeopleCount())
    times = await get_percentiles(asking.snapshot, [lab_id], scope, PercentileMeasure.COMPLETION_TIME_SECONDS, 0.5)
    median = times.get(lab_id)
    return (
        Card("People", figures.count(people.people), f"{figures.count(people.successful_people)} with a success"),
        Card("Mean score", figures.score(ratio(measures.score_sum, measures.scored)), "of attempts with a score"),
        Card("Median time", figures.UNKNOWN if median is None else figures.duration(median), "of an attempt"),
        *measured.cards(measures),
    )
