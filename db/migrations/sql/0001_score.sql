-- The score and the measures of an attempt: each rule stands here once, and everything else calls it.

-- Half-even ("banker's") rounding, as the display precision asks; PostgreSQL's round() goes away from zero.
CREATE FUNCTION round_half_even(value numeric, digits integer) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
  WHEN abs(value * 10::numeric ^ digits % 1) = 0.5
    THEN round(2 * round(value * 10::numeric ^ digits / 2) / 10::numeric ^ digits, digits)
  ELSE round(value, digits)
END;

-- score = 100 · (0.5 · on-time ratio + 0.3 · skill accuracy + 0.2 · difficulty factor), over tasks completed.
-- A component without data is dropped and the other weights are scaled up to 1; none known: null.
-- One division at the very end keeps a terminating result exact.
--   on_time / deadlines   tasks in time / tasks that had a deadline
--   skill / skilled       sum of skill matches (0–1 each) / tasks with one
--   difficulty / rated    sum of difficulties (0–10 each) / tasks with one
CREATE FUNCTION performance_score(
  on_time bigint, deadlines bigint, skill numeric, skilled bigint, difficulty numeric, rated bigint
) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN deadlines > 0 OR skilled > 0 OR rated > 0 THEN
  100 * (
      CASE WHEN deadlines > 0 THEN 0.5 * on_time * greatest(skilled, 1) * (10 * greatest(rated, 1)) ELSE 0 END
    + CASE WHEN skilled > 0 THEN 0.3 * skill * greatest(deadlines, 1) * (10 * greatest(rated, 1)) ELSE 0 END
    + CASE WHEN rated > 0 THEN 0.2 * difficulty * greatest(deadlines, 1) * greatest(skilled, 1) ELSE 0 END
  ) / (
    (CASE WHEN deadlines > 0 THEN 0.5 ELSE 0 END + CASE WHEN skilled > 0 THEN 0.3 ELSE 0 END
      + CASE WHEN rated > 0 THEN 0.2 ELSE 0 END)
    * greatest(deadlines, 1) * greatest(skilled, 1) * (10 * greatest(rated, 1))
  )
END;

-- The score as people see and compare it: one decimal.
CREATE FUNCTION ranking_score(
  on_time bigint, deadlines bigint, skill numeric, skilled bigint, difficulty numeric, rated bigint
) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round_half_even(performance_score(on_time, deadlines, skill, skilled, difficulty, rated), 1);

-- Experience level: 1 + floor(sqrt(tasks completed)); 42 tasks give 7.
CREATE FUNCTION experience_level(tasks bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN 1 + floor(sqrt(greatest(tasks, 0)::numeric))::integer;

-- What one attempt adds to every rollup. All zero unless it is finished and not deleted.
-- A duration over 30 days is kept on the attempt but left out of the means.
CREATE FUNCTION measures_of(
  finished boolean, success boolean, counted boolean, completed_at timestamptz, due_at timestamptz,
  duration_seconds numeric, score numeric, accuracy numeric, hints_used integer, skill_match numeric, difficulty numeric
) RETURNS TABLE (
  attempts bigint, successes bigint, deadlines bigint, on_time bigint, early_seconds numeric,
  timed bigint, seconds numeric, scored bigint, score_sum numeric, accuracy_known bigint, accuracy_sum numeric,
  hints_known bigint, hints bigint, hinted bigint,
  tasks bigint, task_deadlines bigint, task_on_time bigint, task_early_seconds numeric,
  task_timed bigint, task_seconds numeric, skilled bigint, skill_sum numeric, rated bigint, difficulty_sum numeric
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT
    f, f * (success IS TRUE)::int, f * (due_at IS NOT NULL)::int, f * (completed_at <= due_at IS TRUE)::int,
    f * coalesce(extract(epoch FROM due_at - completed_at), 0),
    f * (duration_seconds <= 2592000 IS TRUE)::int,
    CASE WHEN duration_seconds <= 2592000 THEN f * duration_seconds ELSE 0 END,
    f * (score IS NOT NULL)::int, f * coalesce(score, 0),
    f * (accuracy IS NOT NULL)::int, f * coalesce(accuracy, 0),
    f * (hints_used IS NOT NULL)::int, f * coalesce(hints_used, 0), f * (hints_used > 0 IS TRUE)::int,
    t, t * (due_at IS NOT NULL)::int, t * (completed_at <= due_at IS TRUE)::int,
    t * coalesce(extract(epoch FROM due_at - completed_at), 0),
    t * (duration_seconds <= 2592000 IS TRUE)::int,
    CASE WHEN duration_seconds <= 2592000 THEN t * duration_seconds ELSE 0 END,
    t * (skill_match IS NOT NULL)::int, t * coalesce(skill_match, 0),
    t * (difficulty IS NOT NULL)::int, t * coalesce(difficulty, 0)
  FROM (SELECT (finished IS TRUE)::int::bigint AS f, (finished AND counted IS TRUE)::int::bigint AS t) AS one
$$;
