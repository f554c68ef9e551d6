"""Loads whole rosters and histories by natural keys: rows are staged by COPY, then merged by set.

Merging only adds. A row that is there already (by its natural key) is left as it is, whatever the staged one says, so
that loading twice changes nothing. Staging tables live for one transaction; nulls are allowed where the target allows
them. Parameters: ``organization`` is the organization's id.
"""

from typing import LiteralString

STAGING: dict[str, LiteralString] = {
    "staged_topics": "external_id text, title text",
    "staged_levels": "position integer, title text",
    "staged_labs": "type text, title text, level_position integer, difficulty numeric, required_skills text[]",
    "staged_lab_topics": "lab_type text, topic_key text",
    "staged_groups": "external_id text, name text, kind text, created_at timestamptz",
    "staged_assignments": "lab_type text, group_key text, assigned_at timestamptz, due_at timestamptz",
    "staged_users": (
        "external_id text, username text, display_name text, email text, role text, created_at timestamptz, "
        "deactivated_at timestamptz"
    ),
    "staged_memberships": "group_key text, user_key text, role text, valid_from timestamptz, valid_to timestamptz",
    "staged_extensions": (
        "lab_type text, group_key text, user_key text, due_at timestamptz, reason text, granted_by_key text"
    ),
    "staged_attempts": (
        "user_key text, lab_type text, group_key text, status text, started_at timestamptz, completed_at timestamptz, "
        "due_at timestamptz, duration_seconds numeric, score numeric, accuracy numeric, skill_match numeric, "
        "hints_used integer, errors text[], memory_mib numeric, cpu_percent numeric, source text, source_id text, "
        "recorded_at timestamptz"
    ),
}
"""Columns of the staging tables, by the table's name."""

LOCK_ORGANIZATION = "SELECT pg_advisory_xact_lock(hashtext('scoregraph.load.' || %(slug)s))"
"""Two loads of one organization take turns: until the end of the transaction."""

FIND_ORGANIZATION = "SELECT id FROM organizations WHERE slug = %(slug)s"

CREATE_ORGANIZATION = """
INSERT INTO organizations (slug, name, time_zone) VALUES (%(slug)s, %(name)s, %(time_zone)s)
ON CONFLICT (slug) DO NOTHING
"""

MERGE_TOPICS = """
INSERT INTO topics (organization_id, external_id, title)
SELECT %(organization)s, s.external_id, s.title FROM staged_topics s
WHERE NOT EXISTS (SELECT FROM topics t WHERE t.organization_id = %(organization)s AND t.external_id = s.external_id)
ORDER BY s.external_id
"""

MERGE_LEVELS = """
INSERT INTO levels (organization_id, position, title)
SELECT %(organization)s, s.position, s.title FROM staged_levels s
WHERE NOT EXISTS (SELECT FROM levels l WHERE l.organization_id = %(organization)s AND l.position = s.position)
ORDER BY s.position
"""

MERGE_LABS = """
INSERT INTO labs (organization_id, type, title, level_id, difficulty, required_skills)
SELECT %(organization)s, s.type, s.title, v.id, s.difficulty, coalesce(s.required_skills, '{}')
FROM staged_labs s
LEFT JOIN levels v ON v.organization_id = %(organization)s AND v.position = s.level_position
WHERE NOT EXISTS (SELECT FROM labs l WHERE l.organization_id = %(organization)s AND l.type = s.type)
ORDER BY s.type
"""

MERGE_LAB_TOPICS = """
INSERT INTO lab_topics (organization_id, lab_id, topic_id)
SELECT %(organization)s, l.id, t.id
FROM staged_lab_topics s
JOIN labs l ON l.organization_id = %(organization)s AND l.type = s.lab_type
JOIN topics t ON t.organization_id = %(organization)s AND t.external_id = s.topic_key
ON CONFLICT DO NOTHING
"""

MERGE_GROUPS = """
INSERT INTO groups (organization_id, external_id, name, kind, created_at)
SELECT %(organization)s, s.external_id, s.name, s.kind, coalesce(s.created_at, now()) FROM staged_groups s
WHERE NOT EXISTS (SELECT FROM groups g WHERE g.organization_id = %(organization)s AND g.external_id = s.external_id)
ORDER BY s.external_id
"""

MERGE_ASSIGNMENTS = """
INSERT INTO assignments (organization_id, lab_id, group_id, assigned_at, due_at)
SELECT %(organization)s, l.id, g.id, s.assigned_at, s.due_at
FROM staged_assignments s
JOIN labs l ON l.organization_id = %(organization)s AND l.type = s.lab_type
JOIN groups g ON g.organization_id = %(organization)s AND g.external_id = s.group_key
WHERE NOT EXISTS (SELECT FROM assignments a WHERE a.group_id = g.id AND a.lab_id = l.id)
ORDER BY g.id, s.due_at, l.id
"""

MERGE_USERS = """
INSERT INTO users (organization_id, external_id, username, display_name, email, role, created_at, deactivated_at)
SELECT %(organization)s, s.external_id, s.username, s.display_name, s.email, s.role, coalesce(s.created_at, now()),
  s.deactivated_at
FROM staged_users s
WHERE NOT EXISTS (SELECT FROM users u WHERE u.organization_id = %(organization)s AND u.external_id = s.external_id)
ORDER BY s.external_id
"""

# Whoever has been in the group in that role, at any time, is not put there again.
MERGE_MEMBERSHIPS = """
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from, valid_to)
SELECT %(organization)s, g.id, u.id, s.role, s.valid_from, s.valid_to
FROM staged_memberships s
JOIN groups g ON g.organization_id = %(organization)s AND g.external_id = s.group_key
JOIN users u ON u.organization_id = %(organization)s AND u.external_id = s.user_key
WHERE NOT EXISTS (
  SELECT FROM group_memberships m WHERE m.group_id = g.id AND m.user_id = u.id AND m.role = s.role
)
ORDER BY g.id, u.id
"""

MERGE_EXTENSIONS = """
INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at, reason, granted_by, granted_at)
SELECT a.id, %(organization)s, u.id, s.due_at, s.reason, b.id, a.due_at
FROM staged_extensions s
JOIN labs l ON l.organization_id = %(organization)s AND l.type = s.lab_type
JOIN groups g ON g.organization_id = %(organization)s AND g.external_id = s.group_key
JOIN assignments a ON a.group_id = g.id AND a.lab_id = l.id
JOIN users u ON u.organization_id = %(organization)s AND u.external_id = s.user_key
LEFT JOIN users b ON b.organization_id = %(organization)s AND b.external_id = s.granted_by_key
ON CONFLICT DO NOTHING
"""

# The new attempts with ids in place of keys, in the order in which they are inserted. By person and lab: what an index
# begins with is then appended to, not searched for, which halves the work; and since ids follow, the first success of a
# (person, lab) by (completed_at, id) is known before the triggers ask for it. It is not marked where an attempt from
# elsewhere is counted already: then the triggers decide. Both windows are served by one sort.
PREPARE_ATTEMPTS = """
CREATE TEMPORARY TABLE new_attempts ON COMMIT DROP AS
SELECT row_number() OVER (
    ORDER BY u.id, l.id, s.status = 'SUCCEEDED', s.completed_at, s.started_at, s.source_id
  ) AS ordinal,
  u.id AS user_id, l.id AS lab_id, a.id AS assignment_id, s.status, s.started_at, s.completed_at, s.due_at,
  s.duration_seconds, s.score, s.accuracy, s.skill_match, l.difficulty, s.hints_used, coalesce(s.errors, '{}') AS errors,
  s.memory_mib, s.cpu_percent, s.source, s.source_id, coalesce(s.recorded_at, now()) AS recorded_at,
  s.status = 'SUCCEEDED' AND c.user_id IS NULL
    AND row_number() OVER (
      PARTITION BY u.id, l.id, s.status = 'SUCCEEDED' ORDER BY s.completed_at, s.started_at, s.source_id
    ) = 1 AS counted
FROM staged_attempts s
JOIN users u ON u.organization_id = %(organization)s AND u.external_id = s.user_key
JOIN labs l ON l.organization_id = %(organization)s AND l.type = s.lab_type
LEFT JOIN (
  SELECT i.lab_id, g.external_id AS group_key, min(i.id) AS id
  FROM assignments i JOIN groups g ON g.id = i.group_id
  WHERE i.organization_id = %(organization)s GROUP BY 1, 2
) AS a ON a.lab_id = l.id AND a.group_key = s.group_key
LEFT JOIN attempts c ON c.organization_id = %(organization)s AND c.user_id = u.id AND c.lab_id = l.id AND c.counted
WHERE NOT EXISTS (
  SELECT FROM attempts e
  WHERE e.organization_id = %(organization)s AND e.source = s.source AND e.source_id = s.source_id AND e.user_id = u.id
)
"""

INSERT_ATTEMPTS = """
INSERT INTO attempts (
  organization_id, user_id, lab_id, assignment_id, status, started_at, completed_at, due_at, duration_seconds, score,
  accuracy, skill_match, difficulty, hints_used, errors, memory_mib, cpu_percent, source, source_id, recorded_at, counted
)
SELECT %(organization)s, user_id, lab_id, assignment_id, status, started_at, completed_at, due_at, duration_seconds, score,
  accuracy, skill_match, difficulty, hints_used, errors, memory_mib, cpu_percent, source, source_id, recorded_at, counted
FROM new_attempts WHERE ordinal > %(after)s AND ordinal <= %(upto)s ORDER BY ordinal
ON CONFLICT (organization_id, source, source_id, user_id) WHERE source_id IS NOT NULL DO NOTHING
"""

COUNT_DIFFERING_ATTEMPTS = """
SELECT count(*)
FROM staged_attempts s
JOIN users u ON u.organization_id = %(organization)s AND u.external_id = s.user_key
JOIN attempts e ON e.organization_id = %(organization)s AND e.source = s.source AND e.source_id = s.source_id
  AND e.user_id = u.id
WHERE (e.status, e.started_at, e.completed_at, e.due_at, e.score)
  IS DISTINCT FROM (s.status, s.started_at, s.completed_at, s.due_at, s.score)
"""

FOLD = "SELECT folded FROM fold_attempt_deltas(%(max_changes)s)"
COUNT_PENDING = "SELECT count(*) FROM attempt_deltas"
LIST_STALE_VIEWS = """
SELECT name FROM view_refreshes
WHERE refreshed_at IS NULL OR source_version < (SELECT max(version) FROM user_totals) ORDER BY name
"""
REFRESH = "SELECT refresh_view(%(name)s)"
