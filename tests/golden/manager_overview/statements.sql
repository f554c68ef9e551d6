SELECT count(*) AS count_1
FROM (SELECT users.id AS id
FROM users
WHERE users.deactivated_at IS NULL
 LIMIT $1::INTEGER) AS anon_1;

SELECT group_memberships.group_id, count(*) AS count_1
FROM group_memberships, users
WHERE users.deactivated_at IS NULL AND group_memberships.user_id = users.id AND group_memberships.group_id = any($1::BIGINT[]) AND group_memberships.role = $2::VARCHAR AND group_memberships.valid_from <= now() AND coalesce(group_memberships.valid_to > now(), true) GROUP BY group_memberships.group_id;

SELECT groups.id, groups.organization_id, groups.external_id, groups.name, groups.kind, groups.time_zone, groups.created_at, groups.name AS name__1, groups.id AS id__1
FROM groups ORDER BY groups.name ASC, groups.id ASC
 LIMIT $1::BIGINT;

SELECT id, slug, name, time_zone, created_at FROM organizations WHERE id = ANY ($1);

SELECT m.group_id, u.id, u.organization_id, u.external_id, u.username, u.display_name, u.email, u.role, u.time_zone, u.created_at, u.deactivated_at
FROM group_memberships m JOIN users u ON u.id = m.user_id
WHERE m.group_id = ANY ($1) AND m.role = 'LEAD' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()) AND u.deactivated_at IS NULL
ORDER BY u.display_name, u.id;

SELECT organization_id AS key, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
FROM (SELECT organization_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM lab_days UNION ALL SELECT organization_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS d WHERE organization_id = ANY ($1) AND true GROUP BY organization_id;

SELECT organization_id AS key, count(DISTINCT user_id) FILTER (WHERE attempts > 0),
  count(DISTINCT user_id) FILTER (WHERE successes > 0)
FROM user_totals_settled WHERE organization_id = ANY ($1) AND true GROUP BY organization_id;

SELECT organization_id AS key, people, scored, mean, percentiles, deviation, min, max FROM organization_stats WHERE organization_id = ANY ($1);

SELECT s.organization_id AS key, s.people, s.mean,
  ARRAY(
    SELECT coalesce(d.people, 0)
    FROM generate_series(0, 4) AS b (bucket)
    LEFT JOIN score_distribution d ON d.organization_id = s.organization_id AND d.bucket = b.bucket
    ORDER BY b.bucket
  ) AS counts
FROM organization_stats s WHERE s.organization_id = ANY ($1);

SELECT users.id, users.organization_id, users.external_id, users.username, users.display_name, users.email, users.role, users.time_zone, users.created_at, users.deactivated_at, user_totals_settled.ranking_score, users.id AS id__1
FROM users JOIN user_totals_settled ON user_totals_settled.user_id = users.id
WHERE users.deactivated_at IS NULL ORDER BY user_totals_settled.ranking_score DESC NULLS LAST, users.id DESC
 LIMIT $1::BIGINT;

WITH
done AS  (
  SELECT *, day AS place, width_bucket(day, CAST($1 AS date[])) AS slot FROM (SELECT organization_id, user_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_days UNION ALL SELECT organization_id, user_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS d
  WHERE organization_id = ANY ($2) AND day >= $3 AND day < $4
),
each AS (SELECT key, slot, user_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum FROM (SELECT organization_id AS key, * FROM done) AS keyed GROUP BY key, slot, user_id)
SELECT key, slot, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum, count(*) AS people, avg(performance_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)) AS mean_score
FROM each WHERE attempts > 0 GROUP BY key, slot;

WITH members AS MATERIALIZED (
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
done AS MATERIALIZED (SELECT * FROM user_totals_settled AS d WHERE user_id = ANY (ARRAY(SELECT user_id FROM members))),
each AS (
  SELECT m.group_id, 0 AS entity_id, user_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
  FROM members m JOIN done a USING (user_id)
  WHERE true
  GROUP BY 1, 2, 3
)
SELECT group_id, entity_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum, count(*) AS people, count(*) FILTER (WHERE successes > 0) AS successful_people
FROM each WHERE attempts > 0 GROUP BY group_id, entity_id;

WITH t0 (c0, c1, c2, c3) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3) FROM (
SELECT user_id, rank, tied_with, ranked_people FROM settled_ranks($1)
) AS t (c0, c1, c2, c3)
), t1 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT user_id, ranking_score FROM user_totals_settled WHERE user_id = ANY ($2)
) AS t (c0, c1)
), t2 (c0, c1, c2) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (
SELECT key, listed.group_id, listed.role
FROM unnest($3::BIGINT[]) AS key JOIN LATERAL (SELECT group_memberships.group_id AS group_id, group_memberships.role AS role
FROM group_memberships
WHERE coalesce(group_memberships.valid_to > now(), true) AND group_memberships.user_id = key ORDER BY group_memberships.valid_from ASC, group_memberships.id ASC
 LIMIT $4::BIGINT) AS listed ON true
) AS t (c0, c1, c2)
), t3 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT id, name FROM groups WHERE id = ANY ((SELECT c1 FROM t2)::bigint[])
) AS t (c0, c1)
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3, t1.c0, t1.c1, t2.c0, t2.c1, t2.c2, t3.c0, t3.c1
FROM (SELECT) AS nothing LEFT JOIN t0 ON true LEFT JOIN t1 ON true LEFT JOIN t2 ON true LEFT JOIN t3 ON true;
