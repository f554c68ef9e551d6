"""A group: how its present members do, topic by topic and over time."""

from __future__ import annotations

from datetime import timedelta

from db.export_parameters import GroupReportParameters
from db.queries.exports.group_report import (
    MEMBER_ROWS,
    MEMBER_TOPIC_ROWS,
    TOPIC_ROWS,
    MemberScores,
    get_member_scores,
    group_values,
)
from db.queries.exports.subjects import Subject, get_group_history
from db.queries.group_stats import Attribution, GroupScope, GroupSums, get_group_sums
from db.queries.measures import Measures
from db.queries.team_trends import Team, get_team_slots_by_instant
from workers.exports.content import Card, Chart, ChartKind, Column, Kind, Report
from workers.exports.kinds import figures, measured
from workers.exports.kinds.asking import Asking, sheet
from workers.exports.kinds.axis import axis
from workers.exports.kinds.errors import Forbidden

MEMBERS = (
    measured.NAME,
    measured.EXTERNAL_ID,
    measured.SCORE,
    Column("rank_in_group", "Rank", Kind.INTEGER),
    *measured.MEASURES,
    measured.LAST_ACTIVITY,
)
TOPICS = (measured.TOPIC, measured.PEOPLE, *measured.MEASURES)
MEMBER_TOPICS = (measured.NAME, measured.EXTERNAL_ID, measured.TOPIC, measured.SCORE, *measured.MEASURES)


async def report_of(asking: Asking, asked: GroupReportParameters) -> Report:
    """Raises NotFound, Forbidden."""
    name = await asking.name(Subject.GROUP, asked.group_id)
    if asking.role == "STUDENT":
        raise Forbidden
    shown = await asking.topics_shown(asked.topic_ids)
    key = asking.in_period, asked.topic_ids is not None
    values = group_values(asked.group_id, asked.topic_ids, asking.start, asking.end)
    scores = await get_member_scores(asking.snapshot, asked.group_id, asking.start, asking.end)
    return asking.report(
        f"Group report: {name}",
        {"Group": name, "Attempts": "of the present members", **shown},
        [
            sheet("Members", MEMBERS, MEMBER_ROWS[asking.in_period], values),
            sheet("Topics", TOPICS, TOPIC_ROWS[key], values),
            sheet("Members by topic", MEMBER_TOPICS, MEMBER_TOPIC_ROWS[key], values),
        ],
        _cards(scores, await _measures(asking, asked.group_id)),
        (
            *await _trend(asking, asked.group_id),
            *figures.distribution("Scores of the members", scores.counts, "members"),
        ),
    )


async def _measures(asking: Asking, group_id: int) -> Measures:
    scope = GroupScope(Attribution.CURRENT, None, asking.start, asking.end)
    found = await get_group_sums(asking.snapshot, [group_id], scope)
    return found.get((group_id, 0), GroupSums()).measures


def _cards(scores: MemberScores, measures: Measures) -> tuple[Card, ...]:
    return (
        Card("Members", figures.count(scores.members)),
        Card("Mean score", figures.score(scores.mean), f"of {figures.count(scores.scored)} with a score"),
        *measured.cards(measures),
    )


async def _trend(asking: Asking, group_id: int) -> tuple[Chart, ...]:
    """Of whoever was a member at the time: over the period, or over all that was ever done; nothing if nothing was."""
    if asking.start is not None and asking.end is not None:
        start, end = asking.start, asking.end
    else:
        history = await get_group_history(asking.snapshot, group_id)
        if history is None:
            return ()
        start, end = history[0], history[1] + timedelta.resolution
    line = axis(start, end, asking.time_zone)
    found = await get_team_slots_by_instant(asking.snapshot, [group_id], Team.MEMBERS_THEN, line.edges)
    slots = found.get(group_id)
    if slots is None:
        return ()
    means = [
        (label, float(slot.mean_score) if (slot := slots.get(place)) and slot.mean_score is not None else None)
        for place, label in enumerate(line.labels, 1)
    ]
    attempts = [
        (label, float(slots[place].measures.attempts) if place in slots else 0.0)
        for place, label in enumerate(line.labels, 1)
    ]
    return (
        Chart(ChartKind.LINE, f"Mean score by {line.grain.lower()}", means, "of the members at the time"),
        Chart(ChartKind.COLUMNS, f"Attempts by {line.grain.lower()}", attempts, "of the members at the time"),
    )
