"""The sheets of a group: its present members, its topics, and each member in each topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db.queries.exports.fragments import (
    SHOWN_MEASURES,
    counts_by_score,
    done_by,
    done_by_topic,
    last_attempt,
    shown,
    span,
)
from db.queries.group_stats import MEMBERS, Attribution, sums_text
from db.queries.stats import Entity
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class MemberScores:
    """Of the present members. ``mean`` is of unrounded scores, None without any; ``counts`` are as in ``counts_by_score``."""

    members: int
    scored: int
    mean: Decimal | None
    counts: tuple[int, ...]


_MEMBERS = f"members AS MATERIALIZED ({MEMBERS[Attribution.CURRENT]})"
_THEIR_IDS = "ARRAY(SELECT user_id FROM members)"


def _members_statement(*, in_period: bool) -> Statement:
    return sql(f"""
WITH {_MEMBERS},
done AS MATERIALIZED ({done_by(_THEIR_IDS, in_period=in_period)}),
board AS MATERIALIZED (
  SELECT user_id, rank
  FROM leaderboard_rows('GROUP', (CAST(:keys AS bigint[]))[1], 'SCORE', 'COMPETITION', CAST(:starts AS timestamptz), CAST(:ends AS timestamptz))
)
SELECT {shown("u.display_name")} AS name, u.external_id, d.ranking_score AS score, b.rank AS rank_in_group,
  {SHOWN_MEASURES}, {last_attempt("u.id")} AS last_activity
FROM members m JOIN users u ON u.id = m.user_id LEFT JOIN done d ON d.user_id = u.id LEFT JOIN board b ON b.user_id = u.id
ORDER BY u.display_name, u.id
""")


def _topics_statement(*, in_period: bool, chosen: bool) -> Statement:
    topics = (
        "topics t LEFT JOIN sums s ON s.entity_id = t.id WHERE t.id = ANY (:topic_ids)"
        if chosen
        else ("topics t JOIN sums s ON s.entity_id = t.id")
    )
    return sql(f"""
WITH sums AS ({sums_text(Attribution.CURRENT, Entity.TOPIC, in_period=in_period)})
SELECT t.title AS topic, coalesce(people, 0) AS people, {SHOWN_MEASURES}
FROM {topics}
ORDER BY t.title COLLATE "C", t.id
""")


def _member_topics_statement(*, in_period: bool, chosen: bool) -> Statement:
    return sql(f"""
WITH {_MEMBERS},
done AS MATERIALIZED ({done_by_topic(_THEIR_IDS, in_period=in_period)})
SELECT {shown("u.display_name")} AS name, u.external_id, t.title AS topic, d.ranking_score AS score, {SHOWN_MEASURES}
FROM done d JOIN users u ON u.id = d.user_id JOIN topics t ON t.id = d.topic_id
{"WHERE t.id = ANY (:topic_ids)" if chosen else ""}
ORDER BY u.display_name, u.id, t.title COLLATE "C", t.id
""")


def _scores_statement(*, in_period: bool) -> Statement:
    return sql(f"""
WITH {_MEMBERS},
done AS MATERIALIZED ({done_by(_THEIR_IDS, in_period=in_period)})
SELECT count(*) AS members, count(score) AS scored, avg(score) AS mean, {counts_by_score("score")} AS counts
FROM members LEFT JOIN done USING (user_id)
""")


_PERIODS = (False, True)
MEMBER_ROWS = {in_period: _members_statement(in_period=in_period) for in_period in _PERIODS}
TOPIC_ROWS = {
    (in_period, chosen): _topics_statement(in_period=in_period, chosen=chosen)
    for in_period in _PERIODS
    for chosen in (False, True)
}
MEMBER_TOPIC_ROWS = {
    (in_period, chosen): _member_topics_statement(in_period=in_period, chosen=chosen)
    for in_period in _PERIODS
    for chosen in (False, True)
}
SCORES = {in_period: _scores_statement(in_period=in_period) for in_period in _PERIODS}


def group_values(
    group_id: int, topic_ids: Sequence[int] | None, start: datetime | None, end: datetime | None
) -> dict[str, object]:
    """The values of all statements of a group."""
    return {"keys": [group_id], "topic_ids": topic_ids, "starts": start, "ends": end, **span(start, end)}


async def get_member_scores(
    snapshot: Snapshot, group_id: int, start: datetime | None, end: datetime | None
) -> MemberScores:
    """Over all time, or over what was completed in [start, end)."""
    statement = SCORES[start is not None]
    [[members, scored, mean, counts]] = await snapshot.rows(statement, **group_values(group_id, None, start, end))
    return MemberScores(members, scored, mean, tuple(counts))
