-- What each person did in each topic: in every committed state the sum of user_lab_totals over the labs that are in the
-- topic now. The fold adds what it adds to the labs' totals; a change of lab_topics moves what was folded before it.
--
-- Back-filled here, while folds and changes of lab_topics wait. Attempts are written and everything is read meanwhile. The
-- fold's lock is kept until this session ends: a fold that had read its old body when this was committed finds it taken.
LOCK TABLE lab_topics IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_advisory_lock(hashtext('scoregraph.fold'));

-- A score as displayed has one decimal, which a float holds as well; to read it from a numeric costs as much as the row.
-- The fillfactor leaves room for a fold to change rows where they are, so that a person's rows stay together.
CREATE TABLE user_topic_totals (
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  topic_id bigint NOT NULL,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT
  NULL DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0,
  hints_known bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0,
  tasks bigint NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL
  DEFAULT 0, task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0,
  task_seconds numeric NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL
  DEFAULT 0, rated bigint NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0,
  ranking_score double precision GENERATED ALWAYS AS (
    CAST(ranking_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated) AS double precision)
  ) STORED,
  PRIMARY KEY (user_id, topic_id)
) WITH (fillfactor = 90);

ALTER TABLE user_topic_totals ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_topic_totals FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker ON user_topic_totals TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
CREATE POLICY viewer_reads ON user_topic_totals FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id())
  AND ((SELECT viewer_sees_all()) OR user_id IN (SELECT viewer_people())));
GRANT SELECT ON user_topic_totals TO scoregraph_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_topic_totals TO scoregraph_worker;

-- Gives topics what people did at labs that came into them (sign 1), and takes back what they did at labs that left (-1).
CREATE FUNCTION move_topic_totals(lab_ids bigint[], topic_ids bigint[], signs integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO user_topic_totals AS t (
    organization_id, user_id, topic_id,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum,
    accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time,
    task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  )
  SELECT l.organization_id, l.user_id, c.topic_id,
    sum(c.sign * l.attempts), sum(c.sign * l.successes), sum(c.sign * l.deadlines), sum(c.sign * l.on_time),
    sum(c.sign * l.early_seconds), sum(c.sign * l.timed), sum(c.sign * l.seconds), sum(c.sign * l.scored),
    sum(c.sign * l.score_sum), sum(c.sign * l.accuracy_known), sum(c.sign * l.accuracy_sum), sum(c.sign *
    l.hints_known), sum(c.sign * l.hints), sum(c.sign * l.hinted), sum(c.sign * l.tasks), sum(c.sign *
    l.task_deadlines), sum(c.sign * l.task_on_time), sum(c.sign * l.task_early_seconds), sum(c.sign *
    l.task_timed), sum(c.sign * l.task_seconds), sum(c.sign * l.skilled), sum(c.sign * l.skill_sum),
    sum(c.sign * l.rated), sum(c.sign * l.difficulty_sum)
  FROM (
    SELECT lab_id, topic_id, sum(sign) AS sign
    FROM unnest(lab_ids, topic_ids, signs) AS n (lab_id, topic_id, sign)
    GROUP BY lab_id, topic_id HAVING sum(sign) <> 0
  ) AS c
  JOIN user_lab_totals l ON l.lab_id = c.lab_id
  GROUP BY l.organization_id, l.user_id, c.topic_id
  ORDER BY l.user_id, c.topic_id
  ON CONFLICT (user_id, topic_id) DO UPDATE SET
    attempts = t.attempts + excluded.attempts, successes = t.successes + excluded.successes, deadlines =
    t.deadlines + excluded.deadlines, on_time = t.on_time + excluded.on_time, early_seconds =
    t.early_seconds + excluded.early_seconds, timed = t.timed + excluded.timed, seconds = t.seconds +
    excluded.seconds, scored = t.scored + excluded.scored, score_sum = t.score_sum + excluded.score_sum,
    accuracy_known = t.accuracy_known + excluded.accuracy_known, accuracy_sum = t.accuracy_sum +
    excluded.accuracy_sum, hints_known = t.hints_known + excluded.hints_known, hints = t.hints +
    excluded.hints, hinted = t.hinted + excluded.hinted, tasks = t.tasks + excluded.tasks, task_deadlines =
    t.task_deadlines + excluded.task_deadlines, task_on_time = t.task_on_time + excluded.task_on_time,
    task_early_seconds = t.task_early_seconds + excluded.task_early_seconds, task_timed = t.task_timed +
    excluded.task_timed, task_seconds = t.task_seconds + excluded.task_seconds, skilled = t.skilled +
    excluded.skilled, skill_sum = t.skill_sum + excluded.skill_sum, rated = t.rated + excluded.rated,
    difficulty_sum = t.difficulty_sum + excluded.difficulty_sum
$$;

SELECT move_topic_totals(array_agg(lab_id), array_agg(topic_id), array_agg(1)) FROM lab_topics;
ANALYZE user_topic_totals;

-- Who changes lab_topics keeps folds away until the end of the transaction. Before the first row, so that two writers
-- take turns and never wait for each other's rows with the lock in hand; what is read after the lock is what the last
-- fold left, which an older snapshot would not see.
CREATE FUNCTION keep_folds_away() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION '% is written under READ COMMITTED', TG_TABLE_NAME USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('scoregraph.fold'));
  RETURN NULL;
END $$;
CREATE TRIGGER lab_topics_keep_folds_away BEFORE INSERT OR UPDATE OR DELETE ON lab_topics
  FOR EACH STATEMENT EXECUTE FUNCTION keep_folds_away();

CREATE FUNCTION follow_lab_topics() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM move_topic_totals(array_agg(lab_id), array_agg(topic_id), array_agg(1)) FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM move_topic_totals(array_agg(lab_id), array_agg(topic_id), array_agg(-1)) FROM old_rows;
  ELSE
    PERFORM move_topic_totals(array_agg(lab_id), array_agg(topic_id), array_agg(sign)) FROM (
      SELECT lab_id, topic_id, 1 AS sign FROM new_rows UNION ALL SELECT lab_id, topic_id, -1 FROM old_rows
    ) AS changed;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER lab_topics_inserted AFTER INSERT ON lab_topics
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_lab_topics();
CREATE TRIGGER lab_topics_updated AFTER UPDATE ON lab_topics
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_lab_topics();
CREATE TRIGGER lab_topics_deleted AFTER DELETE ON lab_topics
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_lab_topics();

CREATE OR REPLACE FUNCTION refuse_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% cannot be truncated', TG_TABLE_NAME USING ERRCODE = 'feature_not_supported', HINT = 'Use DELETE.';
END $$;
CREATE TRIGGER lab_topics_refuse_truncate BEFORE TRUNCATE ON lab_topics
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

REVOKE ALL ON FUNCTION move_topic_totals, keep_folds_away, follow_lab_topics FROM PUBLIC;
