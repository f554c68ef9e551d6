-- How the scores of a group's present, active members are spread.
CREATE MATERIALIZED VIEW internal.group_stats AS
SELECT m.organization_id, m.group_id,
  count(*) AS people,
  count(t.score) AS scored,
  avg(t.score) AS mean,
  percentile_cont(ARRAY[0.25, 0.5, 0.75, 0.9]) WITHIN GROUP (ORDER BY t.score::float8) AS percentiles,
  stddev_pop(t.score) AS deviation,
  min(t.score) AS min,
  max(t.score) AS max
FROM group_memberships m JOIN user_totals t USING (user_id)
WHERE m.role = 'MEMBER' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()) AND t.active
GROUP BY m.organization_id, m.group_id;
CREATE UNIQUE INDEX group_stats_group ON internal.group_stats (group_id);

CREATE VIEW group_stats WITH (security_barrier = true) AS
SELECT * FROM internal.group_stats
WHERE organization_id = (SELECT viewer_organization_id())
  AND ((SELECT viewer_sees_all()) OR group_id IN (SELECT viewer_group_ids()));
