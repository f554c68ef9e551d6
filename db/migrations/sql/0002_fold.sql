-- Moves pending changes into the five rollups: one statement, so a reader sees a change either as a delta or folded, never
-- both and never neither. Cost follows the changes, not the history.
--   max_changes   how many delta rows to take at most, oldest first
-- Gives the people, labs and organizations concerned (for change tags) and how many delta rows were folded; no row where
-- another worker is folding.
CREATE OR REPLACE FUNCTION fold_attempt_deltas(
  max_changes integer DEFAULT 50000,
  OUT folded bigint, OUT user_ids bigint[], OUT lab_ids bigint[], OUT organization_ids bigint[]
) RETURNS SETOF record
LANGUAGE plpgsql AS $$
DECLARE
  fold_number bigint;
BEGIN
  -- An older snapshot would not see which topics a lab was given while the lock was another's.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION 'changes are folded under READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('scoregraph.fold')) THEN
    RETURN;
  END IF;
  fold_number := nextval('fold_version');
  RETURN QUERY WITH
  taken AS (
    DELETE FROM attempt_deltas
    WHERE id IN (SELECT d.id FROM attempt_deltas d ORDER BY d.id LIMIT max_changes)
    RETURNING *
  ),
  totals AS (
    INSERT INTO user_totals AS t (
      organization_id, user_id, version, attempts, successes, deadlines, on_time, early_seconds, timed,
      seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks,
      task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated,
      difficulty_sum
    )
    SELECT organization_id, user_id, fold_number,
      sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(early_seconds), sum(timed),
      sum(seconds), sum(scored), sum(score_sum), sum(accuracy_known), sum(accuracy_sum), sum(hints_known),
      sum(hints), sum(hinted), sum(tasks), sum(task_deadlines), sum(task_on_time), sum(task_early_seconds),
      sum(task_timed), sum(task_seconds), sum(skilled), sum(skill_sum), sum(rated), sum(difficulty_sum)
    FROM taken GROUP BY organization_id, user_id
    ON CONFLICT (user_id) DO UPDATE SET
      version = excluded.version,
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
  ),
  lab_totals AS (
    INSERT INTO user_lab_totals AS t (
      organization_id, user_id, lab_id, attempts, successes, deadlines, on_time, early_seconds, timed,
      seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks,
      task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated,
      difficulty_sum
    )
    SELECT organization_id, user_id, lab_id,
      sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(early_seconds), sum(timed),
      sum(seconds), sum(scored), sum(score_sum), sum(accuracy_known), sum(accuracy_sum), sum(hints_known),
      sum(hints), sum(hinted), sum(tasks), sum(task_deadlines), sum(task_on_time), sum(task_early_seconds),
      sum(task_timed), sum(task_seconds), sum(skilled), sum(skill_sum), sum(rated), sum(difficulty_sum)
    FROM taken GROUP BY organization_id, user_id, lab_id
    ON CONFLICT (user_id, lab_id) DO UPDATE SET
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
  ),
  topic_totals AS (
    INSERT INTO user_topic_totals AS t (
      organization_id, user_id, topic_id, attempts, successes, deadlines, on_time, early_seconds, timed,
      seconds, scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks,
      task_deadlines, task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated,
      difficulty_sum
    )
    SELECT d.organization_id, d.user_id, lt.topic_id,
      sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(early_seconds), sum(timed),
      sum(seconds), sum(scored), sum(score_sum), sum(accuracy_known), sum(accuracy_sum), sum(hints_known),
      sum(hints), sum(hinted), sum(tasks), sum(task_deadlines), sum(task_on_time), sum(task_early_seconds),
      sum(task_timed), sum(task_seconds), sum(skilled), sum(skill_sum), sum(rated), sum(difficulty_sum)
    FROM taken d JOIN lab_topics lt ON lt.lab_id = d.lab_id GROUP BY d.organization_id, d.user_id, lt.topic_id
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
  ),
  days AS (
    INSERT INTO user_days AS t (
      organization_id, user_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds,
      scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines,
      task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
    )
    SELECT organization_id, user_id, day,
      sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(early_seconds), sum(timed),
      sum(seconds), sum(scored), sum(score_sum), sum(accuracy_known), sum(accuracy_sum), sum(hints_known),
      sum(hints), sum(hinted), sum(tasks), sum(task_deadlines), sum(task_on_time), sum(task_early_seconds),
      sum(task_timed), sum(task_seconds), sum(skilled), sum(skill_sum), sum(rated), sum(difficulty_sum)
    FROM taken GROUP BY organization_id, user_id, day
    ON CONFLICT (user_id, day) DO UPDATE SET
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
  ),
  labs_by_day AS (
    INSERT INTO lab_days AS t (
      organization_id, lab_id, day, attempts, successes, deadlines, on_time, early_seconds, timed, seconds,
      scored, score_sum, accuracy_known, accuracy_sum, hints_known, hints, hinted, tasks, task_deadlines,
      task_on_time, task_early_seconds, task_timed, task_seconds, skilled, skill_sum, rated, difficulty_sum
    )
    SELECT organization_id, lab_id, day,
      sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(early_seconds), sum(timed),
      sum(seconds), sum(scored), sum(score_sum), sum(accuracy_known), sum(accuracy_sum), sum(hints_known),
      sum(hints), sum(hinted), sum(tasks), sum(task_deadlines), sum(task_on_time), sum(task_early_seconds),
      sum(task_timed), sum(task_seconds), sum(skilled), sum(skill_sum), sum(rated), sum(difficulty_sum)
    FROM taken GROUP BY organization_id, lab_id, day
    ON CONFLICT (lab_id, day) DO UPDATE SET
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
  )
  SELECT count(*), array_agg(DISTINCT user_id), array_agg(DISTINCT lab_id), array_agg(DISTINCT organization_id)
  FROM taken HAVING count(*) > 0;
END $$;
