"""What people did at each lab and in each topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from db.dependencies import ON_CATALOGUE, on_users
from db.parts import Query
from db.queries.measures import MEASURE_SUMS, MEASURES, SCORE_ARGUMENTS, Measures
from db.queries.order_statistics import FINISHED, span_of
from db.queries.rollups import parts_of
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class StatsSelection:
    """Which labs or topics, None for any; and completed in [start, end), at any time where both are None."""

    ids: tuple[int, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class LabExtremes:
    """The last finished attempt of a person at a lab, and the best score (0–100); None without any."""

    last_attempt_at: datetime | None = None
    best_score: Decimal | None = None


# What a person did in a topic: measures, and the score over its tasks as displayed.
TOPIC_COLUMNS = (*MEASURES, "ranking_score")
# What is kept of topics in a row for each person, and of which kinds (see ``db.packs``).
PACKS = {"topic_id": "q", "attempts": "q", "successes": "q", "tasks": "q", "ranking_score": "d"}


_TOTALS = f"{parts_of('user_lab_totals', 'user_id', 'lab_id')} AS parts WHERE user_id = ANY (:user_ids)"
_PERIOD = "attempt_measures WHERE user_id = ANY (:user_ids) AND completed_at >= :start AND completed_at < :end"
_LABS = "(CAST(:ids AS bigint[]) IS NULL OR lab_id = ANY (:ids))"
_TOPICS = "(CAST(:ids AS bigint[]) IS NULL OR topic_id = ANY (:ids))"

LAB_TOTALS, LAB_PERIOD = (
    sql(
        f"SELECT user_id, lab_id, {MEASURE_SUMS} FROM {source} AND {_LABS} GROUP BY user_id, lab_id",
        on_users("user_ids"),
    )
    for source in (_TOTALS, _PERIOD)
)
LAB_EXTREMES = sql(
    f"""
SELECT user_id, lab_id, max(occurred_at) AS last_attempt_at, max(score) AS best_score
FROM attempts AS a
WHERE user_id = ANY (:user_ids) AND {FINISHED} AND {_LABS}
GROUP BY user_id, lab_id
""",
    on_users("user_ids"),
)
_TOPIC_TOTALS = """
SELECT user_id, topic_id, {columns} FROM user_topic_totals_live WHERE user_id = ANY (:user_ids) AND attempts > 0
"""
_TOPIC_PERIOD = f"""
SELECT *, CAST(ranking_score({SCORE_ARGUMENTS}) AS double precision) AS ranking_score
FROM (
  SELECT user_id, topic_id, {MEASURE_SUMS}
  FROM (SELECT * FROM {_PERIOD}) AS done JOIN lab_topics USING (lab_id)
  GROUP BY user_id, topic_id
) AS sums
"""


@lru_cache(maxsize=1024)
def user_topics_statement(columns: tuple[str, ...], *, in_period: bool, chosen_topics: bool) -> Statement:
    """The person, the topic and ``columns`` of TOPIC_COLUMNS, by person and the topic's title. ``chosen_topics``: for each of
    the topics ``ids`` that there is; otherwise for those with attempts.
    """
    totals = _TOPIC_PERIOD if in_period else _TOPIC_TOTALS.format(columns=", ".join(columns) or "attempts")
    source = f"(SELECT user_id, topic_id{''.join(f', {name}' for name in columns)} FROM ({totals}) AS done) AS done"
    if chosen_topics:
        values = [name if name == "ranking_score" else f"coalesce({name}, 0)" for name in columns]
        joined = f"""unnest(CAST(:user_ids AS bigint[])) AS u (user_id)
    CROSS JOIN (SELECT id AS topic_id, title FROM topics WHERE id = ANY (:ids)) AS t
    LEFT JOIN {source} USING (user_id, topic_id)"""
    else:
        values = list(columns)
        joined = f"{source} JOIN (SELECT id AS topic_id, title FROM topics) AS t USING (topic_id)"
    return sql(
        f"""
    SELECT user_id, topic_id{"".join(f", {value}" for value in values)}
    FROM {joined} ORDER BY user_id, title COLLATE "C", topic_id
    """,
        on_users("user_ids"),
        ON_CATALOGUE,
    )


@lru_cache(maxsize=16)
def packed_topics(columns: tuple[str, ...]) -> Query:
    """The person and those of PACKS, of topics with attempts, by person and the topic's title."""
    statement = sql(
        f"SELECT user_id, {', '.join(columns)} FROM user_topic_packs_live WHERE user_id = ANY (:user_ids)",
        on_users("user_ids"),
        ON_CATALOGUE,
    )
    return Query(statement, "user_ids", ("user_id", *columns), packs="".join(PACKS[name] for name in columns))


def user_topics(selection: StatsSelection, wanted: frozenset[str] | None) -> Query:
    """The person, the topic and those of TOPIC_COLUMNS that are wanted (None: all), by person and the topic's title."""
    columns = chosen(TOPIC_COLUMNS, wanted)
    if selection == StatsSelection() and PACKS.keys() >= set(columns):
        return packed_topics(("topic_id", *columns))
    statement = user_topics_statement(
        columns, in_period=selection.start is not None, chosen_topics=selection.ids is not None
    )
    values = {"ids": selection.ids, "start": selection.start, "end": selection.end}
    return Query(statement, "user_ids", ("user_id", "topic_id", *columns), values=values)


# Few labs are archived, often none: cheaper to look at than all that are not.
ARCHIVED_TASKS, ARCHIVED_TASKS_IN_PERIOD = (
    sql(
        f"""
SELECT user_id, topic_id, CAST(sum(tasks) AS bigint) AS tasks
FROM (
  SELECT user_id, lab_id, tasks FROM {source} AND lab_id = ANY (ARRAY(SELECT id FROM labs WHERE archived_at IS NOT NULL))
) AS done JOIN lab_topics USING (lab_id)
WHERE {_TOPICS}
GROUP BY user_id, topic_id
""",
        on_users("user_ids"),
        ON_CATALOGUE,
    )
    for source in (_TOTALS, _PERIOD)
)


async def get_user_lab_measures(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, Measures]]:
    """By person and lab, for those with attempts. ``tasks`` is 1 where the lab was completed."""
    statement = LAB_TOTALS if selection.start is None else LAB_PERIOD
    found: dict[int, dict[int, Measures]] = {}
    for row in await snapshot.rows(
        statement, user_ids=user_ids, ids=selection.ids, start=selection.start, end=selection.end
    ):
        found.setdefault(row["user_id"], {})[row["lab_id"]] = Measures.from_row(row)
    return found


async def get_lab_extremes(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, LabExtremes]]:
    """By person and lab, for those with attempts."""
    start, end = span_of(selection.start, selection.end)
    found: dict[int, dict[int, LabExtremes]] = {}
    for user_id, lab_id, *extremes in await snapshot.rows(
        LAB_EXTREMES, user_ids=user_ids, ids=selection.ids, start=start, end=end
    ):
        found.setdefault(user_id, {})[lab_id] = LabExtremes(*extremes)
    return found


async def get_archived_tasks(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, int]]:
    """How many tasks were completed at labs that are archived now, by person and topic, where there are such labs."""
    statement = ARCHIVED_TASKS if selection.start is None else ARCHIVED_TASKS_IN_PERIOD
    found: dict[int, dict[int, int]] = {}
    for user_id, topic_id, tasks in await snapshot.rows(
        statement, user_ids=user_ids, ids=selection.ids, start=selection.start, end=selection.end
    ):
        found.setdefault(user_id, {})[topic_id] = tasks
    return found
