-- user_totals in the columns of user_totals_live, for snapshots in which nothing waits to be folded.
CREATE VIEW user_totals_settled WITH (security_invoker = true) AS
SELECT organization_id, user_id, active,
  attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
  accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
  task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum,
  score, ranking_score, experience_level(tasks) AS experience_level
FROM user_totals;
GRANT SELECT ON user_totals_settled TO scoregraph_api, scoregraph_worker;
