-- What does not add up over the attempts of a lab: distinct people, percentiles, common errors.
-- An error named twice in one attempt counts once. Durations over 30 days are left out.
CREATE MATERIALIZED VIEW internal.lab_stats AS
WITH finished AS (
  SELECT a.*
  FROM attempts a
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL
),
spread AS (
  SELECT organization_id, lab_id,
    count(*) AS attempts,
    count(DISTINCT user_id) AS people,
    count(DISTINCT user_id) FILTER (WHERE success) AS successful_people,
    percentile_cont(ARRAY[0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) WITHIN GROUP (ORDER BY duration_seconds::float8)
      FILTER (WHERE duration_seconds <= 2592000) AS duration_percentiles,
    percentile_cont(ARRAY[0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) WITHIN GROUP (ORDER BY score::float8) AS score_percentiles
  FROM finished GROUP BY organization_id, lab_id
),
errors AS (
  SELECT lab_id, e.code, count(DISTINCT f.id) AS attempts
  FROM finished f CROSS JOIN LATERAL unnest(f.errors) AS e (code)
  WHERE f.errors <> '{}'
  GROUP BY lab_id, e.code
),
-- Materialized: inlined below, it would read all attempts again for every row.
ranked AS MATERIALIZED (
  SELECT *, row_number() OVER (PARTITION BY lab_id ORDER BY attempts DESC, code) AS position FROM errors
)
SELECT s.*, coalesce(
  (SELECT jsonb_agg(jsonb_build_object('code', r.code, 'attempts', r.attempts) ORDER BY r.position)
   FROM ranked r WHERE r.lab_id = s.lab_id AND r.position <= 20), '[]') AS common_errors
FROM spread s;
CREATE UNIQUE INDEX lab_stats_lab ON internal.lab_stats (lab_id);

-- Made from everybody's attempts, so only for those who may see everybody's.
CREATE VIEW lab_stats WITH (security_barrier = true) AS
SELECT * FROM internal.lab_stats
WHERE organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all());
