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
          SELECT a.*, t.tasks - coalesce(add_up(a.tasks) OVER later, 0) AS standing_tasks, t.task_deadlines - coalesce(add_up(a.task_deadlines) OVER later, 0) AS standing_task_deadlines, t.task_on_time - coalesce(add_up(a.task_on_time) OVER later, 0) AS standing_task_on_time, t.task_early_seconds - coalesce(add_up(a.task_early_seconds) OVER later, 0) AS standing_task_early_seconds, t.task_timed - coalesce(add_up(a.task_timed) OVER later, 0) AS standing_task_timed, t.task_seconds - coalesce(add_up(a.task_seconds) OVER later, 0) AS standing_task_seconds, t.skilled - coalesce(add_up(a.skilled) OVER later, 0) AS standing_skilled, t.skill_sum - coalesce(add_up(a.skill_sum) OVER later, 0) AS standing_skill_sum, t.rated - coalesce(add_up(a.rated) OVER later, 0) AS standing_rated, t.difficulty_sum - coalesce(add_up(a.difficulty_sum) OVER later, 0) AS standing_difficulty_sum
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
      SELECT d.*, t.tasks - coalesce(add_up(d.tasks) OVER later, 0) AS standing_tasks, t.task_deadlines - coalesce(add_up(d.task_deadlines) OVER later, 0) AS standing_task_deadlines, t.task_on_time - coalesce(add_up(d.task_on_time) OVER later, 0) AS standing_task_on_time, t.task_early_seconds - coalesce(add_up(d.task_early_seconds) OVER later, 0) AS standing_task_early_seconds, t.task_timed - coalesce(add_up(d.task_timed) OVER later, 0) AS standing_task_timed, t.task_seconds - coalesce(add_up(d.task_seconds) OVER later, 0) AS standing_task_seconds, t.skilled - coalesce(add_up(d.skilled) OVER later, 0) AS standing_skilled, t.skill_sum - coalesce(add_up(d.skill_sum) OVER later, 0) AS standing_skill_sum, t.rated - coalesce(add_up(d.rated) OVER later, 0) AS standing_rated, t.difficulty_sum - coalesce(add_up(d.difficulty_sum) OVER later, 0) AS standing_difficulty_sum
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
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3) FROM (
    WITH standings AS (
      SELECT t.user_id, p.*, t.task_deadlines - coalesce(add_up(p.task_deadlines) OVER later, 0) AS standing_task_deadlines, t.task_on_time - coalesce(add_up(p.task_on_time) OVER later, 0) AS standing_task_on_time, t.skilled - coalesce(add_up(p.skilled) OVER later, 0) AS standing_skilled, t.skill_sum - coalesce(add_up(p.skill_sum) OVER later, 0) AS standing_skill_sum, t.rated - coalesce(add_up(p.rated) OVER later, 0) AS standing_rated, t.difficulty_sum - coalesce(add_up(p.difficulty_sum) OVER later, 0) AS standing_difficulty_sum
      FROM user_totals_settled AS t CROSS JOIN LATERAL (
        SELECT width_bucket(day, CAST($2 AS date[])) AS slot, tasks, task_deadlines, task_on_time, skilled, skill_sum, rated, difficulty_sum
        FROM user_days AS done
        WHERE done.user_id = t.user_id AND day >= $3 AND attempts > 0
        UNION ALL
        SELECT 0, 0, 0, 0, 0, 0, 0, 0
      ) AS p
      WHERE t.user_id = ANY (ARRAY(SELECT c0 FROM t0 WHERE c0 IS NOT NULL))
      WINDOW later AS (PARTITION BY t.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT user_id, slot, tasks, standing_score
    FROM (SELECT *, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score FROM standings) AS scored
    WHERE slot < cardinality(CAST($2 AS date[]))
) AS t (c0, c1, c2, c3)
), t2 (c0, c1, c2, c3, c4) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3), array_agg(c4) FROM (
SELECT user_id, topic_id, attempts, successes, tasks FROM user_topic_packs WHERE user_id = ANY (ARRAY(SELECT c0 FROM t0 WHERE c0 IS NOT NULL))
) AS t (c0, c1, c2, c3, c4)
), t3 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT id, title FROM topics WHERE id = ANY (ARRAY(SELECT DISTINCT key FROM (SELECT DISTINCT unnest(c1) AS pack FROM t2) AS packs, unpack_ids(pack) AS key))
) AS t (c0, c1)
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3, t0.c4, t0.c5, t0.c6, t0.c7, t0.c8, t0.c9, t1.c0, t1.c1, t1.c2, t1.c3, t2.c0, t2.c1, t2.c2, t2.c3, t2.c4, t3.c0, t3.c1
FROM (SELECT) AS nothing LEFT JOIN t0 ON true LEFT JOIN t1 ON true LEFT JOIN t2 ON true LEFT JOIN t3 ON true;
