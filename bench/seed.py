"""A large organization made in SQL: people, groups, topics, labs and attempts of a year, with rollups built at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from db.queries.measures import MEASURE_COLUMNS, MEASURES

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and how much there is to do."""

PEOPLE, GROUPS, TOPICS, LABS = 20_000, 600, 20, 200
SIZED_GROUPS = (10, 33, 100, 300)
"""Members of the groups after those: of people who belong to one of the others for longer."""

ROSTER = f"""
INSERT INTO organizations (slug, name, time_zone) VALUES ('bench', 'Bench', 'Europe/Madrid');
INSERT INTO users (organization_id, external_id, username, display_name)
  SELECT 1, 'u' || n, 'u' || n, 'User ' || n FROM generate_series(1, {PEOPLE}) n;
INSERT INTO users (organization_id, external_id, username, display_name, role) VALUES (1, 'boss', 'boss', 'Boss', 'MANAGER');
INSERT INTO groups (organization_id, external_id, name) SELECT 1, 'g' || n, 'Group ' || n FROM generate_series(1, {GROUPS}) n;
INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
  SELECT 1, 1 + n % {GROUPS}, n, now() - interval '2 years' FROM generate_series(1, {PEOPLE}) n;
INSERT INTO groups (organization_id, external_id, name)
  SELECT 1, 's' || size, 'Group of ' || size FROM unnest(ARRAY{list(SIZED_GROUPS)}) WITH ORDINALITY AS s (size, n) ORDER BY n;
INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
  SELECT 1, g.id, n, now() - interval '1 year' FROM groups g, unnest(ARRAY{list(SIZED_GROUPS)}) AS size, generate_series(1, size) n
  WHERE g.external_id = 's' || size;
INSERT INTO topics (organization_id, external_id, title) SELECT 1, 't' || n, 'Topic ' || n FROM generate_series(1, {TOPICS}) n;
INSERT INTO levels (organization_id, position, title) SELECT 1, n, 'Level ' || n FROM generate_series(1, 6) n;
INSERT INTO labs (organization_id, type, title, level_id, difficulty)
  SELECT 1, 'l' || n, 'Lab ' || n, 1 + n % 6, n % 11 FROM generate_series(1, {LABS}) n;
INSERT INTO lab_topics (organization_id, lab_id, topic_id) SELECT 1, n, 1 + n % {TOPICS} FROM generate_series(1, {LABS}) n;
"""

# Sessions of up to `most_tries` tries of one person at one lab. A person goes from topic to topic, through a third of the labs
# and then through them again: after 20 sessions everybody has tried every topic, however long the history. People are of
# different skill, so that scores spread.
ATTEMPTS = """
INSERT INTO attempts (
  organization_id, user_id, lab_id, status, completed_at, due_at, duration_seconds, score, accuracy, skill_match, difficulty,
  hints_used, errors
)
SELECT 1, 1 + s.n %% %(people)s,
  1 + ((hashint8extended(s.n %% %(people)s, 1) & 65535) + ((s.n / %(people)s) %% (%(labs)s / 3)) * 63) %% %(labs)s,
  CASE WHEN t.try = 1 + s.n %% %(most_tries)s AND s.n %% 7 <> 0 THEN 'SUCCEEDED' ELSE 'FAILED' END,
  s.start + t.try * interval '20 minutes', s.start + ((s.n %% 11) - 4) * interval '1 hour',
  60 + s.n %% 4000, s.n %% 101, (s.n %% 101) / 100.0, round((s.n %% 97) / 96.0 * s.skill, 4), s.n %% 11, t.try %% 3,
  CASE WHEN s.n %% 3 = 0 THEN ARRAY['E' || s.n %% 12] ELSE '{}' END
FROM (
  SELECT n, now() - interval '1 day' - ((n * 6151) %% 31000000) * interval '1 second' AS start,
    0.25 + 0.75 * (hashint8extended(n %% %(people)s, 2) & 1023) / 1023.0 AS skill
  FROM generate_series(%(first)s::bigint, %(last)s) n
) AS s
CROSS JOIN LATERAL generate_series(1, 1 + s.n %% %(most_tries)s) AS t (try)
"""
SLICE = 100_000
"""Sessions of one insert."""

COUNT = """
UPDATE attempts a SET counted = true
FROM (
  SELECT DISTINCT ON (user_id, lab_id) user_id, id FROM attempts WHERE success ORDER BY user_id, lab_id, completed_at, id
) AS f
WHERE a.user_id = f.user_id AND a.id = f.id
"""


def rebuild_statements() -> list[str]:
    """The five rollups made anew from all attempts, as a nightly job of a system without deltas would."""
    sums = ", ".join(f"sum(m.{name})" for name in MEASURES)
    day = "(completed_at AT TIME ZONE o.time_zone)::date"
    source = "attempt_measures m JOIN organizations o ON o.id = m.organization_id"
    statements = ["DELETE FROM attempt_deltas", "TRUNCATE user_lab_totals, user_topic_totals, user_days, lab_days"]
    for table, key, rows in [
        ("user_lab_totals", "user_id, lab_id", source),
        ("user_topic_totals", "user_id, topic_id", "user_lab_totals m JOIN lab_topics USING (lab_id)"),
        ("user_days", f"user_id, {day}", source),
        ("lab_days", f"lab_id, {day}", source),
    ]:
        columns = key.replace(day, "day")
        statements.append(
            f"INSERT INTO {table} (organization_id, {columns}, {MEASURE_COLUMNS}) "
            f"SELECT m.organization_id, {key}, {sums} FROM {rows} GROUP BY m.organization_id, {key} ORDER BY {key}"
        )
    sets = ", ".join(f"{name} = s.{name}" for name in MEASURES)
    statements.append(
        f"UPDATE user_totals t SET version = nextval('fold_version'), {sets} FROM ("
        f"SELECT user_id, {', '.join(f'sum({name}) AS {name}' for name in MEASURES)} FROM attempt_measures GROUP BY user_id"
        ") AS s WHERE s.user_id = t.user_id"
    )
    return statements


def rebuild(connection: Connection, progress: Progress = lambda step, done, total: None) -> None:
    statements = rebuild_statements()
    with connection.transaction():
        for done, statement in enumerate(statements):
            progress("adding up", done, len(statements))
            connection.execute(statement)
    progress("adding up", len(statements), len(statements))


def seed(
    connection: Connection, attempts: int, *, most_tries: int = 5, progress: Progress = lambda step, done, total: None
) -> None:
    """Fills an empty, migrated database (superuser connection, autocommit) with about so many attempts, folded."""
    connection.execute(ROSTER)
    connection.execute("ALTER TABLE attempts DISABLE TRIGGER ALL")
    sessions = attempts * 2 // (1 + most_tries)
    for first in range(1, sessions + 1, SLICE):
        progress("attempts", (first - 1) * attempts // sessions, attempts)
        last = min(first + SLICE - 1, sessions)
        slice_of_all = {"people": PEOPLE, "labs": LABS, "most_tries": most_tries, "first": first, "last": last}
        connection.execute(ATTEMPTS, slice_of_all)
    progress("attempts", attempts, attempts)
    progress("counting", 0, 0)
    connection.execute(COUNT)
    connection.execute("ALTER TABLE attempts ENABLE TRIGGER ALL")
    rebuild(connection, progress)
    progress("vacuum", 0, 0)
    connection.execute("VACUUM ANALYZE")
    progress("views", 0, 0)
    connection.execute("SET ROLE scoregraph_worker")
    connection.execute("SELECT refresh_view(name) FROM view_refreshes")
    connection.execute("RESET ROLE")
