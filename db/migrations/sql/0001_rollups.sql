-- Additive rollups of the attempts, and the signed changes on their way into them.

-- Appended by the triggers on attempts, one row per (person, lab, day) and statement; emptied by fold_attempt_deltas().
-- Append-only until folded, so that no two writers ever wait for each other here.
CREATE TABLE attempt_deltas (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  day date NOT NULL,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT NULL
  DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0, hints_known
  bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0, tasks bigint
  NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL DEFAULT 0,
  task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0, task_seconds numeric
  NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL DEFAULT 0, rated bigint
  NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0
);
CREATE INDEX attempt_deltas_by_user ON attempt_deltas (user_id, lab_id, day);
CREATE INDEX attempt_deltas_by_lab ON attempt_deltas (lab_id, day);

-- Every person has a row here from the start. `version` is the fold that changed it last; `active` is false for the
-- deactivated, who are taken off the boards.
CREATE TABLE user_totals (
  organization_id bigint NOT NULL,
  user_id bigint PRIMARY KEY REFERENCES users,
  active boolean NOT NULL DEFAULT true,
  version bigint NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT NULL
  DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0, hints_known
  bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0, tasks bigint
  NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL DEFAULT 0,
  task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0, task_seconds numeric
  NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL DEFAULT 0, rated bigint
  NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0,
  score numeric GENERATED ALWAYS AS (performance_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)) STORED,
  ranking_score numeric GENERATED ALWAYS AS (ranking_score(task_on_time, task_deadlines, skill_sum, skilled, difficulty_sum, rated)) STORED
);
CREATE INDEX user_totals_by_score ON user_totals (organization_id, ranking_score DESC, user_id)
  WHERE active AND ranking_score IS NOT NULL;
CREATE INDEX user_totals_by_version ON user_totals (organization_id, version);

CREATE TABLE user_lab_totals (
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT NULL
  DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0, hints_known
  bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0, tasks bigint
  NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL DEFAULT 0,
  task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0, task_seconds numeric
  NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL DEFAULT 0, rated bigint
  NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, lab_id)
);
CREATE INDEX user_lab_totals_by_lab ON user_lab_totals (lab_id, user_id);

CREATE TABLE user_days (
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  day date NOT NULL,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT NULL
  DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0, hints_known
  bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0, tasks bigint
  NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL DEFAULT 0,
  task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0, task_seconds numeric
  NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL DEFAULT 0, rated bigint
  NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, day)
);
CREATE INDEX user_days_by_day ON user_days (organization_id, day);

CREATE TABLE lab_days (
  organization_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  day date NOT NULL,
  attempts bigint NOT NULL DEFAULT 0, successes bigint NOT NULL DEFAULT 0, deadlines bigint NOT NULL DEFAULT
  0, on_time bigint NOT NULL DEFAULT 0, early_seconds numeric NOT NULL DEFAULT 0, timed bigint NOT NULL
  DEFAULT 0, seconds numeric NOT NULL DEFAULT 0, scored bigint NOT NULL DEFAULT 0, score_sum numeric NOT NULL
  DEFAULT 0, accuracy_known bigint NOT NULL DEFAULT 0, accuracy_sum numeric NOT NULL DEFAULT 0, hints_known
  bigint NOT NULL DEFAULT 0, hints bigint NOT NULL DEFAULT 0, hinted bigint NOT NULL DEFAULT 0, tasks bigint
  NOT NULL DEFAULT 0, task_deadlines bigint NOT NULL DEFAULT 0, task_on_time bigint NOT NULL DEFAULT 0,
  task_early_seconds numeric NOT NULL DEFAULT 0, task_timed bigint NOT NULL DEFAULT 0, task_seconds numeric
  NOT NULL DEFAULT 0, skilled bigint NOT NULL DEFAULT 0, skill_sum numeric NOT NULL DEFAULT 0, rated bigint
  NOT NULL DEFAULT 0, difficulty_sum numeric NOT NULL DEFAULT 0,
  PRIMARY KEY (lab_id, day)
);
CREATE INDEX lab_days_by_day ON lab_days (organization_id, day);

-- Counts folds. A reader compares a person's version with the one that a materialized view was made from.
CREATE SEQUENCE fold_version;

CREATE FUNCTION create_user_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO user_totals (organization_id, user_id, active)
  SELECT organization_id, id, deactivated_at IS NULL FROM new_rows;
  RETURN NULL;
END $$;
CREATE TRIGGER users_have_totals AFTER INSERT ON users
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION create_user_totals();

-- Waits for the fold, so that versions become visible in their order.
CREATE FUNCTION follow_deactivation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM new_rows n JOIN old_rows o USING (id)
    WHERE (n.deactivated_at IS NULL) <> (o.deactivated_at IS NULL)
  ) THEN
    PERFORM pg_advisory_xact_lock(hashtext('scoregraph.fold'));
    UPDATE user_totals t SET active = n.deactivated_at IS NULL, version = nextval('fold_version')
    FROM new_rows n WHERE t.user_id = n.id AND t.active <> (n.deactivated_at IS NULL);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER users_deactivation AFTER UPDATE ON users
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_deactivation();

-- Days are cut in the organization's zone when a change is written; changing the zone later would move them.
CREATE FUNCTION keep_time_zone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.time_zone <> OLD.time_zone THEN
    -- Waits for those who are writing attempts, and lets them go on only with the new zone.
    LOCK TABLE attempts IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM attempts WHERE organization_id = OLD.id) THEN
      RAISE EXCEPTION 'the time zone of an organization with attempts cannot be changed' USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER organizations_keep_time_zone BEFORE UPDATE ON organizations
  FOR EACH ROW EXECUTE FUNCTION keep_time_zone();
