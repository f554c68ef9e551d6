SELECT id, organization_id, type, title, level_id, difficulty, required_skills, archived_at FROM labs WHERE id = ANY ($1);

SELECT id, slug, name, time_zone, created_at FROM organizations WHERE id = ANY ($1);

SELECT lab_topics.topic_id, count(*) AS count_1
FROM labs JOIN lab_topics ON lab_topics.lab_id = labs.id
WHERE lab_topics.topic_id = any($1::BIGINT[]) AND labs.archived_at IS NULL GROUP BY lab_topics.topic_id;

SELECT page.user_id, page.attempt_id, page.lab_id, page.completed_at, page.standing_tasks, page.standing_task_deadlines, page.standing_task_on_time, page.standing_task_early_seconds, page.standing_task_timed, page.standing_task_seconds, page.standing_skilled, page.standing_skill_sum, page.standing_rated, page.standing_difficulty_sum, page.standing_score, page.score_change, page.completed_at_1, page.attempt_id_1
FROM unnest($1::BIGINT[]) AS anon_1(id) JOIN LATERAL (SELECT entries.user_id AS user_id, entries.attempt_id AS attempt_id, entries.lab_id AS lab_id, entries.completed_at AS completed_at, entries.standing_tasks AS standing_tasks, entries.standing_task_deadlines AS standing_task_deadlines, entries.standing_task_on_time AS standing_task_on_time, entries.standing_task_early_seconds AS standing_task_early_seconds, entries.standing_task_timed AS standing_task_timed, entries.standing_task_seconds AS standing_task_seconds, entries.standing_skilled AS standing_skilled, entries.standing_skill_sum AS standing_skill_sum, entries.standing_rated AS standing_rated, entries.standing_difficulty_sum AS standing_difficulty_sum, entries.standing_score AS standing_score, entries.score_change AS score_change, entries.completed_at AS completed_at_1, entries.attempt_id AS attempt_id_1
FROM (
        SELECT *, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score,
          performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled,
            standing_difficulty_sum, standing_rated)
          - performance_score(standing_task_on_time - task_on_time, standing_task_deadlines - task_deadlines,
            standing_skill_sum - skill_sum, standing_skilled - skilled, standing_difficulty_sum - difficulty_sum,
            standing_rated - rated) AS score_change
        FROM (
          SELECT a.*, CAST(t.tasks - coalesce(sum(a.tasks) OVER later, 0) AS bigint) AS standing_tasks, CAST(t.task_deadlines - coalesce(sum(a.task_deadlines) OVER later, 0) AS bigint) AS standing_task_deadlines, CAST(t.task_on_time - coalesce(sum(a.task_on_time) OVER later, 0) AS bigint) AS standing_task_on_time, CAST(t.task_early_seconds - coalesce(sum(a.task_early_seconds) OVER later, 0) AS numeric) AS standing_task_early_seconds, CAST(t.task_timed - coalesce(sum(a.task_timed) OVER later, 0) AS bigint) AS standing_task_timed, CAST(t.task_seconds - coalesce(sum(a.task_seconds) OVER later, 0) AS numeric) AS standing_task_seconds, CAST(t.skilled - coalesce(sum(a.skilled) OVER later, 0) AS bigint) AS standing_skilled, CAST(t.skill_sum - coalesce(sum(a.skill_sum) OVER later, 0) AS numeric) AS standing_skill_sum, CAST(t.rated - coalesce(sum(a.rated) OVER later, 0) AS bigint) AS standing_rated, CAST(t.difficulty_sum - coalesce(sum(a.difficulty_sum) OVER later, 0) AS numeric) AS standing_difficulty_sum
          FROM attempt_measures a JOIN user_totals_settled t ON t.user_id = a.user_id
          WHERE a.tasks > 0 AND true
          WINDOW later AS (
            PARTITION BY a.user_id ORDER BY a.completed_at DESC, a.attempt_id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          )
          ORDER BY a.user_id, a.completed_at DESC, a.attempt_id DESC
        ) AS standings
        ) AS entries
WHERE entries.user_id = anon_1.id
 LIMIT $2::BIGINT) AS page ON true;

SELECT page.user_id, page.day, page.attempts, page.successes, page.deadlines, page.on_time, page.timed, page.scored, page.accuracy_known, page.hints_known, page.hints, page.hinted, page.tasks, page.task_deadlines, page.task_on_time, page.task_timed, page.skilled, page.rated, page.early_seconds, page.seconds, page.score_sum, page.accuracy_sum, page.task_early_seconds, page.task_seconds, page.skill_sum, page.difficulty_sum, page.score, page.standing_tasks, page.standing_task_deadlines, page.standing_task_on_time, page.standing_task_early_seconds, page.standing_task_timed, page.standing_task_seconds, page.standing_skilled, page.standing_skill_sum, page.standing_rated, page.standing_difficulty_sum, page.standing_score
FROM unnest($1::BIGINT[]) AS anon_1(id) JOIN LATERAL (SELECT days.user_id AS user_id, days.day AS day, days.attempts AS attempts, days.successes AS successes, days.deadlines AS deadlines, days.on_time AS on_time, days.timed AS timed, days.scored AS scored, days.accuracy_known AS accuracy_known, days.hints_known AS hints_known, days.hints AS hints, days.hinted AS hinted, days.tasks AS tasks, days.task_deadlines AS task_deadlines, days.task_on_time AS task_on_time, days.task_timed AS task_timed, days.skilled AS skilled, days.rated AS rated, days.early_seconds AS early_seconds, days.seconds AS seconds, days.score_sum AS score_sum, days.accuracy_sum AS accuracy_sum, days.task_early_seconds AS task_early_seconds, days.task_seconds AS task_seconds, days.skill_sum AS skill_sum, days.difficulty_sum AS difficulty_sum, days.score AS score, days.standing_tasks AS standing_tasks, days.standing_task_deadlines AS standing_task_deadlines, days.standing_task_on_time AS standing_task_on_time, days.standing_task_early_seconds AS standing_task_early_seconds, days.standing_task_timed AS standing_task_timed, days.standing_task_seconds AS standing_task_seconds, days.standing_skilled AS standing_skilled, days.standing_skill_sum AS standing_skill_sum, days.standing_rated AS standing_rated, days.standing_difficulty_sum AS standing_difficulty_sum, days.standing_score AS standing_score
FROM (
    SELECT *, performance_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated) AS score, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score
    FROM (
      SELECT d.*, CAST(t.tasks - coalesce(sum(d.tasks) OVER later, 0) AS bigint) AS standing_tasks, CAST(t.task_deadlines - coalesce(sum(d.task_deadlines) OVER later, 0) AS bigint) AS standing_task_deadlines, CAST(t.task_on_time - coalesce(sum(d.task_on_time) OVER later, 0) AS bigint) AS standing_task_on_time, CAST(t.task_early_seconds - coalesce(sum(d.task_early_seconds) OVER later, 0) AS numeric) AS standing_task_early_seconds, CAST(t.task_timed - coalesce(sum(d.task_timed) OVER later, 0) AS bigint) AS standing_task_timed, CAST(t.task_seconds - coalesce(sum(d.task_seconds) OVER later, 0) AS numeric) AS standing_task_seconds, CAST(t.skilled - coalesce(sum(d.skilled) OVER later, 0) AS bigint) AS standing_skilled, CAST(t.skill_sum - coalesce(sum(d.skill_sum) OVER later, 0) AS numeric) AS standing_skill_sum, CAST(t.rated - coalesce(sum(d.rated) OVER later, 0) AS bigint) AS standing_rated, CAST(t.difficulty_sum - coalesce(sum(d.difficulty_sum) OVER later, 0) AS numeric) AS standing_difficulty_sum
      FROM user_days d JOIN user_totals_settled t ON t.user_id = d.user_id
      WHERE d.day >= $2::DATE AND d.attempts > 0
      WINDOW later AS (PARTITION BY d.user_id ORDER BY d.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS standings
    ) AS days
WHERE days.user_id = anon_1.id AND days.day < $3::DATE ORDER BY days.day ASC
 LIMIT $4::BIGINT) AS page ON true;

SELECT user_id, lab_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum FROM (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS parts WHERE user_id = ANY ($1) AND (CAST($2 AS bigint[]) IS NULL OR lab_id = ANY ($2)) GROUP BY user_id, lab_id;

SELECT user_id, lab_id, max(occurred_at) AS last_attempt_at, max(score) AS best_score
FROM attempts AS a
WHERE user_id = ANY ($1) AND a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= $2 AND a.occurred_at < $3 AND (CAST($4 AS bigint[]) IS NULL OR lab_id = ANY ($4))
GROUP BY user_id, lab_id;

SELECT user_id, topic_id, CAST(sum(tasks) AS bigint) AS tasks
FROM (
  SELECT user_id, lab_id, tasks FROM (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS parts WHERE user_id = ANY ($1) AND lab_id = ANY (ARRAY(SELECT id FROM labs WHERE archived_at IS NOT NULL))
) AS done JOIN lab_topics USING (lab_id)
WHERE (CAST($2 AS bigint[]) IS NULL OR topic_id = ANY ($2))
GROUP BY user_id, topic_id;

WITH t0 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9) AS (
SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1)
), t1 (c0, c1, c2, c3) AS (
    WITH slots AS (
      SELECT user_id, width_bucket(day, CAST($2 AS date[])) AS slot, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, CAST(sum(skilled) AS bigint) AS skilled, CAST(sum(skill_sum) AS numeric) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, CAST(sum(difficulty_sum) AS numeric) AS difficulty_sum
      FROM user_days
      WHERE user_id = ANY (ARRAY(SELECT DISTINCT c0 FROM t0 WHERE c0 IS NOT NULL)) AND day >= $3
      GROUP BY 1, 2
      HAVING sum(attempts) > 0
    ),
    places AS (
      SELECT * FROM slots
      UNION ALL
      SELECT id, 0, 0, 0, 0, 0, 0, 0, 0 FROM unnest(CAST(ARRAY(SELECT DISTINCT c0 FROM t0 WHERE c0 IS NOT NULL) AS bigint[])) AS id
    ),
    standings AS (
      SELECT p.*, CAST(t.task_deadlines - coalesce(sum(p.task_deadlines) OVER later, 0) AS bigint) AS standing_task_deadlines, CAST(t.task_on_time - coalesce(sum(p.task_on_time) OVER later, 0) AS bigint) AS standing_task_on_time, CAST(t.skilled - coalesce(sum(p.skilled) OVER later, 0) AS bigint) AS standing_skilled, CAST(t.skill_sum - coalesce(sum(p.skill_sum) OVER later, 0) AS numeric) AS standing_skill_sum, CAST(t.rated - coalesce(sum(p.rated) OVER later, 0) AS bigint) AS standing_rated, CAST(t.difficulty_sum - coalesce(sum(p.difficulty_sum) OVER later, 0) AS numeric) AS standing_difficulty_sum
      FROM places p
      JOIN (SELECT * FROM user_totals_settled WHERE user_id = ANY (ARRAY(SELECT DISTINCT c0 FROM t0 WHERE c0 IS NOT NULL))) AS t ON t.user_id = p.user_id
      WINDOW later AS (PARTITION BY p.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT user_id, slot, tasks, standing_score
    FROM (SELECT *, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score FROM standings) AS scored
    WHERE slot < cardinality(CAST($2 AS date[]))
), t2 (c0, c1, c2, c3, c4) AS (
    SELECT user_id, topic_id, attempts, successes, tasks
    FROM (SELECT user_id, topic_id, attempts, successes, tasks FROM (
SELECT user_id, topic_id, attempts, successes, tasks FROM user_topic_totals WHERE user_id = ANY (ARRAY(SELECT DISTINCT c0 FROM t0 WHERE c0 IS NOT NULL)) AND attempts > 0
) AS done) AS done JOIN (SELECT id AS topic_id, title FROM topics) AS t USING (topic_id) ORDER BY user_id, title COLLATE "C", topic_id
), t3 (c0, c1) AS (
SELECT id, title FROM topics WHERE id = ANY (ARRAY(SELECT DISTINCT c1 FROM t2 WHERE c1 IS NOT NULL))
)
SELECT a0.c0, a0.c1, a0.c2, a0.c3, a0.c4, a0.c5, a0.c6, a0.c7, a0.c8, a0.c9, a1.c0, a1.c1, a1.c2, a1.c3, a2.c0, a2.c1, a2.c2, a2.c3, a2.c4, a3.c0, a3.c1
FROM (SELECT) AS nothing LEFT JOIN t0 AS a0 ON true LEFT JOIN (SELECT array_agg(c0) AS c0, array_agg(c1) AS c1, array_agg(c2) AS c2, array_agg(c3) AS c3 FROM t1) AS a1 ON true LEFT JOIN (SELECT array_agg(c0) AS c0, array_agg(c1) AS c1, array_agg(c2) AS c2, array_agg(c3) AS c3, array_agg(c4) AS c4 FROM t2) AS a2 ON true LEFT JOIN (SELECT array_agg(c0) AS c0, array_agg(c1) AS c1 FROM t3) AS a3 ON true;
