SELECT i.id, r.user_id, r.value, r.rank, r.tied_with, r.position, r.entries
FROM unnest(CAST($1 AS bigint[])) AS i (id)
CROSS JOIN LATERAL (
  SELECT * FROM leaderboard_rows($2, i.id, $3, $4, CAST($5 AS timestamptz), CAST($6 AS timestamptz)) AS b
  WHERE (CAST($7 AS numeric) IS NULL
      OR ($8 * b.value, b.user_id) > ($8 * CAST($7 AS numeric), CAST($9 AS bigint)))
    AND (CAST($10 AS numeric) IS NULL
      OR ($8 * b.value, b.user_id) < ($8 * CAST($10 AS numeric), CAST($11 AS bigint)))
  ORDER BY CASE WHEN $12 THEN -b.position ELSE b.position END
  LIMIT $13
) AS r;

WITH t0 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT id, display_name FROM users WHERE id = ANY ($1)
) AS t (c0, c1)
)
SELECT t0.c0, t0.c1
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;

WITH t0 (c0, c1, c2, c3) AS (
SELECT user_id, rank, tied_with, ranked_people FROM settled_ranks($1)
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;

WITH t0 (c1, c2) AS (
SELECT array_agg(c1), array_agg(c2) FROM (
WITH
best AS (
  (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.organization_id = (CAST($1 AS bigint[]))[1] AND t.active AND t.ranking_score IS NOT NULL
       AND (CAST($2 AS numeric) IS NULL OR t.ranking_score < CAST($2 AS numeric)
      OR (t.ranking_score = CAST($2 AS numeric) AND t.user_id > CAST($3 AS bigint)))
    ORDER BY t.ranking_score DESC
    FETCH FIRST $4 ROWS WITH TIES
  )
)
SELECT (CAST($1 AS bigint[]))[1], user_id, CAST(ranking_score AS double precision) FROM best ORDER BY ranking_score DESC, user_id
) AS t (c0, c1, c2)
), t1 (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3), array_agg(c4), array_agg(c5), array_agg(c6), array_agg(c7), array_agg(c8), array_agg(c9) FROM (
SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ((SELECT c1 FROM t0)::bigint[])
) AS t (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9)
), t2 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT user_id, tasks FROM user_totals_settled WHERE user_id = ANY ((SELECT c1 FROM t0)::bigint[])
) AS t (c0, c1)
)
SELECT t0.c1, t0.c2, t1.c0, t1.c1, t1.c2, t1.c3, t1.c4, t1.c5, t1.c6, t1.c7, t1.c8, t1.c9, t2.c0, t2.c1
FROM (SELECT) AS nothing LEFT JOIN t0 ON true LEFT JOIN t1 ON true LEFT JOIN t2 ON true;

WITH t0 (c1, c2) AS (
SELECT array_agg(c1), array_agg(c2) FROM (
WITH
best AS (
  (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.organization_id = (CAST($1 AS bigint[]))[1] AND t.active AND t.ranking_score IS NOT NULL
       AND (CAST($2 AS numeric) IS NULL OR t.ranking_score < CAST($2 AS numeric)
      OR (t.ranking_score = CAST($2 AS numeric) AND t.user_id > CAST($3 AS bigint)))
    ORDER BY t.ranking_score DESC, t.user_id
    FETCH FIRST $4 ROWS ONLY
  )
)
SELECT (CAST($1 AS bigint[]))[1], user_id, ranking_score FROM best ORDER BY ranking_score DESC, user_id
) AS t (c0, c1, c2)
)
SELECT t0.c1, t0.c2
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;
