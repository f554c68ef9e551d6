-- What each attempt adds, by instant: the source of every number that no rollup holds (another zone, part of a day, the
-- group a person was in at the time). The same columns as the rollups.
-- A finished attempt occurs at its completion, and that column is the indexed one.
CREATE VIEW attempt_measures WITH (security_invoker = true) AS
SELECT a.organization_id, a.user_id, a.lab_id, a.id AS attempt_id, a.occurred_at AS completed_at, m.*
FROM attempts a
CROSS JOIN LATERAL measures_of(a.status <> 'STARTED' AND a.deleted_at IS NULL, a.success, a.counted, a.completed_at, a.due_at,
  a.duration_seconds, a.score, a.accuracy, a.hints_used, a.skill_match, a.difficulty) AS m
WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL;
