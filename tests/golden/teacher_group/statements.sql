SELECT group_id AS key, people, scored, mean, percentiles, deviation, min, max FROM group_stats WHERE group_id = ANY ($1);

SELECT groups.id, groups.organization_id, groups.external_id, groups.name, groups.kind, groups.time_zone, groups.created_at, groups.name AS name__1, groups.id AS id__1
FROM groups ORDER BY groups.name ASC, groups.id ASC
 LIMIT $1::BIGINT;

SELECT id, organization_id, position, title FROM levels WHERE id = ANY ($1);

SELECT id, organization_id, type, title, level_id, difficulty, required_skills, archived_at FROM labs WHERE id = ANY ($1);

SELECT owners.key, lists.id, lists.organization_id, lists.user_id, lists.lab_id, lists.assignment_id, lists.status, lists.success, lists.started_at, lists.completed_at, lists.due_at, lists.duration_seconds, lists.score, lists.accuracy, lists.skill_match, lists.difficulty, lists.hints_used, lists.errors, lists.memory_mib, lists.cpu_percent, lists.metadata, lists.source, lists.source_id, lists.recorded_at, lists.revision, lists.counted, lists.deleted_at, lists.sort_0, lists.sort_1
FROM unnest($1::BIGINT[]) AS owners(key) JOIN LATERAL (SELECT attempts.id AS id, attempts.organization_id AS organization_id, attempts.user_id AS user_id, attempts.lab_id AS lab_id, attempts.assignment_id AS assignment_id, attempts.status AS status, attempts.success AS success, attempts.started_at AS started_at, attempts.completed_at AS completed_at, attempts.due_at AS due_at, attempts.duration_seconds AS duration_seconds, attempts.score AS score, attempts.accuracy AS accuracy, attempts.skill_match AS skill_match, attempts.difficulty AS difficulty, attempts.hints_used AS hints_used, attempts.errors AS errors, attempts.memory_mib AS memory_mib, attempts.cpu_percent AS cpu_percent, attempts.metadata AS metadata, attempts.source AS source, attempts.source_id AS source_id, attempts.recorded_at AS recorded_at, attempts.revision AS revision, attempts.counted AS counted, attempts.deleted_at AS deleted_at, attempts.occurred_at AS sort_0, attempts.id AS sort_1
FROM attempts
WHERE attempts.deleted_at IS NULL AND attempts.user_id = owners.key ORDER BY attempts.occurred_at DESC, attempts.id DESC
 LIMIT $2::BIGINT) AS lists ON true ORDER BY owners.key, lists.sort_0 DESC, lists.sort_1 DESC;

WITH
members AS MATERIALIZED (
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
totals AS MATERIALIZED (SELECT user_id, score, ranking_score FROM user_totals_settled WHERE user_id = ANY (ARRAY(SELECT user_id FROM members))),
scores AS (SELECT m.group_id AS key, t.score, t.ranking_score FROM members m JOIN totals t USING (user_id))
SELECT key, array_agg(ranking_score ORDER BY ranking_score DESC) AS scores
FROM scores WHERE ranking_score IS NOT NULL GROUP BY key;

WITH
members AS MATERIALIZED (
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
totals AS MATERIALIZED (SELECT user_id, score, ranking_score FROM user_totals_settled WHERE user_id = ANY (ARRAY(SELECT user_id FROM members))),
scores AS (SELECT m.group_id AS key, t.score, t.ranking_score FROM members m JOIN totals t USING (user_id)),
placed AS (
  SELECT key, score, CASE WHEN score = $2 THEN CAST($3 AS integer)
    ELSE width_bucket(score, CAST($4 AS numeric[])) END AS bucket
  FROM scores
)
SELECT key, bucket, count(*) AS people, count(score) AS scored, sum(score) AS total FROM placed GROUP BY key, bucket;

WITH members AS MATERIALIZED (
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
done AS MATERIALIZED (SELECT * FROM (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS d WHERE user_id = ANY (ARRAY(SELECT user_id FROM members))),
each AS (
  SELECT m.group_id, e.level_id AS entity_id, user_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
  FROM members m JOIN done a USING (user_id) JOIN labs e ON e.id = a.lab_id AND e.level_id IS NOT NULL
  WHERE true
  GROUP BY 1, 2, 3
)
SELECT group_id, entity_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum, count(*) AS people, count(*) FILTER (WHERE successes > 0) AS successful_people
FROM each WHERE attempts > 0 GROUP BY group_id, entity_id;

WITH members AS MATERIALIZED (
  SELECT m.group_id, m.user_id
  FROM group_memberships m JOIN users u ON u.id = m.user_id
  WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())),
done AS MATERIALIZED (SELECT * FROM (SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM user_lab_totals UNION ALL SELECT user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum FROM attempt_deltas) AS d WHERE user_id = ANY (ARRAY(SELECT user_id FROM members))),
each AS (
  SELECT m.group_id, e.topic_id AS entity_id, user_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum
  FROM members m JOIN done a USING (user_id) JOIN lab_topics e ON e.lab_id = a.lab_id
  WHERE true
  GROUP BY 1, 2, 3
)
SELECT group_id, entity_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum, count(*) AS people, count(*) FILTER (WHERE successes > 0) AS successful_people
FROM each WHERE attempts > 0 GROUP BY group_id, entity_id;

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

WITH members AS MATERIALIZED (
  SELECT m.group_id, m.user_id, m.valid_from, coalesce(m.valid_to, 'infinity') AS valid_to
  FROM group_memberships m WHERE m.group_id = ANY ($1) AND m.role = 'MEMBER'),
done AS MATERIALIZED (
  SELECT *, completed_at AS place, width_bucket(completed_at, CAST($2 AS timestamptz[])) AS slot FROM attempt_measures AS d
  WHERE user_id = ANY (ARRAY(SELECT user_id FROM members)) AND completed_at >= $3 AND completed_at < $4
),
each AS (SELECT key, slot, user_id, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum FROM (SELECT m.group_id AS key, d.* FROM done d JOIN members m ON m.user_id = d.user_id AND d.place >= m.valid_from AND d.place < m.valid_to) AS keyed GROUP BY key, slot, user_id)
SELECT key, slot, CAST(sum(attempts) AS bigint) AS attempts, CAST(sum(successes) AS bigint) AS successes, CAST(sum(deadlines) AS bigint) AS deadlines, CAST(sum(on_time) AS bigint) AS on_time, sum(early_seconds) AS early_seconds, CAST(sum(timed) AS bigint) AS timed, sum(seconds) AS seconds, CAST(sum(scored) AS bigint) AS scored, sum(score_sum) AS score_sum, CAST(sum(accuracy_known) AS bigint) AS accuracy_known, sum(accuracy_sum) AS accuracy_sum, CAST(sum(hints_known) AS bigint) AS hints_known, CAST(sum(hints) AS bigint) AS hints, CAST(sum(hinted) AS bigint) AS hinted, CAST(sum(tasks) AS bigint) AS tasks, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, sum(task_early_seconds) AS task_early_seconds, CAST(sum(task_timed) AS bigint) AS task_timed, sum(task_seconds) AS task_seconds, CAST(sum(skilled) AS bigint) AS skilled, sum(skill_sum) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, sum(difficulty_sum) AS difficulty_sum, count(*) AS people, avg(performance_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)) AS mean_score
FROM each WHERE attempts > 0 GROUP BY key, slot;

WITH t0 (c0, c1, c2) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2) FROM (
    WITH standings AS (
      SELECT t.user_id, p.*, t.task_deadlines - coalesce(add_up(p.task_deadlines) OVER later, 0) AS standing_task_deadlines, t.task_on_time - coalesce(add_up(p.task_on_time) OVER later, 0) AS standing_task_on_time, t.skilled - coalesce(add_up(p.skilled) OVER later, 0) AS standing_skilled, t.skill_sum - coalesce(add_up(p.skill_sum) OVER later, 0) AS standing_skill_sum, t.rated - coalesce(add_up(p.rated) OVER later, 0) AS standing_rated, t.difficulty_sum - coalesce(add_up(p.difficulty_sum) OVER later, 0) AS standing_difficulty_sum
      FROM user_totals_settled AS t CROSS JOIN LATERAL (
        SELECT width_bucket(completed_at, CAST($1 AS timestamptz[])) AS slot, CAST(sum(task_deadlines) AS bigint) AS task_deadlines, CAST(sum(task_on_time) AS bigint) AS task_on_time, CAST(sum(skilled) AS bigint) AS skilled, CAST(sum(skill_sum) AS numeric) AS skill_sum, CAST(sum(rated) AS bigint) AS rated, CAST(sum(difficulty_sum) AS numeric) AS difficulty_sum
        FROM attempt_measures AS done
        WHERE done.user_id = t.user_id AND completed_at >= $2 GROUP BY 1 HAVING sum(attempts) > 0
        UNION ALL
        SELECT 0, 0, 0, 0, 0, 0, 0
      ) AS p
      WHERE t.user_id = ANY ($3)
      WINDOW later AS (PARTITION BY t.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT user_id, slot, standing_score
    FROM (SELECT *, performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled, standing_difficulty_sum, standing_rated) AS standing_score FROM standings) AS scored
    WHERE slot < cardinality(CAST($1 AS timestamptz[]))
) AS t (c0, c1, c2)
)
SELECT t0.c0, t0.c1, t0.c2
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;

WITH t0 (c0, c1, c2, c3) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3) FROM (
SELECT id, organization_id, external_id, title FROM topics WHERE id = ANY ($1)
) AS t (c0, c1, c2, c3)
)
SELECT t0.c0, t0.c1, t0.c2, t0.c3
FROM (SELECT) AS nothing LEFT JOIN t0 ON true;

WITH t0 (c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12) AS (
SELECT array_agg(c1), array_agg(c2), array_agg(c3), array_agg(c4), array_agg(c5), array_agg(c6), array_agg(c7), array_agg(c8), array_agg(c9), array_agg(c10), array_agg(c11), array_agg(c12) FROM (
SELECT group_memberships.group_id, users.id, users.organization_id, users.external_id, users.username, users.display_name, users.email, users.role, users.time_zone, users.created_at, users.deactivated_at, users.display_name AS sort_0, users.id AS sort_1
FROM group_memberships, users
WHERE users.deactivated_at IS NULL AND group_memberships.user_id = users.id AND group_memberships.group_id = (CAST($1 AS bigint[]))[1] AND group_memberships.role = $2::VARCHAR AND group_memberships.valid_from <= now() AND coalesce(group_memberships.valid_to > now(), true) ORDER BY users.display_name ASC, users.id ASC
 LIMIT $3::BIGINT
) AS t (c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)
), t1 (c0, c1, c2, c3, c4) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3), array_agg(c4) FROM (
SELECT user_id, ranking_score, tasks, task_deadlines, task_on_time FROM user_totals_settled WHERE user_id = ANY ((SELECT c1 FROM t0)::bigint[])
) AS t (c0, c1, c2, c3, c4)
), t2 (c0, c1, c2, c3) AS (
SELECT array_agg(c0), array_agg(c1), array_agg(c2), array_agg(c3) FROM (
SELECT user_id, topic_id, attempts, ranking_score FROM user_topic_packs WHERE user_id = ANY ((SELECT c1 FROM t0)::bigint[])
) AS t (c0, c1, c2, c3)
), t3 (c0, c1) AS (
SELECT array_agg(c0), array_agg(c1) FROM (
SELECT id, title FROM topics WHERE id = ANY (ARRAY(SELECT DISTINCT key FROM (SELECT DISTINCT unnest(c1) AS pack FROM t2) AS packs, unpack_ids(pack) AS key))
) AS t (c0, c1)
)
SELECT t0.c1, t0.c2, t0.c3, t0.c4, t0.c5, t0.c6, t0.c7, t0.c8, t0.c9, t0.c10, t0.c11, t0.c12, t1.c0, t1.c1, t1.c2, t1.c3, t1.c4, t2.c0, t2.c1, t2.c2, t2.c3, t3.c0, t3.c1
FROM (SELECT) AS nothing LEFT JOIN t0 ON true LEFT JOIN t1 ON true LEFT JOIN t2 ON true LEFT JOIN t3 ON true;
