"""A small school with known numbers, for tests that ask the graph. Times are fixed; ids are found by external id.

north (Europe/Madrid)
  ada   TEACHER, leads alg-1        ben, cleo   STUDENT, members of alg-1
  tom   TEACHER, leads alg-2        dan         STUDENT, member of alg-2;  fay: deactivated member of alg-1
  mia   MANAGER        root   ADMIN        gus   STUDENT without any attempt, in no group
  topics  algebra (l1, l2), sets (l2, l3)      levels 1 basics (l1, l2), 2 advanced (l3)      l4: no topic, no level
south (UTC): the same external ids, one attempt of its own
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from tests.conftest import Database

SCHOOL = """
INSERT INTO organizations (slug, name, time_zone) VALUES ('north', 'Northwind', 'Europe/Madrid'), ('south', 'Southbank', 'UTC');

INSERT INTO users (organization_id, external_id, username, display_name, email, role, deactivated_at)
SELECT o.id, p.key, p.key, p.name || CASE o.slug WHEN 'south' THEN ' (south)' ELSE '' END, p.key || '@' || o.slug || '.example', p.role,
  CASE p.key WHEN 'fay' THEN timestamptz '2026-02-01 00:00Z' END
FROM organizations o CROSS JOIN (VALUES
  ('ada', 'Ada Abel', 'TEACHER'), ('ben', 'Ben Bauer', 'STUDENT'), ('cleo', 'Cleo Cruz', 'STUDENT'), ('dan', 'Dan Diaz', 'STUDENT'),
  ('fay', 'Fay Falk', 'STUDENT'), ('gus', 'Gus Gold', 'STUDENT'), ('mia', 'Mia Moss', 'MANAGER'), ('root', 'Root Reed', 'ADMIN'),
  ('tom', 'Tom Tran', 'TEACHER')
) AS p (key, name, role) ORDER BY o.id, p.key;

INSERT INTO groups (organization_id, external_id, name)
SELECT o.id, g.key, g.name FROM organizations o CROSS JOIN (VALUES ('alg-1', 'Algebra 1'), ('alg-2', 'Algebra 2')) AS g (key, name)
ORDER BY o.id, g.key;

INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
SELECT g.organization_id, g.id, u.id, m.role, timestamptz '2026-01-01 00:00Z'
FROM (VALUES
  ('alg-1', 'ada', 'LEAD'), ('alg-1', 'ben', 'MEMBER'), ('alg-1', 'cleo', 'MEMBER'), ('alg-1', 'fay', 'MEMBER'),
  ('alg-2', 'tom', 'LEAD'), ('alg-2', 'dan', 'MEMBER')
) AS m (group_key, user_key, role)
JOIN groups g ON g.external_id = m.group_key JOIN users u ON u.external_id = m.user_key AND u.organization_id = g.organization_id;

INSERT INTO topics (organization_id, external_id, title)
SELECT o.id, t.key, t.title FROM organizations o CROSS JOIN (VALUES ('algebra', 'Algebra'), ('sets', 'Sets')) AS t (key, title) ORDER BY o.id, t.key;
INSERT INTO levels (organization_id, position, title)
SELECT o.id, l.position, l.title FROM organizations o CROSS JOIN (VALUES (1, 'Basics'), (2, 'Advanced')) AS l (position, title) ORDER BY o.id, l.position;
INSERT INTO labs (organization_id, type, title, level_id, difficulty, required_skills)
SELECT o.id, l.key, l.title, v.id, l.difficulty, l.skills
FROM organizations o CROSS JOIN (VALUES
  ('l1', 'Lab 1', 1, 5, ARRAY['fractions']), ('l2', 'Lab 2', 1, 8, ARRAY['fractions', 'sets']), ('l3', 'Lab 3', 2, 10, '{}'::text[]), ('l4', 'Lab 4', NULL, NULL, '{}')
) AS l (key, title, level, difficulty, skills)
LEFT JOIN levels v ON v.organization_id = o.id AND v.position = l.level ORDER BY o.id, l.key;
INSERT INTO lab_topics (organization_id, lab_id, topic_id)
SELECT l.organization_id, l.id, t.id
FROM (VALUES ('l1', 'algebra'), ('l2', 'algebra'), ('l2', 'sets'), ('l3', 'sets')) AS m (lab, topic)
JOIN labs l ON l.type = m.lab JOIN topics t ON t.external_id = m.topic AND t.organization_id = l.organization_id;

INSERT INTO attempts (
  organization_id, user_id, lab_id, status, started_at, completed_at, due_at, duration_seconds, score, accuracy, skill_match, difficulty,
  hints_used, errors, source, source_id, recorded_at
)
SELECT u.organization_id, u.id, l.id, a.status, a.completed_at - make_interval(secs => a.seconds), a.completed_at, a.due_at, a.seconds, a.score,
  a.accuracy, a.skill, l.difficulty, a.hints, a.errors, 'API', a.key, coalesce(a.completed_at, timestamptz '2026-03-20 09:00Z')
FROM (VALUES
  ('ben-1', 'ben', 'l1', 'FAILED', timestamptz '2026-03-02 09:00Z', timestamptz '2026-03-05 23:00Z', 600, 30, 0.40, 0.9, 2, ARRAY['E_TIMEOUT', 'E_SYNTAX', 'E_TIMEOUT']),
  ('ben-2', 'ben', 'l1', 'SUCCEEDED', '2026-03-03 09:00Z', '2026-03-05 23:00Z', 1200, 80, 0.85, 0.9, 1, '{}'),
  ('ben-3', 'ben', 'l1', 'SUCCEEDED', '2026-03-09 09:00Z', '2026-03-05 23:00Z', 300, 95, 0.95, 0.9, 0, '{}'),
  ('ben-4', 'ben', 'l2', 'SUCCEEDED', '2026-03-10 22:30Z', '2026-03-10 12:00Z', 1800, 70, 0.70, 0.7, NULL, ARRAY['E_SYNTAX']),
  ('ben-5', 'ben', 'l4', 'SUCCEEDED', '2026-03-12 23:30Z', NULL, NULL, NULL, NULL, NULL, NULL, '{}'),
  ('cleo-1', 'cleo', 'l1', 'SUCCEEDED', '2026-03-04 10:00Z', '2026-03-05 23:00Z', 900, 90, 0.90, 1.0, 0, '{}'),
  ('cleo-2', 'cleo', 'l2', 'ABANDONED', '2026-03-08 10:00Z', '2026-03-10 12:00Z', 400, NULL, NULL, 0.5, 3, ARRAY['E_TIMEOUT']),
  ('cleo-3', 'cleo', 'l3', 'SUCCEEDED', '2026-03-15 10:00Z', '2026-03-20 12:00Z', 3600, 100, 1.00, 0.8, 0, '{}'),
  ('cleo-4', 'cleo', 'l3', 'STARTED', NULL, '2026-03-20 12:00Z', NULL, NULL, NULL, NULL, NULL, '{}'),
  ('dan-1', 'dan', 'l1', 'SUCCEEDED', '2026-03-29 00:30Z', '2026-03-28 12:00Z', 2000, 55, 0.50, 0.6, 5, '{}'),
  ('dan-2', 'dan', 'l3', 'FAILED', '2026-03-29 01:30Z', '2026-03-30 12:00Z', 2500, 20, 0.20, 0.6, 4, ARRAY['E_SYNTAX']),
  ('fay-1', 'fay', 'l1', 'SUCCEEDED', '2026-01-10 10:00Z', NULL, 700, 88, 0.88, 0.9, 0, '{}')
) AS a (key, person, lab, status, completed_at, due_at, seconds, score, accuracy, skill, hints, errors)
JOIN organizations o ON o.slug = 'north'
JOIN users u ON u.organization_id = o.id AND u.external_id = a.person
JOIN labs l ON l.organization_id = o.id AND l.type = a.lab
ORDER BY a.completed_at NULLS LAST;

INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, score, difficulty, source, source_id)
SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', timestamptz '2026-03-03 09:00Z', 60, 99, 9, 'API', 'south-1'
FROM organizations o JOIN users u ON u.organization_id = o.id AND u.external_id = 'ben' JOIN labs l ON l.organization_id = o.id AND l.type = 'l1'
WHERE o.slug = 'south';
"""

# What people did, and how services fared: the old metrics service's own questions are asked of it.
PLATFORM = """
INSERT INTO user_events (organization_id, user_id, event_type, occurred_at)
SELECT o.id, u.id, e.type, e.at FROM (VALUES
  ('ben', 'user_login', timestamptz '2026-03-26 08:00Z'), ('ben', 'user_login', '2026-03-26 12:00Z'), ('cleo', 'user_login', '2026-03-26 09:00Z'),
  ('ben', 'lab_opened', '2026-03-26 08:10Z'), ('dan', 'lab_opened', '2026-03-27 08:10Z'), (NULL, 'user_login', '2026-03-27 10:00Z'),
  ('dan', 'user_login', '2026-03-28 22:59:59Z'), ('cleo', 'user_login', '2026-03-28 23:00Z'), ('ben', 'user_login', '2026-03-29 21:59:59Z'),
  ('ben', 'user_login', '2026-03-29 22:00Z'), ('ben', 'user_login', '2026-03-30 22:00Z')
) AS e (person, type, at)
JOIN organizations o ON o.slug = 'north' LEFT JOIN users u ON u.organization_id = o.id AND u.external_id = e.person;

INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)
SELECT o.id, m.service, m.metric, m.value, now() - m.ago
FROM organizations o CROSS JOIN (VALUES
  ('billing', 'response_time', 120, interval '1 minute'), ('billing', 'response_time', 80, interval '30 minutes'),
  ('billing', 'response_time', 9000, interval '90 minutes'), ('billing', 'cpu_percent', 50, interval '1 minute'),
  ('search', 'response_time', 2500, interval '2 minutes'), ('mail', 'response_time', 40, interval '20 minutes')
) AS m (service, metric, value, ago) WHERE o.slug = 'north';
"""


def build_platform(connection: psycopg.Connection[Any]) -> None:
    """Events of March 2026, and metrics of the last hours, in a school."""
    connection.execute(PLATFORM)


def build_school(connection: psycopg.Connection[Any]) -> None:
    """Fills an empty database; the changes are left pending (not folded)."""
    connection.execute(SCHOOL)


def fold_and_refresh(connection: psycopg.Connection[Any]) -> None:
    """What a worker does, as the worker's role."""
    connection.execute("SELECT folded FROM fold_attempt_deltas()")
    connection.execute("SELECT refresh_view(name) FROM view_refreshes")


def new_school(new_database: Callable[[], Database], *, is_folded: bool = False) -> Database:
    """The school in a database of its own; ``is_folded``: a worker has been there."""
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
    if is_folded:
        with database.connect(None) as admin:
            admin.execute("SET ROLE scoregraph_worker")
            fold_and_refresh(admin)
    return database
