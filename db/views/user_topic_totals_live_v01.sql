-- user_topic_totals with the changes that are not folded yet: exact in every snapshot, whether or not a worker runs.
-- Predicates on the key reach both arms by index. The score is computed only where changes are pending.
CREATE VIEW user_topic_totals_live WITH (security_invoker = true) AS
SELECT organization_id, user_id, topic_id,
  attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
  accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
  task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum,
  CASE WHEN pending
    THEN CAST(ranking_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated) AS double precision)
    ELSE folded_ranking_score END AS ranking_score
FROM (
  SELECT organization_id, user_id, topic_id,
    add_up(attempts) AS attempts, add_up(successes) AS successes, add_up(deadlines) AS deadlines,
    add_up(on_time) AS on_time, add_up(early_seconds) AS early_seconds, add_up(timed) AS timed,
    add_up(seconds) AS seconds, add_up(scored) AS scored, add_up(score_sum) AS score_sum,
    add_up(accuracy_known) AS accuracy_known, add_up(accuracy_sum) AS accuracy_sum, add_up(hints_known) AS
    hints_known, add_up(hints) AS hints, add_up(hinted) AS hinted, add_up(tasks) AS tasks,
    add_up(task_deadlines) AS task_deadlines, add_up(task_on_time) AS task_on_time,
    add_up(task_early_seconds) AS task_early_seconds, add_up(task_timed) AS task_timed, add_up(task_seconds)
    AS task_seconds, add_up(skilled) AS skilled, add_up(skill_sum) AS skill_sum, add_up(rated) AS rated,
    add_up(difficulty_sum) AS difficulty_sum,
    bool_or(pending) AS pending, max(ranking_score) AS folded_ranking_score
  FROM (
    SELECT organization_id, user_id, topic_id, false AS pending, ranking_score,
      attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum,
      accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time,
      task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
    FROM user_topic_totals
    UNION ALL
    SELECT d.organization_id, d.user_id, lt.topic_id, true, NULL::double precision,
      d.attempts, d.successes, d.deadlines, d.on_time, d.early_seconds, d.timed, d.seconds, d.scored,
      d.score_sum, d.accuracy_known, d.accuracy_sum, d.hints_known, d.hints, d.hinted, d.tasks,
      d.task_deadlines, d.task_on_time, d.task_early_seconds, d.task_timed, d.task_seconds, d.skilled,
      d.skill_sum, d.rated, d.difficulty_sum
    FROM attempt_deltas d JOIN lab_topics lt ON lt.lab_id = d.lab_id
  ) AS parts
  GROUP BY organization_id, user_id, topic_id
) AS totals;
GRANT SELECT ON user_topic_totals_live TO scoregraph_api, scoregraph_worker;
