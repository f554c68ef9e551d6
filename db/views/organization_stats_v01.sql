-- How the scores of an organization's active learners are spread.
CREATE MATERIALIZED VIEW internal.organization_stats AS
SELECT t.organization_id,
  count(*) AS people,
  count(t.score) AS scored,
  avg(t.score) AS mean,
  percentile_cont(ARRAY[0.25, 0.5, 0.75, 0.9]) WITHIN GROUP (ORDER BY t.score::float8) AS percentiles,
  stddev_pop(t.score) AS deviation,
  min(t.score) AS min,
  max(t.score) AS max
FROM user_totals t JOIN users u ON u.id = t.user_id
WHERE t.active AND (u.role = 'STUDENT' OR t.attempts > 0)
GROUP BY t.organization_id;
CREATE UNIQUE INDEX organization_stats_organization ON internal.organization_stats (organization_id);

CREATE VIEW organization_stats WITH (security_barrier = true) AS
SELECT * FROM internal.organization_stats
WHERE organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all());
