SELECT id, organization_id, type, title, level_id, difficulty, required_skills, archived_at FROM labs WHERE id = ANY ($1);

SELECT owners.key, lists.id, lists.organization_id, lists.user_id, lists.lab_id, lists.assignment_id, lists.status, lists.success, lists.started_at, lists.completed_at, lists.due_at, lists.duration_seconds, lists.score, lists.accuracy, lists.skill_match, lists.difficulty, lists.hints_used, lists.errors, lists.memory_mib, lists.cpu_percent, lists.metadata, lists.source, lists.source_id, lists.recorded_at, lists.revision, lists.counted, lists.deleted_at, lists.sort_0, lists.sort_1
FROM unnest($1::BIGINT[]) AS owners(key) JOIN LATERAL (SELECT attempts.id AS id, attempts.organization_id AS organization_id, attempts.user_id AS user_id, attempts.lab_id AS lab_id, attempts.assignment_id AS assignment_id, attempts.status AS status, attempts.success AS success, attempts.started_at AS started_at, attempts.completed_at AS completed_at, attempts.due_at AS due_at, attempts.duration_seconds AS duration_seconds, attempts.score AS score, attempts.accuracy AS accuracy, attempts.skill_match AS skill_match, attempts.difficulty AS difficulty, attempts.hints_used AS hints_used, attempts.errors AS errors, attempts.memory_mib AS memory_mib, attempts.cpu_percent AS cpu_percent, attempts.metadata AS metadata, attempts.source AS source, attempts.source_id AS source_id, attempts.recorded_at AS recorded_at, attempts.revision AS revision, attempts.counted AS counted, attempts.deleted_at AS deleted_at, attempts.occurred_at AS sort_0, attempts.id AS sort_1
FROM attempts
WHERE attempts.deleted_at IS NULL AND attempts.user_id = owners.key ORDER BY attempts.occurred_at DESC, attempts.id DESC
 LIMIT $2::BIGINT) AS lists ON true ORDER BY owners.key, lists.sort_0 DESC, lists.sort_1 DESC;

SELECT performance_score(i.on_time, i.deadlines, i.skill, i.skilled, i.difficulty, i.rated),
  performance_score(1, 1, 0, 1, 0, 1) / 100,
  performance_score(i.deadlines, i.deadlines, 0, i.skilled, 0, i.rated) / 100,
  performance_score(i.on_time, i.deadlines, 0, i.skilled, 0, i.rated),
  performance_score(0, 1, 1, 1, 0, 1) / 100,
  performance_score(0, i.deadlines, i.skilled, i.skilled, 0, i.rated) / 100,
  performance_score(0, i.deadlines, i.skill, i.skilled, 0, i.rated),
  performance_score(0, 1, 0, 1, 10, 1) / 100,
  performance_score(0, i.deadlines, 0, i.skilled, i.rated * 10, i.rated) / 100,
  performance_score(0, i.deadlines, 0, i.skilled, i.difficulty, i.rated)
FROM unnest(CAST($1 AS bigint[]), CAST($2 AS bigint[]), CAST($3 AS numeric[]), CAST($4 AS bigint[]),
  CAST($5 AS numeric[]), CAST($6 AS bigint[]))
  WITH ORDINALITY AS i (on_time, deadlines, skill, skilled, difficulty, rated, place)
ORDER BY i.place;

WITH t0 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9) AS (
SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1)
), t1 (c0, c1, c2, c3) AS (
SELECT user_id, rank, tied_with, ranked_people FROM settled_ranks(ARRAY(SELECT c0 FROM t0 WHERE c0 IS NOT NULL))
), t2 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26, c27, c28) AS (
SELECT user_id, score, ranking_score, experience_level, active, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_totals_settled WHERE user_id = ANY (ARRAY(SELECT c0 FROM t0 WHERE c0 IS NOT NULL))
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3, t0.c4, t0.c5, t0.c6, t0.c7, t0.c8, t0.c9, t1.c0, t1.c1, t1.c2, t1.c3, t2.c0, t2.c1, t2.c2, t2.c3, t2.c4, t2.c5, t2.c6, t2.c7, t2.c8, t2.c9, t2.c10, t2.c11, t2.c12, t2.c13, t2.c14, t2.c15, t2.c16, t2.c17, t2.c18, t2.c19, t2.c20, t2.c21, t2.c22, t2.c23, t2.c24, t2.c25, t2.c26, t2.c27, t2.c28
FROM (SELECT) AS nothing LEFT JOIN t0 ON true LEFT JOIN t1 ON true LEFT JOIN t2 ON true;

WITH t0 (c1, c2) AS (
SELECT array_agg(c1), array_agg(c2) FROM (
    WITH standings AS (
      SELECT t.user_id, p.*, t.task_deadlines - coalesce(add_up(p.task_deadlines) OVER later, 0) AS standing_task_deadlines, t.task_on_time - coalesce(add_up(p.task_on_time) OVER later, 0) AS standing_task_on_time, t.skilled - coalesce(add_up(p.skilled) OVER later, 0) AS standing_skilled, t.skill_sum - coalesce(add_up(p.skill_sum) OVER later, 0) AS standing_skill_sum, t.rated - coalesce(add_up(p.rated) OVER later, 0) AS standing_rated, t.difficulty_sum - coalesce(add_up(p.difficulty_sum) OVER later, 0) AS standing_difficulty_sum
      FROM user_totals_settled AS t CROSS JOIN LATERAL (
        SELECT width_bucket(completed_at, CAST($1 AS timestamptz[])) AS slot, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, CAST(sum(skilled) AS bigint) AS skilled, CAST(sum(skill_sum) AS numeric) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, CAST(sum(difficulty_sum) AS numeric) AS difficulty_sum
        FROM attempt_measures AS done
        WHERE done.user_id = t.user_id AND completed_at >= $2 GROUP BY 1 HAVING sum(attempts) > 0
        UNION ALL
        SELECT 0, 0, 0, 0, 0, 0, 0
      ) AS p
      WHERE t.user_id = ANY ($3)
      WINDOW later AS (PARTITION BY t.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT user_id, slot, standing_score
    FROM (SELECT *, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score FROM standings) AS scored
    WHERE slot < cardinality(CAST($1 AS timestamptz[]))
) AS t (c0, c1, c2)
)
SELECT t0.c1, t0.c2
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;
