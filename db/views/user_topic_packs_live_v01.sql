-- user_topic_packs with the changes that are not folded yet: exact in every snapshot, whether or not a worker runs. Those of
-- whom changes are pending are packed anew, from their totals with the changes; the others are read as they are. A score is
-- computed only where changes are pending. Changes are never read once for each person: there may be many more than when
-- this was planned.
CREATE VIEW user_topic_packs_live WITH (security_invoker = true) AS
SELECT DISTINCT ON (user_id) organization_id, user_id, topic_id, attempts, successes, tasks, ranking_score
FROM (
  SELECT organization_id, user_id, false AS is_new, topic_id, attempts, successes, tasks, ranking_score
  FROM user_topic_packs
  UNION ALL
  SELECT organization_id, user_id, true,
    coalesce(string_agg(int8send(topic_id), '' ORDER BY title COLLATE "C", topic_id) FILTER (WHERE attempts > 0), ''),
    coalesce(string_agg(int8send(attempts), '' ORDER BY title COLLATE "C", topic_id) FILTER (WHERE attempts > 0), ''),
    coalesce(string_agg(int8send(successes), '' ORDER BY title COLLATE "C", topic_id) FILTER (WHERE attempts > 0), ''),
    coalesce(string_agg(int8send(tasks), '' ORDER BY title COLLATE "C", topic_id) FILTER (WHERE attempts > 0), ''),
    coalesce(string_agg(float8send(coalesce(ranking_score, 'NaN')), '' ORDER BY title COLLATE "C", topic_id)
      FILTER (WHERE attempts > 0), '')
  FROM (
    SELECT organization_id, user_id, topic_id,
      add_up(attempts) AS attempts, add_up(successes) AS successes, add_up(tasks) AS tasks,
      CASE WHEN bool_or(is_pending) THEN CAST(ranking_score(
          add_up(task_on_time), add_up(task_deadlines), add_up(skill_sum), add_up(skilled), add_up(difficulty_sum), add_up(rated)
        ) AS double precision) ELSE max(ranking_score) END AS ranking_score
    FROM (
      SELECT organization_id, user_id, topic_id, false AS is_pending, ranking_score,
        attempts, successes, tasks, task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated
      FROM (SELECT DISTINCT user_id FROM attempt_deltas) AS changed JOIN user_topic_totals USING (user_id)
      UNION ALL
      SELECT d.organization_id, d.user_id, lt.topic_id, true, NULL,
        d.attempts, d.successes, d.tasks, d.task_on_time, d.task_deadlines, d.skill_sum, d.skilled, d.difficulty_sum, d.rated
      FROM attempt_deltas d JOIN lab_topics lt ON lt.lab_id = d.lab_id
    ) AS parts
    GROUP BY organization_id, user_id, topic_id
  ) AS totals JOIN (SELECT id AS topic_id, title FROM topics) AS titles USING (topic_id)
  GROUP BY organization_id, user_id
) AS packs
ORDER BY user_id, is_new DESC;
GRANT SELECT ON user_topic_packs_live TO scoregraph_api, scoregraph_worker;
