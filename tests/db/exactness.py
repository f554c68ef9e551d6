"""One snapshot: every live view against the raw attempts, whose measures are added up by another way than the product's."""

from __future__ import annotations

import psycopg

from db.queries.measures import SCORE_ARGUMENTS
from db.queries.user_stats import ARCHIVED_TASKS
from tests.conftest import Database
from tests.db.learning import LIVE_VIEWS, MEASURES

# The measures once more, from the raw attempts and by another way than measures_of(): the first success of
# each pair is looked up, and `counted` is not believed.
FINISHED = """
  SELECT a.*, (a.completed_at AT TIME ZONE o.time_zone)::date AS day, first.id IS NOT NULL AS is_task
  FROM attempts a JOIN organizations o ON o.id = a.organization_id
  LEFT JOIN (
    SELECT DISTINCT ON (user_id, lab_id) id FROM attempts
    WHERE status = 'SUCCEEDED' AND deleted_at IS NULL ORDER BY user_id, lab_id, completed_at, id
  ) AS first ON first.id = a.id
  WHERE a.completed_at IS NOT NULL AND a.deleted_at IS NULL"""
PACE = """count(due_at) FILTER (WHERE {of}), count(*) FILTER (WHERE {of} AND due_at >= completed_at),
  coalesce(sum(extract(epoch FROM due_at) - extract(epoch FROM completed_at)) FILTER (WHERE {of}), 0),
  count(*) FILTER (WHERE {of} AND duration_seconds <= 2592000),
  coalesce(sum(duration_seconds) FILTER (WHERE {of} AND duration_seconds <= 2592000), 0)"""
RAW = f"""
  SELECT organization_id, {{keys}},
    count(*), count(*) FILTER (WHERE status = 'SUCCEEDED'), {PACE.format(of="true")},
    count(score), coalesce(sum(score), 0), count(accuracy), coalesce(sum(accuracy), 0),
    count(hints_used), coalesce(sum(hints_used), 0), count(nullif(hints_used, 0)),
    count(*) FILTER (WHERE is_task), {PACE.format(of="is_task")},
    count(skill_match) FILTER (WHERE is_task), coalesce(sum(skill_match) FILTER (WHERE is_task), 0),
    count(difficulty) FILTER (WHERE is_task), coalesce(sum(difficulty) FILTER (WHERE is_task), 0)
  FROM {{source}} GROUP BY organization_id, {{keys}}"""
LIVE = f"""
  SELECT organization_id, {{keys}}, {", ".join(MEASURES)} FROM seen_{{view}}
  WHERE ({", ".join(MEASURES)}) <> ({", ".join("0" * len(MEASURES))})"""


def differences(view: str) -> str:
    """An expression: how many rows a live view has that the attempts do not give, or the other way round."""
    return f"""(SELECT count(*) FROM (TABLE live_{view} EXCEPT ALL TABLE raw_{view}) AS more)
      + (SELECT count(*) FROM (TABLE raw_{view} EXCEPT ALL TABLE live_{view}) AS fewer) AS {view}"""


MISCOUNTED = """
  SELECT count(*) FROM attempts a
  WHERE a.counted IS DISTINCT FROM (a.status = 'SUCCEEDED' AND a.deleted_at IS NULL AND NOT EXISTS (
    SELECT FROM attempts e
    WHERE e.user_id = a.user_id AND e.lab_id = a.lab_id AND e.status = 'SUCCEEDED' AND e.deleted_at IS NULL
      AND (e.completed_at, e.id) < (a.completed_at, a.id)))"""
BY_TOPIC = "(SELECT f.*, t.topic_id FROM finished f JOIN lab_topics t USING (lab_id)) AS finished"
PARTS = [
    f"seen_{view} AS MATERIALIZED (TABLE {view}),"
    f" live_{view} AS MATERIALIZED ({LIVE.format(view=view, keys=', '.join(keys))}),"
    f" raw_{view} AS MATERIALIZED ({RAW.format(keys=', '.join(keys), source=BY_TOPIC if 'topic_id' in keys else 'finished')})"
    for view, keys in LIVE_VIEWS.items()
]
# Scores that do not follow from the measures beside them, which are compared themselves.
MISRANKED = " + ".join(
    f"(SELECT count(*) FROM seen_{view} WHERE {score} IS DISTINCT FROM CAST({rule}({SCORE_ARGUMENTS}) AS {type_}))"
    for view, score, rule, type_ in (
        ("user_totals_live", "score", "performance_score", "numeric"),
        ("user_totals_live", "ranking_score", "ranking_score", "numeric"),
        ("user_topic_totals_live", "ranking_score", "ranking_score", "double precision"),
    )
)
# Tasks at labs that are not archived: all of a topic but those that mastery leaves out, and from the attempts.
ARCHIVED = ARCHIVED_TASKS.sql.replace("$1", "ARRAY(SELECT id FROM users)").replace("$2", "NULL")
CURRENT = f"""
  live_current AS MATERIALIZED (
    SELECT user_id, topic_id, t.tasks - coalesce(a.tasks, 0) AS tasks
    FROM seen_user_topic_totals_live t LEFT JOIN ({ARCHIVED}) AS a USING (user_id, topic_id)
    WHERE t.tasks <> coalesce(a.tasks, 0)),
  raw_current AS MATERIALIZED (
    SELECT f.user_id, t.topic_id, count(*) AS tasks FROM finished f JOIN lab_topics t USING (lab_id)
    WHERE f.is_task AND f.lab_id IN (SELECT id FROM labs WHERE archived_at IS NULL) GROUP BY 1, 2)"""
# What is packed, taken apart by other means than the product's, against the rows that it stands for.
PACKED = """
  live_packs AS MATERIALIZED (
    SELECT p.organization_id, p.user_id, t.place, t.id, substr(p.attempts, CAST(8 * t.place - 7 AS integer), 8) AS attempts,
      substr(p.successes, CAST(8 * t.place - 7 AS integer), 8) AS successes,
      substr(p.tasks, CAST(8 * t.place - 7 AS integer), 8) AS tasks,
      substr(p.ranking_score, CAST(8 * t.place - 7 AS integer), 8) AS ranking_score,
      ARRAY[length(attempts), length(successes), length(tasks), length(ranking_score)] AS lengths
    FROM user_topic_packs_live p, unpack_ids(topic_id) WITH ORDINALITY AS t (id, place)),
  raw_packs AS MATERIALIZED (
    SELECT organization_id, user_id, row_number() OVER by_title, topic_id, int8send(attempts), int8send(successes),
      int8send(tasks), float8send(coalesce(ranking_score, 'NaN')),
      array_fill(CAST(8 * count(*) OVER (PARTITION BY user_id) AS integer), ARRAY[4])
    FROM seen_user_topic_totals_live JOIN (SELECT id AS topic_id, title FROM topics) AS titles USING (topic_id)
    WHERE attempts > 0 WINDOW by_title AS (PARTITION BY user_id ORDER BY title COLLATE "C", topic_id))"""
# One row: the differences of each live view, wrong marks and scores, and what tells this snapshot from others.
SNAPSHOT = f"""
  WITH finished AS MATERIALIZED ({FINISHED}), {", ".join(PARTS)}, {CURRENT}, {PACKED}
  SELECT {", ".join(map(differences, (*LIVE_VIEWS, "current", "packs")))}, ({MISCOUNTED}) AS miscounted, {MISRANKED} AS misranked,
    (SELECT count(*) FROM finished) AS attempts, (SELECT count(*) FROM attempt_deltas) AS pending,
    (SELECT coalesce(sum(version), 0)::bigint FROM user_totals) AS version"""
WRONG = slice(0, len(LIVE_VIEWS) + 4)


class Reader:
    """Looks at one snapshot after another."""

    def __init__(self, database: Database) -> None:
        self.connection = database.connect()
        self.connection.execute(f"PREPARE snapshot AS {SNAPSHOT}")
        self.connection.autocommit = False
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True

    def close(self) -> None:
        self.connection.close()

    def check(self) -> tuple[int, ...]:
        """Every live view against the attempts; gives what tells this snapshot from others."""
        with self.connection.transaction():
            row = self.connection.execute("EXECUTE snapshot").fetchone()
        assert row is not None
        assert not any(row[WRONG]), row
        return row
