SELECT attempts.id, attempts.organization_id, attempts.user_id, attempts.lab_id, attempts.assignment_id, attempts.status, attempts.success, attempts.started_at, attempts.completed_at, attempts.due_at, attempts.duration_seconds, attempts.score, attempts.accuracy, attempts.skill_match, attempts.difficulty, attempts.hints_used, attempts.errors, attempts.memory_mib, attempts.cpu_percent, attempts.metadata, attempts.source, attempts.source_id, attempts.recorded_at, attempts.revision, attempts.counted, attempts.deleted_at, attempts.occurred_at AS sort_0, attempts.id AS sort_1
FROM attempts
WHERE attempts.success IS true AND attempts.deleted_at IS NULL ORDER BY attempts.occurred_at DESC, attempts.id DESC
 LIMIT $1::BIGINT;

SELECT count(*) AS count_1
FROM (SELECT attempts.id AS id
FROM attempts
WHERE attempts.success IS true AND attempts.deleted_at IS NULL
 LIMIT $1::INTEGER) AS anon_1;

SELECT id, organization_id, type, title, level_id, difficulty, required_skills, archived_at FROM labs WHERE id = ANY ($1);

SELECT lt.lab_id, t.id, t.organization_id, t.external_id, t.title FROM lab_topics lt JOIN topics t ON t.id = lt.topic_id
WHERE lt.lab_id = ANY ($1) ORDER BY lt.lab_id, t.title, t.id;

WITH t0 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9) AS (
SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1)
)
SELECT a0.c0, a0.c1, a0.c2, a0.c3, a0.c4, a0.c5, a0.c6, a0.c7, a0.c8, a0.c9
FROM (SELECT) AS nothing LEFT JOIN (SELECT array_agg(c0) AS c0, array_agg(c1) AS c1, array_agg(c2) AS c2, array_agg(c3) AS c3, array_agg(c4) AS c4, array_agg(c5) AS c5, array_agg(c6) AS c6, array_agg(c7) AS c7, array_agg(c8) AS c8, array_agg(c9) AS c9 FROM t0) AS a0 ON true;
