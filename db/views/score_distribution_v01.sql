-- How many people have a score in [0, 20), [20, 40), [40, 60), [60, 80), [80, 100]; the score is not rounded before.
CREATE MATERIALIZED VIEW internal.score_distribution AS
SELECT organization_id, least(floor(score / 20), 4)::integer AS bucket, count(*) AS people
FROM user_totals
WHERE active AND score IS NOT NULL
GROUP BY organization_id, bucket;
CREATE UNIQUE INDEX score_distribution_bucket ON internal.score_distribution (organization_id, bucket);

CREATE VIEW score_distribution WITH (security_barrier = true) AS
SELECT * FROM internal.score_distribution
WHERE organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all());
