"""A large organization made in SQL: people, groups, topics, labs and attempts of a year, with rollups built at once."""

from __future__ import annotations

from typing import Any

import psycopg

from db.queries.measures import MEASURE_COLUMNS, MEASURES

Connection = psycopg.Connection[Any]

PEOPLE, GROUPS, TOPICS, LABS = 20_000, 600, 20, 200

ROSTER = f"""
INSERT INTO organizations (slug, name, time_zone) VALUES ('bench', 'Bench', 'Europe/Madrid');
INSERT INTO users (organization_id, external_id, username, display_name)
  SELECT 1, 'u' || n, 'u' || n, 'User ' || n FROM generate_series(1, {PEOPLE}) n;
INSERT INTO users (organization_id, external_id, username, display_name, role) VALUES (1, 'boss', 'boss', 'Boss', 'MANAGER');
INSERT INTO groups (organization_id, external_id, name) SELECT 1, 'g' || n, 'Group ' || n FROM generate_series(1, {GROUPS}) n;
INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
  SELECT 1, 1 + n % {GROUPS}, n, now() - interval '2 years' FROM generate_series(1, {PEOPLE}) n;
INSERT INTO topics (organization_id, external_id, title) SELECT 1, 't' || n, 'Topic ' || n FROM generate_series(1, {TOPICS}) n;
INSERT INTO levels (organization_id, position, title) SELECT 1, n, 'Level ' || n FROM generate_series(1, 6) n;
INSERT INTO labs (organization_id, type, title, level_id, difficulty)
  SELECT 1, 'l' || n, 'Lab ' || n, 1 + n % 6, n % 11 FROM generate_series(1, {LABS}) n;
INSERT INTO lab_topics (organization_id, lab_id, topic_id) SELECT 1, n, 1 + n % {TOPICS} FROM generate_series(1, {LABS}) n;
"""

# Sessions of one to five tries of one person at one lab: everybody has tried about a third of the labs, in all topics.
ATTEMPTS = """
INSERT INTO attempts (
  organization_id, user_id, lab_id, status, completed_at, due_at, duration_seconds, score, accuracy, skill_match, difficulty,
  hints_used, errors
)
SELECT 1, 1 + s.n %% %(people)s, 1 + (hashint8extended(s.n, 1) & 2147483647) %% %(labs)s,
  CASE WHEN t.try = 1 + s.n %% 5 AND s.n %% 7 <> 0 THEN 'SUCCEEDED' ELSE 'FAILED' END,
  s.start + t.try * interval '20 minutes', s.start + ((s.n %% 11) - 4) * interval '1 hour',
  60 + s.n %% 4000, s.n %% 101, (s.n %% 101) / 100.0, (s.n %% 97) / 96.0, s.n %% 11, t.try %% 3,
  CASE WHEN s.n %% 3 = 0 THEN ARRAY['E' || s.n %% 12] ELSE '{}' END
FROM (
  SELECT n, now() - interval '1 day' - ((n * 6151) %% 31000000) * interval '1 second' AS start
  FROM generate_series(1::bigint, %(sessions)s) n
) AS s
CROSS JOIN LATERAL generate_series(1, 1 + s.n %% 5) AS t (try)
"""

COUNT = """
UPDATE attempts a SET counted = true
FROM (
  SELECT DISTINCT ON (user_id, lab_id) user_id, id FROM attempts WHERE success ORDER BY user_id, lab_id, completed_at, id
) AS f
WHERE a.user_id = f.user_id AND a.id = f.id
"""


def rebuild_statements() -> list[str]:
    """The four rollups made anew from all attempts, as a nightly job of a system without deltas would."""
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    day = "(completed_at AT TIME ZONE o.time_zone)::date"
    source = "attempt_measures m JOIN organizations o ON o.id = m.organization_id"
    statements = ["DELETE FROM attempt_deltas", "TRUNCATE user_lab_totals, user_days, lab_days"]
    for table, key in [
        ("user_lab_totals", "user_id, lab_id"),
        ("user_days", f"user_id, {day}"),
        ("lab_days", f"lab_id, {day}"),
    ]:
        columns = key.replace(day, "day")
        statements.append(
            f"INSERT INTO {table} (organization_id, {columns}, {MEASURE_COLUMNS}) "
            f"SELECT organization_id, {key}, {sums} FROM {source} GROUP BY organization_id, {key}"
        )
    sets = ", ".join(f"{name} = s.{name}" for name in MEASURES)
    statements.append(
        f"UPDATE user_totals t SET version = nextval('fold_version'), {sets} FROM ("
        f"SELECT user_id, {', '.join(f'sum({name}) AS {name}' for name in MEASURES)} FROM attempt_measures GROUP BY user_id"
        ") AS s WHERE s.user_id = t.user_id"
    )
    return statements


def rebuild(connection: Connection) -> None:
    with connection.transaction():
        for statement in rebuild_statements():
            connection.execute(statement)


def seed(connection: Connection, attempts: int) -> None:
    """Fills an empty, migrated database (superuser connection, autocommit) with about so many attempts, folded."""
    connection.execute(ROSTER)
    connection.execute("ALTER TABLE attempts DISABLE TRIGGER ALL")
    connection.execute(ATTEMPTS, {"people": PEOPLE, "labs": LABS, "sessions": attempts // 3})
    connection.execute(COUNT)
    connection.execute("ALTER TABLE attempts ENABLE TRIGGER ALL")
    rebuild(connection)
    connection.execute("VACUUM ANALYZE")
    connection.execute("SET ROLE scoregraph_worker")
    connection.execute("SELECT refresh_view(name) FROM view_refreshes")
    connection.execute("RESET ROLE")
