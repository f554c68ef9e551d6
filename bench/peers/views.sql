-- What PostGraphile serves: views over our own tables and live views, so that row security and every number are the same.
-- Written for speed: what belongs to one person is columns of one view, since a join to a view that adds up would add up
-- everybody, and numbers are of types that need no detour through text.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS peers CASCADE;
CREATE SCHEMA peers;

CREATE VIEW peers.users WITH (security_invoker = true) AS
SELECT u.id, u.display_name, u.deactivated_at IS NULL AS active,
  t.ranking_score::float8 AS score, t.tasks::int AS tasks_completed,
  (t.task_seconds / nullif(t.task_timed, 0))::float8 AS avg_completion_time_seconds, t.experience_level,
  t.task_on_time::float8 / nullif(t.task_deadlines, 0) AS on_time_ratio,
  (t.skill_sum / nullif(t.skilled, 0))::float8 AS skill_accuracy,
  (t.difficulty_sum / nullif(t.rated * 10, 0))::float8 AS difficulty_factor,
  (SELECT r.rank::int FROM public.live_ranks(ARRAY[u.id]) AS r) AS rank
FROM public.users u
-- OFFSET 0: so that only this person's changes are added up.
CROSS JOIN LATERAL (SELECT * FROM public.user_totals_live l WHERE l.user_id = u.id OFFSET 0) AS t;
COMMENT ON VIEW peers.users IS '@primaryKey id';

-- The present, active members of groups.
CREATE VIEW peers.members WITH (security_invoker = true) AS
SELECT m.group_id, u.*
FROM public.group_memberships m JOIN peers.users u ON u.id = m.user_id
WHERE m.role = 'MEMBER' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()) AND u.active;
COMMENT ON VIEW peers.members IS $$
@primaryKey group_id,id
@unique id
@foreignKey (group_id) references groups (id)|@foreignFieldName members
$$;

-- The last 30 days of the organization, a point for each: the score by the tasks completed until the end of the day.
-- As in the gateway, a score is computed for days on which something was done, and carried forward.
CREATE VIEW peers.trend_points WITH (security_invoker = true) AS
SELECT u.id AS user_id, p.day::date AS day, p.performance_score
FROM public.users u
JOIN public.organizations o ON o.id = u.organization_id
CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE o.time_zone)::date AS today) AS c
CROSS JOIN LATERAL (
  SELECT generate_series(greatest(s.day, c.today - 29), s.until, '1 day') AS day, s.performance_score
  FROM (
    SELECT d.day, lead(d.day, 1, c.today + 1) OVER (ORDER BY d.day) - 1 AS until,
      public.ranking_score(
        (t.task_on_time - coalesce(sum(d.task_on_time) OVER later, 0))::bigint,
        (t.task_deadlines - coalesce(sum(d.task_deadlines) OVER later, 0))::bigint,
        t.skill_sum - coalesce(sum(d.skill_sum) OVER later, 0), (t.skilled - coalesce(sum(d.skilled) OVER later, 0))::bigint,
        t.difficulty_sum - coalesce(sum(d.difficulty_sum) OVER later, 0), (t.rated - coalesce(sum(d.rated) OVER later, 0))::bigint
      )::float8 AS performance_score
    FROM (
      SELECT l.day, l.task_on_time, l.task_deadlines, l.skill_sum, l.skilled, l.difficulty_sum, l.rated
      FROM public.user_days_live l
      WHERE l.user_id = u.id AND l.day >= c.today - 29 AND l.attempts > 0
      UNION ALL
      SELECT c.today - 30, 0, 0, 0, 0, 0, 0
    ) AS d
    CROSS JOIN (SELECT * FROM public.user_totals_live l WHERE l.user_id = u.id OFFSET 0) AS t
    WINDOW later AS (ORDER BY d.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
  ) AS s
) AS p;
COMMENT ON VIEW peers.trend_points IS $$
@foreignKey (user_id) references users (id)|@foreignFieldName trendPoints
$$;

-- Like the gateway, read from the rollup itself while no change waits to be folded; for the other views that is no faster.
CREATE VIEW peers.topic_stats WITH (security_invoker = true) AS
SELECT s.user_id, s.topic_id, p.title, s.ranking_score::float8 AS score, s.tasks::int AS tasks_completed,
  s.successes::float8 / nullif(s.attempts, 0) AS success_rate
FROM (
  SELECT user_id, topic_id, ranking_score, attempts, successes, tasks FROM public.user_topic_totals
  WHERE (SELECT o.is_settled FROM public.organization_now(public.viewer_organization_id()) AS o)
  UNION ALL
  SELECT user_id, topic_id, ranking_score, attempts, successes, tasks FROM public.user_topic_totals_live
  WHERE NOT (SELECT o.is_settled FROM public.organization_now(public.viewer_organization_id()) AS o)
) AS s
JOIN public.topics p ON p.id = s.topic_id;
COMMENT ON VIEW peers.topic_stats IS $$
@foreignKey (user_id) references members (id)|@foreignFieldName topicStats
$$;

CREATE VIEW peers.groups WITH (security_invoker = true) AS SELECT id, name FROM public.groups;
COMMENT ON VIEW peers.groups IS '@primaryKey id';

CREATE VIEW peers.memberships WITH (security_invoker = true) AS
SELECT id, user_id, group_id, valid_from FROM public.group_memberships WHERE valid_to IS NULL OR valid_to > now();
COMMENT ON VIEW peers.memberships IS $$
@primaryKey id
@foreignKey (user_id) references leaders (user_id)|@foreignFieldName memberships
@foreignKey (group_id) references groups (id)|@fieldName group
$$;

-- The best people and everybody tied with the last of them, by the statement of the gateway: a view cannot be told how many.
CREATE VIEW peers.leaders WITH (security_invoker = true) AS
SELECT NULL::int AS rank, NULL::bigint AS user_id, NULL::text AS display_name, NULL::float8 AS score;
COMMENT ON VIEW peers.leaders IS '@primaryKey user_id';
CREATE FUNCTION peers.top(places int) RETURNS SETOF peers.leaders LANGUAGE sql STABLE PARALLEL SAFE AS $$
  WITH changed AS MATERIALIZED (SELECT DISTINCT user_id FROM attempt_deltas),
  best AS (
    SELECT * FROM (
      (
        SELECT t.user_id, t.ranking_score FROM user_totals t
        WHERE t.organization_id = (SELECT public.viewer_organization_id()) AND t.active AND t.ranking_score IS NOT NULL
          AND NOT EXISTS (SELECT FROM changed c WHERE c.user_id = t.user_id)
        ORDER BY t.ranking_score DESC FETCH FIRST places ROWS WITH TIES
      )
      UNION ALL
      (
        SELECT l.user_id, l.ranking_score
        FROM user_totals_live l WHERE l.user_id = ANY (ARRAY(SELECT c.user_id FROM changed c)) AND l.active AND l.ranking_score IS NOT NULL
      )
    ) AS candidates
    ORDER BY ranking_score DESC FETCH FIRST places ROWS WITH TIES
  )
  -- Names one by one: not knowing how many there are to be, the planner would rather read everybody.
  SELECT rank() OVER (ORDER BY b.ranking_score DESC)::int, b.user_id,
    (SELECT u.display_name FROM users u WHERE u.id = b.user_id), b.ranking_score::float8
  FROM best b
  ORDER BY b.ranking_score DESC, b.user_id
$$;

GRANT USAGE ON SCHEMA peers TO scoregraph_api;
GRANT SELECT ON ALL TABLES IN SCHEMA peers TO scoregraph_api;
