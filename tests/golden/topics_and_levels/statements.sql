SELECT id, organization_id, position, title FROM levels ORDER BY position;

SELECT topics.id, topics.organization_id, topics.external_id, topics.title, topics.title AS title__1, topics.id AS id__1
FROM topics ORDER BY topics.title ASC, topics.id ASC
 LIMIT $1::BIGINT;

WITH chosen AS (SELECT level_id AS key, id AS lab_id FROM labs WHERE level_id = ANY ($1))
SELECT key, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
FROM chosen JOIN (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people()))
GROUP BY key;

WITH chosen AS (SELECT level_id AS key, id AS lab_id FROM labs WHERE level_id = ANY ($1))
SELECT key, count(DISTINCT a.user_id), count(DISTINCT a.user_id) FILTER (WHERE a.success)
FROM chosen JOIN attempts AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people())) AND a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= $2 AND a.occurred_at < $3
GROUP BY key;

WITH chosen AS (SELECT level_id AS key, id AS lab_id FROM labs WHERE level_id = ANY ($1))
SELECT key, percentile_cont(CAST($2 AS float8)) WITHIN GROUP (ORDER BY CAST(a.score AS float8))
FROM chosen JOIN attempts AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people())) AND a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= $3 AND a.occurred_at < $4
GROUP BY key;

WITH chosen AS (SELECT topic_id AS key, lab_id FROM lab_topics WHERE topic_id = ANY ($1))
SELECT key, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
FROM chosen JOIN (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people()))
GROUP BY key;

WITH chosen AS (SELECT topic_id AS key, lab_id FROM lab_topics WHERE topic_id = ANY ($1))
SELECT key, count(DISTINCT a.user_id), count(DISTINCT a.user_id) FILTER (WHERE a.success)
FROM chosen JOIN attempts AS a USING (lab_id)
WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people())) AND a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= $2 AND a.occurred_at < $3
GROUP BY key;

WITH chosen AS (SELECT topic_id AS key, lab_id FROM lab_topics WHERE topic_id = ANY ($1)),
counted AS (
  SELECT key, e.code, count(DISTINCT a.id) AS attempts
  FROM chosen JOIN attempts AS a USING (lab_id) CROSS JOIN LATERAL unnest(a.errors) AS e (code)
  WHERE a.lab_id = ANY (ARRAY(SELECT lab_id FROM chosen)) AND a.user_id = ANY (ARRAY(SELECT viewer_people())) AND a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= $2 AND a.occurred_at < $3 AND a.errors <> '{}'
  GROUP BY key, e.code
),
ranked AS (SELECT *, row_number() OVER (PARTITION BY key ORDER BY attempts DESC, code) AS position FROM counted)
SELECT key, code, attempts FROM ranked WHERE position <= 20 ORDER BY key, position;
