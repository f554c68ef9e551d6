-- Exact live ranks without sorting everybody. score_ranks holds everyone's position at its refresh: take the position at
-- the nearest stored score by index, then correct for the people changed since (few). Equal scores share a rank.
-- The positions of others are counted, never shown; only people whom the viewer may see are answered.
CREATE FUNCTION live_ranks(for_user_ids bigint[])
RETURNS TABLE (user_id bigint, rank bigint, tied_with bigint, ranked_people bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  WITH
  changed AS MATERIALIZED (
    SELECT t.user_id FROM user_totals t
    WHERE t.organization_id = viewer_organization_id()
      AND t.version > (SELECT v.source_version FROM view_refreshes v WHERE v.name = 'score_ranks')
    UNION
    SELECT d.user_id FROM attempt_deltas d WHERE d.organization_id = viewer_organization_id()
  ),
  now_scores AS MATERIALIZED (
    SELECT l.ranking_score FROM changed c
    CROSS JOIN LATERAL (SELECT * FROM user_totals_live t WHERE t.user_id = c.user_id) AS l
    WHERE l.active AND l.ranking_score IS NOT NULL
  ),
  was_scores AS MATERIALIZED (
    SELECT r.ranking_score FROM changed c JOIN internal.score_ranks r USING (user_id)
  ),
  asked AS (
    SELECT l.user_id, l.ranking_score
    FROM unnest(for_user_ids) AS i (user_id)
    CROSS JOIN LATERAL (SELECT * FROM user_totals_live t WHERE t.user_id = i.user_id) AS l
    WHERE l.organization_id = viewer_organization_id() AND l.active AND l.ranking_score IS NOT NULL
      AND (viewer_sees_all() OR l.user_id IN (SELECT viewer_people()))
  ),
  stored AS (
    SELECT a.user_id, a.ranking_score,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = viewer_organization_id() AND r.ranking_score > a.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS above,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = viewer_organization_id() AND r.ranking_score >= a.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS not_below
    FROM asked a
  ),
  everybody AS (
    SELECT coalesce((
      SELECT r.ordinal FROM internal.score_ranks r WHERE r.organization_id = viewer_organization_id()
      ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
    ), 0) - (SELECT count(*) FROM was_scores) + (SELECT count(*) FROM now_scores) AS people
  )
  SELECT s.user_id,
    1 + s.above - (SELECT count(*) FROM was_scores w WHERE w.ranking_score > s.ranking_score)
      + (SELECT count(*) FROM now_scores n WHERE n.ranking_score > s.ranking_score),
    s.not_below - s.above - (SELECT count(*) FROM was_scores w WHERE w.ranking_score = s.ranking_score)
      + (SELECT count(*) FROM now_scores n WHERE n.ranking_score = s.ranking_score) - 1,
    e.people
  FROM stored s CROSS JOIN everybody e
$$;
