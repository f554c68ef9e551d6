-- Leaderboards of any scope. Everybody in the scope is ranked; only the people whom the viewer may see are answered.

-- The measures of each person on a board: all-time from the rollups, or of [starts, ends) from the attempts.
--   people    only these; null for the whole organization       labs   only these; null for all
CREATE FUNCTION board_measures(people bigint[], labs bigint[], starts timestamptz, ends timestamptz)
RETURNS TABLE (
  user_id bigint, attempts bigint, successes bigint, tasks bigint, task_timed bigint, task_seconds numeric,
  ranking_score numeric
)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
  IF starts IS NOT NULL THEN
    RETURN QUERY
    SELECT s.user_id, s.attempts, s.successes, s.tasks, s.task_timed, s.task_seconds,
      ranking_score(s.task_on_time, s.task_deadlines, s.skill_sum, s.skilled, s.difficulty_sum, s.rated)
    FROM (
      SELECT m.user_id, sum(m.attempts)::bigint AS attempts, sum(m.successes)::bigint AS successes,
        sum(m.tasks)::bigint AS tasks, sum(m.task_timed)::bigint AS task_timed, sum(m.task_seconds) AS task_seconds,
        sum(m.task_on_time)::bigint AS task_on_time, sum(m.task_deadlines)::bigint AS task_deadlines,
        sum(m.skill_sum) AS skill_sum, sum(m.skilled)::bigint AS skilled,
        sum(m.difficulty_sum) AS difficulty_sum, sum(m.rated)::bigint AS rated
      FROM attempt_measures m
      WHERE m.organization_id = viewer_organization_id() AND m.completed_at >= starts AND m.completed_at < ends
        AND (people IS NULL OR m.user_id = ANY (people)) AND (labs IS NULL OR m.lab_id = ANY (labs))
      GROUP BY m.user_id
    ) AS s;
  ELSIF labs IS NOT NULL THEN
    RETURN QUERY
    SELECT s.user_id, s.attempts, s.successes, s.tasks, s.task_timed, s.task_seconds,
      ranking_score(s.task_on_time, s.task_deadlines, s.skill_sum, s.skilled, s.difficulty_sum, s.rated)
    FROM (
      SELECT m.user_id, sum(m.attempts)::bigint AS attempts, sum(m.successes)::bigint AS successes,
        sum(m.tasks)::bigint AS tasks, sum(m.task_timed)::bigint AS task_timed, sum(m.task_seconds) AS task_seconds,
        sum(m.task_on_time)::bigint AS task_on_time, sum(m.task_deadlines)::bigint AS task_deadlines,
        sum(m.skill_sum) AS skill_sum, sum(m.skilled)::bigint AS skilled,
        sum(m.difficulty_sum) AS difficulty_sum, sum(m.rated)::bigint AS rated
      FROM user_lab_totals_live m
      WHERE m.organization_id = viewer_organization_id() AND m.lab_id = ANY (labs)
        AND (people IS NULL OR m.user_id = ANY (people))
      GROUP BY m.user_id
    ) AS s;
  ELSIF people IS NOT NULL THEN
    RETURN QUERY
    SELECT m.user_id, m.attempts, m.successes, m.tasks, m.task_timed, m.task_seconds, m.ranking_score
    FROM user_totals_live m
    WHERE m.organization_id = viewer_organization_id() AND m.user_id = ANY (people);
  ELSE
    RETURN QUERY
    SELECT m.user_id, m.attempts, m.successes, m.tasks, m.task_timed, m.task_seconds, m.ranking_score
    FROM user_totals_live m
    WHERE m.organization_id = viewer_organization_id();
  END IF;
END $$;

-- A board: its visible rows, each with its exact rank among everybody in the scope.
--   scope     ORGANIZATION, GROUP, TOPIC, LEVEL or LAB, with the id of the latter four
--   metric    SCORE, TASKS, SUCCESS_RATE (0–1), or FASTEST (mean seconds of a completed task, ascending)
--   method    COMPETITION 1, 1, 3; DENSE 1, 1, 2; ORDINAL 1, 2, 3 (ties by id)
-- Values are compared as displayed (a score to one decimal, a rate to three). A person without a value is not ranked;
-- the deactivated do not stand on boards. `position` is unique.
CREATE FUNCTION leaderboard_rows(
  scope text, scope_id bigint, metric text, method text, starts timestamptz, ends timestamptz
) RETURNS TABLE (user_id bigint, value numeric, rank bigint, tied_with bigint, "position" bigint, entries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  people bigint[];
  labs bigint[];
BEGIN
  IF scope = 'GROUP' THEN
    IF NOT (viewer_sees_all() OR scope_id IN (SELECT viewer_group_ids()) OR scope_id IN (SELECT viewer_own_group_ids())) THEN
      RETURN;
    END IF;
    people := ARRAY(
      SELECT DISTINCT m.user_id FROM group_memberships m
      WHERE m.group_id = scope_id AND m.organization_id = viewer_organization_id() AND m.role = 'MEMBER'
        AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
    );
  ELSIF scope = 'TOPIC' THEN
    labs := ARRAY(SELECT lt.lab_id FROM lab_topics lt WHERE lt.topic_id = scope_id);
  ELSIF scope = 'LEVEL' THEN
    labs := ARRAY(SELECT l.id FROM labs l WHERE l.level_id = scope_id);
  ELSIF scope = 'LAB' THEN
    labs := ARRAY[scope_id];
  END IF;
  RETURN QUERY
  WITH valued AS (
    SELECT b.user_id, CASE metric
        WHEN 'SCORE' THEN b.ranking_score
        WHEN 'TASKS' THEN CASE WHEN b.attempts > 0 THEN b.tasks END
        WHEN 'SUCCESS_RATE' THEN round_half_even(b.successes / nullif(b.attempts, 0)::numeric, 3)
        WHEN 'FASTEST' THEN round_half_even(b.task_seconds / nullif(b.task_timed, 0), 1)
      END AS value
    FROM board_measures(people, labs, starts, ends) b
    JOIN user_totals t ON t.user_id = b.user_id AND t.active
  ),
  sorted AS (
    -- Ascending `key` is best first for every metric.
    SELECT v.user_id, v.value, CASE WHEN metric = 'FASTEST' THEN v.value ELSE -v.value END AS key
    FROM valued v WHERE v.value IS NOT NULL
  ),
  ranked AS (
    SELECT s.user_id, s.value,
      CASE method
        WHEN 'DENSE' THEN dense_rank() OVER (ORDER BY s.key)
        WHEN 'ORDINAL' THEN row_number() OVER (ORDER BY s.key, s.user_id)
        ELSE rank() OVER (ORDER BY s.key)
      END AS rank,
      count(*) OVER (PARTITION BY s.key) - 1 AS tied_with,
      row_number() OVER (ORDER BY s.key, s.user_id) AS place,
      count(*) OVER () AS entries
    FROM sorted s
  )
  SELECT r.user_id, r.value, r.rank, r.tied_with, r.place, r.entries FROM ranked r
  WHERE viewer_sees_all() OR r.user_id IN (SELECT viewer_people());
END $$;
