-- user_totals with the changes that are not folded yet: exact in every snapshot, whether or not a worker runs.
-- Predicates on the key reach both arms by index. The scores are computed only where changes are pending.
CREATE OR REPLACE VIEW user_totals_live WITH (security_invoker = true) AS
SELECT organization_id, user_id, active,
  attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
  accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
  task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum,
  CASE WHEN pending THEN performance_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)
    ELSE folded_score END AS score,
  CASE WHEN pending THEN ranking_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)
    ELSE folded_ranking_score END AS ranking_score,
  experience_level(tasks) AS experience_level
FROM (
  SELECT organization_id, user_id, bool_or(active) AS active,
    add_up(attempts) AS attempts, add_up(successes) AS successes, add_up(deadlines) AS deadlines,
    add_up(on_time) AS on_time, add_up(early_seconds) AS early_seconds, add_up(timed) AS timed,
    add_up(seconds) AS seconds, add_up(scored) AS scored, add_up(score_sum) AS score_sum,
    add_up(accuracy_known) AS accuracy_known, add_up(accuracy_sum) AS accuracy_sum, add_up(hints_known) AS
    hints_known, add_up(hints) AS hints, add_up(hinted) AS hinted, add_up(tasks) AS tasks,
    add_up(task_deadlines) AS task_deadlines, add_up(task_on_time) AS task_on_time,
    add_up(task_early_seconds) AS task_early_seconds, add_up(task_timed) AS task_timed, add_up(task_seconds)
    AS task_seconds, add_up(skilled) AS skilled, add_up(skill_sum) AS skill_sum, add_up(rated) AS rated,
    add_up(difficulty_sum) AS difficulty_sum,
    bool_or(pending) AS pending, max(score) AS folded_score, max(ranking_score) AS folded_ranking_score
  FROM (
    SELECT organization_id, user_id, active, false AS pending, score, ranking_score,
      attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum,
      accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time,
      task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
    FROM user_totals
    UNION ALL
    SELECT organization_id, user_id, NULL::boolean, true, NULL::numeric, NULL::numeric,
      attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum,
      accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time,
      task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
    FROM attempt_deltas
  ) AS parts
  GROUP BY organization_id, user_id
) AS totals;
