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
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3), array_agg(c4), array_agg(c5), array_agg(c6), array_agg(c7), array_agg(c8), array_agg(c9) FROM (
SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1)
) AS t (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9)
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3, t0.c4, t0.c5, t0.c6, t0.c7, t0.c8, t0.c9
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;
