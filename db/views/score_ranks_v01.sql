-- Everyone's position in the organization at the last refresh. `ordinal` is unique (ties by id) and tells how many stand at
-- or above; live_ranks() corrects it to the moment.
CREATE MATERIALIZED VIEW internal.score_ranks AS
SELECT organization_id, user_id, ranking_score,
  row_number() OVER (PARTITION BY organization_id ORDER BY ranking_score DESC, user_id) AS ordinal
FROM user_totals
WHERE active AND ranking_score IS NOT NULL;
CREATE UNIQUE INDEX score_ranks_user ON internal.score_ranks (user_id);
CREATE INDEX score_ranks_position ON internal.score_ranks (organization_id, ranking_score, ordinal DESC);

CREATE VIEW score_ranks WITH (security_barrier = true) AS
SELECT * FROM internal.score_ranks
WHERE organization_id = (SELECT viewer_organization_id())
  AND ((SELECT viewer_sees_all()) OR user_id IN (SELECT viewer_people()));
