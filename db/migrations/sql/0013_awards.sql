-- Awards: badges and milestones, by rules that each organization may change. A worker awards them once, for what people did.

-- The rules and what their thresholds count:
--   TASKS          distinct tasks completed          TASKS_ON_TIME  those of them that met a deadline
--   TASK_SCORE     the score of a completed task     STREAK         local days in a row with something finished
--   PERFECT_WEEK   tasks completed in a local week in which every deadline was met; once for each such week
CREATE TABLE award_definitions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_]{0,62}$'),
  kind text NOT NULL CHECK (kind IN ('BADGE', 'MILESTONE')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  description text CHECK (length(description) BETWEEN 1 AND 1000),
  icon text CHECK (length(icon) BETWEEN 1 AND 200),
  rule text NOT NULL CHECK (rule IN ('TASKS', 'TASKS_ON_TIME', 'TASK_SCORE', 'STREAK', 'PERFECT_WEEK')),
  threshold numeric(9, 4) NOT NULL,
  -- Whether it is taken back when what it was awarded for is no longer there; otherwise it is kept, with a note.
  revocable boolean NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  CHECK (CASE WHEN rule = 'TASK_SCORE' THEN threshold BETWEEN 0 AND 100 ELSE threshold BETWEEN 1 AND 100000 AND threshold = trunc(threshold) END),
  UNIQUE (organization_id, slug),
  UNIQUE (organization_id, id)
);

-- `achieved_at` is the instant of what decided it (the attempt, if it was one), `window_start` the Monday of a weekly one. What
-- somebody gave or took back `by_hand` stays so, whatever the rules say. Ids grow as awards are given: see `award_turn`.
CREATE TABLE awards (
  id bigint GENERATED ALWAYS AS IDENTITY,
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  definition_id bigint NOT NULL,
  window_start date,
  achieved_at timestamptz NOT NULL,
  achieved_value numeric NOT NULL,
  attempt_id bigint,
  granted_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  note text CHECK (length(note) BETWEEN 1 AND 1000),
  by_hand boolean NOT NULL DEFAULT false,
  awarded_by bigint,
  PRIMARY KEY (user_id, id),
  CONSTRAINT awards_once UNIQUE NULLS NOT DISTINCT (user_id, definition_id, window_start),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
  FOREIGN KEY (organization_id, definition_id) REFERENCES award_definitions (organization_id, id)
);
CREATE INDEX awards_by_id ON awards (id);
CREATE INDEX awards_by_user ON awards (user_id, achieved_at DESC, id DESC);
CREATE INDEX awards_by_definition ON awards (definition_id);

-- In which zone a person lived until when; null was the organization's. So that a move takes no day away that they were active on.
CREATE TABLE user_zone_changes (
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  lived_until timestamptz NOT NULL,
  time_zone text,
  PRIMARY KEY (user_id, lived_until),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

-- Whose awards have to be looked at again. Rows are only added and taken, so that nobody waits for anybody.
CREATE TABLE award_marks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL
);
CREATE INDEX award_marks_by_user ON award_marks (user_id);

-- When a person's awards have to be looked at again by time alone: their week is over then. Only who awards writes here.
CREATE TABLE award_checks (
  user_id bigint PRIMARY KEY,
  organization_id bigint NOT NULL,
  due_at timestamptz NOT NULL
);
CREATE INDEX award_checks_by_time ON award_checks (due_at);

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['award_definitions', 'awards', 'user_zone_changes', 'award_marks', 'award_checks'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
  FOREACH relation IN ARRAY ARRAY['awards', 'user_zone_changes'] LOOP
    EXECUTE format(
      'CREATE POLICY viewer_reads ON %I FOR SELECT TO scoregraph_api USING (organization_id = (SELECT viewer_organization_id())'
      ' AND ((SELECT viewer_sees_all()) OR user_id IN (SELECT viewer_people())))', relation);
    EXECUTE format('GRANT SELECT ON %I TO scoregraph_api', relation);
  END LOOP;
END $$;
CREATE POLICY viewer_reads ON award_definitions FOR SELECT TO scoregraph_api USING (organization_id = (SELECT viewer_organization_id()));
CREATE POLICY viewer_inserts ON award_definitions FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) = 'ADMIN');
CREATE POLICY viewer_updates ON award_definitions FOR UPDATE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) = 'ADMIN');
CREATE POLICY viewer_gives ON awards FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) = 'ADMIN'
  AND by_hand AND awarded_by IS NOT DISTINCT FROM (SELECT viewer_user_id()));
CREATE POLICY viewer_decides ON awards FOR UPDATE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) = 'ADMIN') WITH CHECK (by_hand);
GRANT INSERT (organization_id, user_id, definition_id, achieved_at, achieved_value, note, by_hand, awarded_by),
  UPDATE (id, achieved_at, achieved_value, attempt_id, granted_at, revoked_at, note, by_hand, awarded_by)
ON awards TO scoregraph_api;
GRANT SELECT,
  INSERT (organization_id, slug, kind, name, description, icon, rule, threshold, revocable, is_active),
  UPDATE (kind, name, description, icon, rule, threshold, revocable, is_active)
ON award_definitions TO scoregraph_api;

-- Waits for one's turn to award. Who awards has it until the commit, so that an award with a greater id is never there before
-- one with a smaller: whoever has read up to an id has missed none.
CREATE FUNCTION award_turn() RETURNS void
LANGUAGE sql
RETURN pg_advisory_xact_lock(hashtext('scoregraph.awards'));

-- Marks. What was folded was changed; the other marks are of changes that leave the sums as they were, of deadlines, of
-- definitions, and of zones.
CREATE FUNCTION mark_folded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO award_marks (organization_id, user_id) SELECT DISTINCT organization_id, user_id FROM old_rows;
  RETURN NULL;
END $$;

-- Marks those whom its argument finds in the rows that changed, which stand in it as %s.
CREATE FUNCTION mark_concerned() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  EXECUTE 'INSERT INTO award_marks (organization_id, user_id) ' || format(TG_ARGV[0], CASE TG_OP
    WHEN 'INSERT' THEN 'TABLE new_rows' WHEN 'DELETE' THEN 'TABLE old_rows' ELSE 'TABLE new_rows UNION ALL TABLE old_rows' END);
  RETURN NULL;
END $$;

-- Everybody of an organization, once, however many of its definitions are written.
CREATE FUNCTION mark_everybody() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO award_marks (organization_id, user_id)
  SELECT organization_id, id FROM users WHERE organization_id IN (SELECT organization_id FROM new_rows);
  RETURN NULL;
END $$;
CREATE TRIGGER award_definitions_inserted_marked AFTER INSERT ON award_definitions
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_everybody();
CREATE TRIGGER award_definitions_updated_marked AFTER UPDATE ON award_definitions
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_everybody();

CREATE FUNCTION mark_residents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO award_marks (organization_id, user_id) SELECT organization_id, id FROM users WHERE organization_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER organizations_zone_marked AFTER UPDATE OF time_zone ON organizations
  FOR EACH ROW WHEN (NEW.time_zone <> OLD.time_zone) EXECUTE FUNCTION mark_residents();

CREATE FUNCTION keep_zone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO user_zone_changes (organization_id, user_id, lived_until, time_zone)
  VALUES (OLD.organization_id, OLD.id, now(), OLD.time_zone)
  ON CONFLICT DO NOTHING;  -- changed twice in a transaction: nobody lived there
  INSERT INTO award_marks (organization_id, user_id) VALUES (OLD.organization_id, OLD.id);
  RETURN NULL;
END $$;
CREATE TRIGGER users_zone_kept AFTER UPDATE OF time_zone ON users
  FOR EACH ROW WHEN (NEW.time_zone IS DISTINCT FROM OLD.time_zone) EXECUTE FUNCTION keep_zone();

-- What every organization begins with. A milestone says what is so; a badge is a present, and those are not taken back.
CREATE FUNCTION begin_with_awards() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO award_definitions (organization_id, slug, kind, name, description, icon, rule, threshold, revocable)
  SELECT NEW.id, d.slug, d.kind, d.name, d.description, d.icon, d.rule, d.threshold, d.kind = 'MILESTONE'
  FROM (VALUES
    ('first_task', 'MILESTONE', 'First task', 'Completed a first task.', 'flag', 'TASKS', 1),
    ('10_tasks', 'MILESTONE', '10 tasks', 'Completed 10 different tasks.', 'steps', 'TASKS', 10),
    ('100_tasks', 'MILESTONE', '100 tasks', 'Completed 100 different tasks.', 'summit', 'TASKS', 100),
    ('perfect_week', 'MILESTONE', 'Perfect week', 'Completed at least 3 tasks in a week and met every deadline.', 'calendar', 'PERFECT_WEEK', 3),
    ('streak_7', 'BADGE', '7 days in a row', 'Finished something on 7 days in a row.', 'flame', 'STREAK', 7),
    ('streak_30', 'BADGE', '30 days in a row', 'Finished something on 30 days in a row.', 'torch', 'STREAK', 30),
    ('punctual', 'BADGE', 'Punctual', 'Completed 50 tasks by their deadlines.', 'clock', 'TASKS_ON_TIME', 50),
    ('full_marks', 'BADGE', 'Full marks', 'Completed a task with the highest score there is.', 'star', 'TASK_SCORE', 100)
  ) AS d (slug, kind, name, description, icon, rule, threshold);
  RETURN NULL;
END $$;
CREATE TRIGGER organizations_begin_with_awards AFTER INSERT ON organizations
  FOR EACH ROW EXECUTE FUNCTION begin_with_awards();

-- Those that are there already begin with the same: an update that changes nothing calls for it once.
CREATE TRIGGER organizations_begin_now AFTER UPDATE OF slug ON organizations FOR EACH ROW EXECUTE FUNCTION begin_with_awards();
UPDATE organizations SET slug = slug;
DROP TRIGGER organizations_begin_now ON organizations;

DO $$
DECLARE
  relation text;
  teller text;
BEGIN
  FOR relation, teller IN VALUES
    ('awards', 'tell_rows(organization_id, user_id, awards, organization_id, awarded, user_id)'),
    ('user_zone_changes', 'tell_rows(organization_id, user_id)'),
    ('award_definitions', 'tell_rows(organization_id, null, all, organization_id)')
  LOOP
    EXECUTE format('CREATE TRIGGER %s_inserted_told AFTER INSERT ON %1$s REFERENCING NEW TABLE AS new_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_updated_told AFTER UPDATE ON %1$s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_deleted_told AFTER DELETE ON %1$s REFERENCING OLD TABLE AS old_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_truncated_told AFTER TRUNCATE ON %1$s'
      ' FOR EACH STATEMENT EXECUTE FUNCTION tell_that(''*'')', relation);
  END LOOP;
END $$;

-- Last, since whoever writes attempts waits from here on until this is committed.
CREATE TRIGGER attempt_deltas_folded_marked AFTER DELETE ON attempt_deltas
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_folded();
DO $$
DECLARE
  relation text;
  people text := 'SELECT DISTINCT organization_id, user_id FROM (%s) AS r';
  members text := 'SELECT DISTINCT r.organization_id, coalesce(r.user_id, m.user_id) FROM (%s) AS r'
    ' LEFT JOIN group_memberships m ON m.group_id = r.group_id AND m.role = ''MEMBER'' WHERE coalesce(r.user_id, m.user_id) IS NOT NULL';
  found text;
BEGIN
  FOR relation, found IN VALUES
    ('attempts', people), ('deadline_extensions', people), ('group_memberships', people), ('assignments', members)
  LOOP
    IF relation <> 'attempts' THEN
      EXECUTE format('CREATE TRIGGER %1$s_inserted_marked AFTER INSERT ON %1$s REFERENCING NEW TABLE AS new_rows'
        ' FOR EACH STATEMENT EXECUTE FUNCTION mark_concerned(%2$L)', relation, found);
      EXECUTE format('CREATE TRIGGER %1$s_deleted_marked AFTER DELETE ON %1$s REFERENCING OLD TABLE AS old_rows'
        ' FOR EACH STATEMENT EXECUTE FUNCTION mark_concerned(%2$L)', relation, found);
    END IF;
    EXECUTE format('CREATE TRIGGER %1$s_updated_marked AFTER UPDATE ON %1$s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION mark_concerned(%2$L)', relation, found);
  END LOOP;
END $$;

INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES ('awards:recompute', 'AWARDS', 'maintenance', true);

REVOKE EXECUTE ON FUNCTION
  award_turn, mark_folded, mark_concerned, mark_everybody, mark_residents, keep_zone, begin_with_awards
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION award_turn TO scoregraph_api, scoregraph_worker;
