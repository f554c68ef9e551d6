-- lab_days with the changes that are not folded yet: exact in every snapshot, whether or not a worker runs.
-- Predicates on the key reach both arms by index.
CREATE VIEW lab_days_live WITH (security_invoker = true) AS
SELECT organization_id, lab_id, day,
  sum(attempts)::bigint AS attempts, sum(successes)::bigint AS successes, sum(deadlines)::bigint AS deadlines,
  sum(on_time)::bigint AS on_time, sum(early_seconds) AS early_seconds, sum(timed)::bigint AS timed,
  sum(seconds) AS seconds, sum(scored)::bigint AS scored, sum(score_sum) AS score_sum,
  sum(accuracy_known)::bigint AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, sum(hints_known)::bigint
  AS hints_known, sum(hints)::bigint AS hints, sum(hinted)::bigint AS hinted, sum(tasks)::bigint AS tasks,
  sum(task_deadlines)::bigint AS task_deadlines, sum(task_on_time)::bigint AS task_on_time,
  sum(task_early_seconds) AS task_early_seconds, sum(task_timed)::bigint AS task_timed, sum(task_seconds) AS
  task_seconds, sum(skilled)::bigint AS skilled, sum(skill_sum) AS skill_sum, sum(rated)::bigint AS rated,
  sum(difficulty_sum) AS difficulty_sum
FROM (
  SELECT organization_id, lab_id, day,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
    accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
    task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  FROM lab_days
  UNION ALL
  SELECT organization_id, lab_id, day,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
    accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
    task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  FROM attempt_deltas
  -- Row security shows a person their own changes, and nobody but those who see all the sums of a lab.
  WHERE (SELECT current_user <> 'scoregraph_api' OR viewer_sees_all())
) AS parts
GROUP BY organization_id, lab_id, day;
