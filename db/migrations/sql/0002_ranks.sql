-- Exact live ranks without sorting everybody. score_ranks holds everyone's position at its refresh: take the position at
-- the nearest stored score by index, then correct for the people changed since (few). Equal scores share a rank.
-- People are named by arrays: a condition on a join does not reach the rollup behind the view, and would add up everybody.
-- The positions of others are counted, never shown; only people whom the viewer may see are answered.
CREATE OR REPLACE FUNCTION live_ranks(for_user_ids bigint[])
RETURNS TABLE (user_id bigint, rank bigint, tied_with bigint, ranked_people bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
  WITH
  pending AS MATERIALIZED (
    SELECT DISTINCT d.user_id FROM attempt_deltas d WHERE d.organization_id = (SELECT viewer_organization_id())
  ),
  changed AS MATERIALIZED (
    SELECT t.user_id FROM user_totals t
    WHERE t.organization_id = (SELECT viewer_organization_id())
      AND t.version > (SELECT v.source_version FROM view_refreshes v WHERE v.name = 'score_ranks')
    UNION
    SELECT p.user_id FROM pending p
  ),
  -- The rollup stores scores: only those of people with pending changes have to be computed.
  known AS MATERIALIZED (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.user_id = ANY (ARRAY(SELECT unnest(for_user_ids) UNION SELECT c.user_id FROM changed c))
      AND t.organization_id = (SELECT viewer_organization_id()) AND t.active AND t.ranking_score IS NOT NULL
      AND NOT EXISTS (SELECT FROM pending p WHERE p.user_id = t.user_id)
    UNION ALL
    SELECT l.user_id, l.ranking_score FROM user_totals_live l
    WHERE l.user_id = ANY (ARRAY(SELECT p.user_id FROM pending p)) AND l.active AND l.ranking_score IS NOT NULL
  ),
  now_scores AS MATERIALIZED (
    SELECT k.ranking_score FROM known k JOIN changed c USING (user_id)
  ),
  was_scores AS MATERIALIZED (
    SELECT r.ranking_score FROM internal.score_ranks r WHERE r.user_id = ANY (ARRAY(SELECT c.user_id FROM changed c))
  ),
  asked AS (
    SELECT k.user_id, k.ranking_score FROM known k
    WHERE k.user_id = ANY (for_user_ids) AND ((SELECT viewer_sees_all()) OR k.user_id IN (SELECT viewer_people()))
  ),
  stored AS (
    SELECT a.user_id, a.ranking_score,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = (SELECT viewer_organization_id()) AND r.ranking_score > a.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS above,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = (SELECT viewer_organization_id()) AND r.ranking_score >= a.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS not_below
    FROM asked a
  ),
  everybody AS (
    SELECT coalesce((
      SELECT r.ordinal FROM internal.score_ranks r WHERE r.organization_id = (SELECT viewer_organization_id())
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

-- The same for snapshots in which no change of the organization waits to be folded: only people changed since the refresh of
-- score_ranks are corrected for. It names no live view, whose plan takes longer to set up than the ranks to find.
CREATE FUNCTION settled_ranks(for_user_ids bigint[])
RETURNS TABLE (user_id bigint, rank bigint, tied_with bigint, ranked_people bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
  WITH
  changed AS MATERIALIZED (
    SELECT t.user_id, CASE WHEN t.active THEN t.ranking_score END AS ranking_score FROM user_totals t
    WHERE t.organization_id = (SELECT viewer_organization_id())
      AND t.version > (SELECT v.source_version FROM view_refreshes v WHERE v.name = 'score_ranks')
  ),
  was_scores AS MATERIALIZED (
    SELECT r.ranking_score FROM internal.score_ranks r WHERE r.user_id = ANY (ARRAY(SELECT c.user_id FROM changed c))
  )
  SELECT s.user_id,
    1 + s.above - (SELECT count(*) FROM was_scores w WHERE w.ranking_score > s.ranking_score)
      + (SELECT count(*) FROM changed n WHERE n.ranking_score > s.ranking_score),
    s.not_below - s.above - (SELECT count(*) FROM was_scores w WHERE w.ranking_score = s.ranking_score)
      + (SELECT count(*) FROM changed n WHERE n.ranking_score = s.ranking_score) - 1,
    coalesce((
      SELECT r.ordinal FROM internal.score_ranks r WHERE r.organization_id = (SELECT viewer_organization_id())
      ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
    ), 0) - (SELECT count(*) FROM was_scores) + (SELECT count(n.ranking_score) FROM changed n)
  FROM (
    SELECT t.user_id, t.ranking_score,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = t.organization_id AND r.ranking_score > t.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS above,
      coalesce((
        SELECT r.ordinal FROM internal.score_ranks r
        WHERE r.organization_id = t.organization_id AND r.ranking_score >= t.ranking_score
        ORDER BY r.ranking_score, r.ordinal DESC LIMIT 1
      ), 0) AS not_below
    FROM user_totals t
    WHERE t.user_id = ANY (for_user_ids) AND t.organization_id = (SELECT viewer_organization_id())
      AND t.active AND t.ranking_score IS NOT NULL
      AND ((SELECT viewer_sees_all()) OR t.user_id IN (SELECT viewer_people()))
  ) AS s
$$;
REVOKE ALL ON FUNCTION settled_ranks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settled_ranks TO scoregraph_api, scoregraph_worker;
