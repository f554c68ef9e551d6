-- The write path: whoever changes attempts, and however, `counted` and the deltas follow in the same transaction.

CREATE FUNCTION append_inserted_deltas() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO attempt_deltas (
    organization_id, user_id, lab_id, day,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
    accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
    task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  )
  SELECT a.organization_id, a.user_id, a.lab_id, (a.completed_at AT TIME ZONE o.time_zone)::date,
    sum(sign * m.attempts), sum(sign * m.successes), sum(sign * m.deadlines), sum(sign * m.on_time), sum(sign
    * m.early_seconds), sum(sign * m.timed), sum(sign * m.seconds), sum(sign * m.scored), sum(sign *
    m.score_sum), sum(sign * m.accuracy_known), sum(sign * m.accuracy_sum), sum(sign * m.hints_known),
    sum(sign * m.hints), sum(sign * m.hinted), sum(sign * m.tasks), sum(sign * m.task_deadlines), sum(sign *
    m.task_on_time), sum(sign * m.task_early_seconds), sum(sign * m.task_timed), sum(sign * m.task_seconds),
    sum(sign * m.skilled), sum(sign * m.skill_sum), sum(sign * m.rated), sum(sign * m.difficulty_sum)
  FROM (SELECT 1 AS sign, * FROM new_rows) AS a
  JOIN organizations o ON o.id = a.organization_id
  CROSS JOIN LATERAL measures_of(a.status <> 'STARTED' AND a.deleted_at IS NULL, a.success, a.counted, a.completed_at, a.due_at,
      a.duration_seconds, a.score, a.accuracy, a.hints_used, a.skill_match, a.difficulty) AS m
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL
  GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;

CREATE FUNCTION append_updated_deltas() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO attempt_deltas (
    organization_id, user_id, lab_id, day,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
    accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
    task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  )
  SELECT a.organization_id, a.user_id, a.lab_id, (a.completed_at AT TIME ZONE o.time_zone)::date,
    sum(sign * m.attempts), sum(sign * m.successes), sum(sign * m.deadlines), sum(sign * m.on_time), sum(sign
    * m.early_seconds), sum(sign * m.timed), sum(sign * m.seconds), sum(sign * m.scored), sum(sign *
    m.score_sum), sum(sign * m.accuracy_known), sum(sign * m.accuracy_sum), sum(sign * m.hints_known),
    sum(sign * m.hints), sum(sign * m.hinted), sum(sign * m.tasks), sum(sign * m.task_deadlines), sum(sign *
    m.task_on_time), sum(sign * m.task_early_seconds), sum(sign * m.task_timed), sum(sign * m.task_seconds),
    sum(sign * m.skilled), sum(sign * m.skill_sum), sum(sign * m.rated), sum(sign * m.difficulty_sum)
  FROM (SELECT 1 AS sign, * FROM new_rows UNION ALL SELECT -1, * FROM old_rows) AS a
  JOIN organizations o ON o.id = a.organization_id
  CROSS JOIN LATERAL measures_of(a.status <> 'STARTED' AND a.deleted_at IS NULL, a.success, a.counted, a.completed_at, a.due_at,
      a.duration_seconds, a.score, a.accuracy, a.hints_used, a.skill_match, a.difficulty) AS m
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL
  GROUP BY 1, 2, 3, 4
  HAVING
    sum(sign * m.attempts) <> 0 OR sum(sign * m.successes) <> 0 OR sum(sign * m.deadlines) <> 0 OR sum(sign *
    m.on_time) <> 0 OR sum(sign * m.early_seconds) <> 0 OR sum(sign * m.timed) <> 0 OR sum(sign * m.seconds)
    <> 0 OR sum(sign * m.scored) <> 0 OR sum(sign * m.score_sum) <> 0 OR sum(sign * m.accuracy_known) <> 0 OR
    sum(sign * m.accuracy_sum) <> 0 OR sum(sign * m.hints_known) <> 0 OR sum(sign * m.hints) <> 0 OR sum(sign
    * m.hinted) <> 0 OR sum(sign * m.tasks) <> 0 OR sum(sign * m.task_deadlines) <> 0 OR sum(sign *
    m.task_on_time) <> 0 OR sum(sign * m.task_early_seconds) <> 0 OR sum(sign * m.task_timed) <> 0 OR sum(sign
    * m.task_seconds) <> 0 OR sum(sign * m.skilled) <> 0 OR sum(sign * m.skill_sum) <> 0 OR sum(sign *
    m.rated) <> 0 OR sum(sign * m.difficulty_sum) <> 0;
  RETURN NULL;
END $$;

CREATE FUNCTION append_deleted_deltas() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO attempt_deltas (
    organization_id, user_id, lab_id, day,
    attempts, successes, deadlines, on_time, early_seconds, timed, seconds, scored, score_sum, accuracy_known,
    accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines, task_on_time, task_early_seconds,
    task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
  )
  SELECT a.organization_id, a.user_id, a.lab_id, (a.completed_at AT TIME ZONE o.time_zone)::date,
    sum(sign * m.attempts), sum(sign * m.successes), sum(sign * m.deadlines), sum(sign * m.on_time), sum(sign
    * m.early_seconds), sum(sign * m.timed), sum(sign * m.seconds), sum(sign * m.scored), sum(sign *
    m.score_sum), sum(sign * m.accuracy_known), sum(sign * m.accuracy_sum), sum(sign * m.hints_known),
    sum(sign * m.hints), sum(sign * m.hinted), sum(sign * m.tasks), sum(sign * m.task_deadlines), sum(sign *
    m.task_on_time), sum(sign * m.task_early_seconds), sum(sign * m.task_timed), sum(sign * m.task_seconds),
    sum(sign * m.skilled), sum(sign * m.skill_sum), sum(sign * m.rated), sum(sign * m.difficulty_sum)
  FROM (SELECT -1 AS sign, * FROM old_rows) AS a
  JOIN organizations o ON o.id = a.organization_id
  CROSS JOIN LATERAL measures_of(a.status <> 'STARTED' AND a.deleted_at IS NULL, a.success, a.counted, a.completed_at, a.due_at,
      a.duration_seconds, a.score, a.accuracy, a.hints_used, a.skill_match, a.difficulty) AS m
  WHERE a.status <> 'STARTED' AND a.deleted_at IS NULL
  GROUP BY 1, 2, 3, 4;
  RETURN NULL;
END $$;

CREATE TRIGGER attempts_inserted_deltas AFTER INSERT ON attempts
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION append_inserted_deltas();
CREATE TRIGGER attempts_updated_deltas AFTER UPDATE ON attempts
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION append_updated_deltas();
CREATE TRIGGER attempts_deleted_deltas AFTER DELETE ON attempts
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION append_deleted_deltas();

-- Puts `counted` right for (person, lab) pairs whose successes changed. The people are locked first, in the order of
-- their ids: two writers of one pair take turns, and under READ COMMITTED the statements after the lock see what the
-- other one committed. Uncount before count, since the unique index checks row by row.
CREATE FUNCTION recount(pairs_user_id bigint[], pairs_lab_id bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF coalesce(cardinality(pairs_user_id), 0) = 0 THEN
    RETURN;
  END IF;
  -- An older snapshot would not see what the one before committed. PostgreSQL tells serializable transactions only of
  -- each other, so those are refused as well.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION 'attempts are written under READ COMMITTED'
      USING ERRCODE = 'invalid_transaction_state';
  END IF;
  PERFORM 1 FROM users WHERE id = ANY (pairs_user_id) ORDER BY id FOR NO KEY UPDATE;
  UPDATE attempts a SET counted = false
  FROM unnest(pairs_user_id, pairs_lab_id) AS p (user_id, lab_id)
  WHERE a.user_id = p.user_id AND a.lab_id = p.lab_id AND a.counted AND a.id IS DISTINCT FROM (
    SELECT f.id FROM attempts f
    WHERE f.user_id = p.user_id AND f.lab_id = p.lab_id AND f.success AND f.deleted_at IS NULL
    ORDER BY f.completed_at, f.id LIMIT 1
  );
  UPDATE attempts a SET counted = true
  FROM unnest(pairs_user_id, pairs_lab_id) AS p (user_id, lab_id)
  CROSS JOIN LATERAL (
    SELECT f.id, f.counted FROM attempts f
    WHERE f.user_id = p.user_id AND f.lab_id = p.lab_id AND f.success AND f.deleted_at IS NULL
    ORDER BY f.completed_at, f.id LIMIT 1
  ) AS first
  WHERE NOT first.counted AND a.user_id = p.user_id AND a.id = first.id;
END $$;

-- A pair is right already, without a lock or a look-up, if its one counted row was inserted here and is the first of those
-- inserted: an earlier success would have had a counted row, and the unique index would have refused this one.
CREATE FUNCTION recount_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM recount(array_agg(p.user_id), array_agg(p.lab_id))
  FROM (
    SELECT user_id, lab_id FROM new_rows
    WHERE (success AND deleted_at IS NULL) OR counted
    GROUP BY user_id, lab_id
    HAVING count(*) FILTER (WHERE counted) <> 1
      OR bool_or(counted AND (success IS NOT TRUE OR deleted_at IS NOT NULL))
      OR min(completed_at) FILTER (WHERE counted) >= min(completed_at) FILTER (WHERE NOT counted)
  ) AS p;
  RETURN NULL;
END $$;

CREATE FUNCTION recount_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM recount(array_agg(p.user_id), array_agg(p.lab_id))
  FROM (
    -- what changed a success, or `counted` itself by another hand than recount()
    SELECT c.user_id, c.lab_id
    FROM (
      SELECT user_id, lab_id, id, completed_at, counted FROM new_rows WHERE success AND deleted_at IS NULL
      EXCEPT ALL
      SELECT user_id, lab_id, id, completed_at, counted FROM old_rows WHERE success AND deleted_at IS NULL
    ) AS c
    UNION
    SELECT c.user_id, c.lab_id
    FROM (
      SELECT user_id, lab_id, id, completed_at, counted FROM old_rows WHERE success AND deleted_at IS NULL
      EXCEPT ALL
      SELECT user_id, lab_id, id, completed_at, counted FROM new_rows WHERE success AND deleted_at IS NULL
    ) AS c
    UNION
    SELECT user_id, lab_id FROM new_rows WHERE counted AND (success IS NOT TRUE OR deleted_at IS NOT NULL)
  ) AS p;
  RETURN NULL;
END $$;

CREATE FUNCTION recount_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- also successes that did not count: a concurrent recount() may be about to choose one of them
  PERFORM recount(array_agg(p.user_id), array_agg(p.lab_id))
  FROM (SELECT DISTINCT user_id, lab_id FROM old_rows WHERE (success AND deleted_at IS NULL) OR counted) AS p;
  RETURN NULL;
END $$;

-- An attempt that moves to another person or lab leaves its mark behind: the mark there may be another attempt's, and the
-- unique index checks before recount() comes.
CREATE FUNCTION uncount_moved() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  NEW.counted := false;
  RETURN NEW;
END $$;
CREATE TRIGGER attempts_uncount_moved BEFORE UPDATE OF user_id, lab_id ON attempts
  FOR EACH ROW WHEN (NEW.counted AND (NEW.user_id <> OLD.user_id OR NEW.lab_id <> OLD.lab_id))
  EXECUTE FUNCTION uncount_moved();

-- TRUNCATE shows a trigger no rows, so nothing could follow it.
CREATE FUNCTION refuse_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'attempts cannot be truncated' USING ERRCODE = 'feature_not_supported', HINT = 'Use DELETE.';
END $$;
CREATE TRIGGER attempts_refuse_truncate BEFORE TRUNCATE ON attempts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate();

CREATE TRIGGER attempts_recount_inserted AFTER INSERT ON attempts
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION recount_inserted();
CREATE TRIGGER attempts_recount_updated AFTER UPDATE ON attempts
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION recount_updated();
CREATE TRIGGER attempts_recount_deleted AFTER DELETE ON attempts
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION recount_deleted();
