"""Finds people of the demonstration: one for each role who has much to see, and the learners who go on with it."""

FIND_DEMO_PEOPLE = """
WITH organization AS (SELECT id FROM organizations WHERE slug = %(slug)s),
present AS (
  SELECT m.group_id, m.user_id, m.role FROM group_memberships m
  WHERE m.organization_id = (SELECT id FROM organization)
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
),
groups_by_life AS (
  SELECT p.group_id, sum(t.attempts) AS attempts
  FROM present p JOIN user_totals_live t USING (user_id) WHERE p.role = 'MEMBER' AND t.active GROUP BY p.group_id
)
(
  SELECT 'TEACHER' AS role, u.external_id
  FROM groups_by_life g JOIN present p ON p.group_id = g.group_id AND p.role = 'LEAD' JOIN users u ON u.id = p.user_id
  WHERE u.deactivated_at IS NULL ORDER BY g.attempts DESC, u.external_id LIMIT 1
) UNION ALL (
  SELECT 'STUDENT', u.external_id
  FROM present p JOIN user_totals_live t USING (user_id) JOIN users u ON u.id = p.user_id
  WHERE p.role = 'MEMBER' AND t.active AND u.role = 'STUDENT'
    AND p.group_id = (SELECT group_id FROM groups_by_life ORDER BY attempts DESC, group_id LIMIT 1)
  ORDER BY t.attempts DESC, u.external_id LIMIT 1
) UNION ALL (
  SELECT DISTINCT ON (u.role) u.role, u.external_id FROM users u
  WHERE u.organization_id = (SELECT id FROM organization) AND u.role IN ('MANAGER', 'ADMIN') AND u.deactivated_at IS NULL
  ORDER BY u.role, u.external_id
)
"""

# Present learners with the labs whose deadline is ahead of them, the labs that were not given to them, and their rate of
# successes, within reason.
LIST_LEARNERS = """
WITH organization AS (SELECT id FROM organizations WHERE slug = %(slug)s),
given AS (
  SELECT m.user_id, l.id AS lab_id, l.type, max(a.due_at) > now() AS ahead
  FROM group_memberships m JOIN assignments a USING (group_id) JOIN labs l ON l.id = a.lab_id
  WHERE m.organization_id = (SELECT id FROM organization) AND m.role = 'MEMBER'
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
  GROUP BY m.user_id, l.id, l.type
)
SELECT u.external_id,
  ARRAY (SELECT g.type FROM given g WHERE g.user_id = u.id AND g.ahead ORDER BY g.type) AS due,
  ARRAY (
    SELECT l.type FROM labs l
    WHERE l.organization_id = u.organization_id AND l.archived_at IS NULL
      AND l.id NOT IN (SELECT g.lab_id FROM given g WHERE g.user_id = u.id)
    ORDER BY l.type
  ) AS free,
  greatest(0.2, least(0.95, coalesce(t.successes::float8 / nullif(t.attempts, 0), 0.6)))
FROM users u LEFT JOIN user_totals t ON t.user_id = u.id
WHERE u.id IN (SELECT user_id FROM given) AND u.deactivated_at IS NULL
ORDER BY u.external_id
"""
