-- What does not add up over the attempts of a level: distinct people, percentiles, common errors.
-- An error named twice in one attempt counts once. Durations over 30 days are left out.
CREATE MATERIALIZED VIEW internal.level_stats AS
WITH finished AS (
  SELECT l.level_id AS level_id, a.*
  FROM attempts a JOIN labs l ON l.id = a.lab_id
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL AND l.level_id IS NOT NULL
),
spread AS (
  SELECT organization_id, level_id,
    count(*) AS attempts,
    count(DISTINCT user_id) AS people,
    count(DISTINCT user_id) FILTER (WHERE success) AS successful_people,
    percentile_cont(ARRAY[0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) WITHIN GROUP (ORDER BY duration_seconds::float8)
      FILTER (WHERE duration_seconds <= 2592000) AS duration_percentiles,
    percentile_cont(ARRAY[0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) WITHIN GROUP (ORDER BY score::float8) AS score_percentiles
  FROM finished GROUP BY organization_id, level_id
),
errors AS (
  SELECT level_id, e.code, count(DISTINCT f.id) AS attempts
  FROM finished f CROSS JOIN LATERAL unnest(f.errors) AS e (code)
  WHERE f.errors <> '{}'
  GROUP BY level_id, e.code
),
-- Materialized: inlined below, it would read all attempts again for every row.
ranked AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY level_id ORDER BY attempts DESC, code) AS position FROM errors
)
SELECT s.*, coalesce(
  (SELECT jsonb_agg(jsonb_build_object('code', r.code, 'attempts', r.attempts) ORDER BY r.position)
   FROM ranked r WHERE r.level_id = s.level_id AND r.position <= 20), '[]') AS common_errors
FROM spread s;
CREATE UNIQUE INDEX level_stats_level ON internal.level_stats (level_id);

-- Made from everybody's attempts, so only for those who may see everybody's.
CREATE VIEW level_stats WITH (security_barrier = true) AS
SELECT * FROM internal.level_stats
WHERE organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all());
