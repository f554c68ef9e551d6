SELECT id, organization_id, position, title FROM levels WHERE id = ANY ($1);

SELECT lab_id AS key, attempts, people, successful_people, duration_percentiles, score_percentiles, common_errors
FROM lab_stats WHERE lab_id = ANY ($1);

SELECT labs.id, labs.organization_id, labs.type, labs.title, labs.level_id, labs.difficulty, labs.required_skills, labs.archived_at, labs.title AS title__1, labs.id AS id__1
FROM labs LEFT OUTER JOIN levels ON levels.id = labs.level_id
WHERE labs.archived_at IS NULL ORDER BY labs.title ASC, labs.id ASC
 LIMIT $1::BIGINT;

SELECT lt.lab_id, t.id, t.organization_id, t.external_id, t.title FROM lab_topics lt JOIN topics t ON t.id = lt.topic_id
WHERE lt.lab_id = ANY ($1) ORDER BY lt.lab_id, t.title, t.id;

WITH chosen AS (SELECT id AS key, id AS lab_id FROM labs WHERE id = ANY ($1))
SELECT key, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
FROM chosen JOIN (SELECT lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM lab_days UNION ALL SELECT lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen))
GROUP BY key;
