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

SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1);

SELECT id, organization_id, external_id, username, display_name, email, role, time_zone, created_at, deactivated_at FROM users WHERE id = ANY ($1);

SELECT id, slug, name, time_zone, created_at FROM organizations WHERE id = ANY ($1);

SELECT user_id, rank, tied_with, ranked_people FROM live_ranks($1);

SELECT user_id, rank, tied_with, ranked_people FROM live_ranks($1);

SELECT user_id, score, ranking_score, experience_level, active, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
FROM user_totals_live WHERE user_id = ANY ($1);

WITH changed AS MATERIALIZED (SELECT DISTINCT user_id FROM attempt_deltas),
candidates AS (
  (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.organization_id = $1 AND t.active AND t.ranking_score IS NOT NULL
      AND NOT EXISTS (SELECT FROM changed c WHERE c.user_id = t.user_id) AND (CAST($2 AS numeric) IS NULL OR t.ranking_score < CAST($2 AS numeric)
      OR (t.ranking_score = CAST($2 AS numeric) AND t.user_id > CAST($3 AS bigint)))
    ORDER BY t.ranking_score DESC
    FETCH FIRST $4 ROWS WITH TIES
  )
  UNION ALL
  (
    SELECT l.user_id, l.ranking_score
    FROM changed c CROSS JOIN LATERAL (SELECT * FROM user_totals_live t WHERE t.user_id = c.user_id) AS l
    WHERE l.active AND l.ranking_score IS NOT NULL AND (CAST($2 AS numeric) IS NULL OR l.ranking_score < CAST($2 AS numeric)
      OR (l.ranking_score = CAST($2 AS numeric) AND l.user_id > CAST($3 AS bigint)))
  )
),
best AS (
  SELECT * FROM candidates ORDER BY ranking_score DESC FETCH FIRST $4 ROWS WITH TIES
)
SELECT user_id, ranking_score AS value FROM best ORDER BY ranking_score DESC, user_id;

WITH changed AS MATERIALIZED (SELECT DISTINCT user_id FROM attempt_deltas),
candidates AS (
  (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.organization_id = $1 AND t.active AND t.ranking_score IS NOT NULL
      AND NOT EXISTS (SELECT FROM changed c WHERE c.user_id = t.user_id) AND (CAST($2 AS numeric) IS NULL OR t.ranking_score < CAST($2 AS numeric)
      OR (t.ranking_score = CAST($2 AS numeric) AND t.user_id > CAST($3 AS bigint)))
    ORDER BY t.ranking_score DESC
    FETCH FIRST $4 ROWS WITH TIES
  )
  UNION ALL
  (
    SELECT l.user_id, l.ranking_score
    FROM changed c CROSS JOIN LATERAL (SELECT * FROM user_totals_live t WHERE t.user_id = c.user_id) AS l
    WHERE l.active AND l.ranking_score IS NOT NULL AND (CAST($2 AS numeric) IS NULL OR l.ranking_score < CAST($2 AS numeric)
      OR (l.ranking_score = CAST($2 AS numeric) AND l.user_id > CAST($3 AS bigint)))
  )
),
best AS (
  SELECT * FROM candidates ORDER BY ranking_score DESC FETCH FIRST $4 ROWS WITH TIES
)
SELECT user_id, ranking_score AS value FROM best ORDER BY ranking_score DESC, user_id;
