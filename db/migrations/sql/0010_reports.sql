-- Reports that are saved, the schedules by which they are made, and to whom the files of exports are delivered.
CREATE TABLE reports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  -- Whose it is: schedules make it as them. The person (null for who is none), and what their token claimed when they saved it.
  owner_id bigint,
  subject text NOT NULL,
  role text NOT NULL,
  claimed_groups text[],
  -- What they were in the roster then. Whoever is less now, has lost what their token claimed.
  roster_role text,
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  description text CHECK (length(description) BETWEEN 1 AND 2000),
  kind text NOT NULL,
  parameters jsonb NOT NULL,
  -- Relative to when it is made ({"lastDays": 7} or {"calendar": "LAST_WEEK"}); null is all time.
  period jsonb,
  group_id bigint,
  user_id bigint,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  FOREIGN KEY (organization_id, owner_id) REFERENCES users (organization_id, id),
  FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
  UNIQUE (organization_id, id)
);
CREATE INDEX reports_by_owner ON reports (organization_id, owner_id, id);

-- When a report is made: cron in the local time of a zone (db/cron.py).
CREATE TABLE report_schedules (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  report_id bigint NOT NULL,
  format text NOT NULL,
  dialect text,
  cron text NOT NULL CHECK (length(cron) <= 100),
  time_zone text NOT NULL CHECK (is_time_zone(time_zone)),
  -- Null while it is paused; `paused_for` is then the failure that its runs ended with, or null where somebody paused it.
  next_run_at timestamptz,
  paused_for text CHECK (paused_for IN ('PERMISSION_REVOKED', 'TOO_LARGE', 'INTERNAL')),
  -- Runs that failed one after the other by no fault of ours.
  failures integer NOT NULL DEFAULT 0,
  -- When there is room in the owner's hourly limit again, where a run waits for that.
  held_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (next_run_at IS NULL OR paused_for IS NULL),
  FOREIGN KEY (organization_id, report_id) REFERENCES reports (organization_id, id) ON DELETE CASCADE,
  UNIQUE (organization_id, id)
);
CREATE INDEX report_schedules_by_report ON report_schedules (report_id);
CREATE INDEX report_schedules_due ON report_schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- To whom each run of a schedule is delivered. `target` and `secret` are for the worker; others see what is masked.
CREATE TABLE schedule_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  schedule_id bigint NOT NULL,
  channel text NOT NULL CHECK (channel IN ('EMAIL', 'SLACK', 'TELEGRAM', 'WEBHOOK')),
  target text NOT NULL,
  secret text,
  masked text NOT NULL,
  attach boolean NOT NULL,
  CHECK ((secret IS NOT NULL) = (channel = 'WEBHOOK')),
  FOREIGN KEY (organization_id, schedule_id) REFERENCES report_schedules (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX schedule_deliveries_by_schedule ON schedule_deliveries (schedule_id);

ALTER TABLE exports
  ADD COLUMN report_id bigint,
  ADD COLUMN schedule_id bigint,
  -- When the run was due; null for what somebody asked for.
  ADD COLUMN due_at timestamptz,
  ADD COLUMN is_late boolean NOT NULL DEFAULT false,
  ADD UNIQUE (organization_id, id),
  ADD FOREIGN KEY (organization_id, report_id) REFERENCES reports (organization_id, id) ON DELETE SET NULL (report_id),
  ADD FOREIGN KEY (organization_id, schedule_id) REFERENCES report_schedules (organization_id, id) ON DELETE SET NULL (schedule_id);
CREATE INDEX exports_by_report ON exports (report_id, id) WHERE report_id IS NOT NULL;
CREATE INDEX exports_by_schedule ON exports (schedule_id, id) WHERE schedule_id IS NOT NULL;
GRANT INSERT (report_id) ON exports TO scoregraph_api;

-- To whom the file of an export is delivered, and what became of it.
CREATE TABLE deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  export_id bigint NOT NULL,
  channel text NOT NULL CHECK (channel IN ('EMAIL', 'SLACK', 'TELEGRAM', 'WEBHOOK')),
  target text NOT NULL,
  secret text,
  masked text NOT NULL,
  attach boolean NOT NULL,
  status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'SENT', 'FAILED')),
  tries integer NOT NULL DEFAULT 0,
  error text CHECK (length(error) <= 500),
  sent_at timestamptz,
  CHECK ((secret IS NOT NULL) = (channel = 'WEBHOOK')),
  CHECK ((sent_at IS NOT NULL) = (status = 'SENT')),
  FOREIGN KEY (organization_id, export_id) REFERENCES exports (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX deliveries_by_export ON deliveries (export_id);
CREATE INDEX deliveries_pending ON deliveries (export_id) WHERE status = 'PENDING';

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['reports', 'report_schedules', 'schedule_deliveries', 'deliveries'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
END $$;

-- As with exports: one's own; a service that is no person has those of its role; an administrator has all of the organization.
CREATE POLICY viewer_reads ON reports FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_role()) = 'ADMIN'
    OR owner_id = (SELECT viewer_user_id())
    OR (owner_id IS NULL AND (SELECT viewer_user_id()) IS NULL AND role = (SELECT viewer_role()))));
CREATE POLICY viewer_inserts ON reports FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND role = (SELECT viewer_role())
  AND owner_id IS NOT DISTINCT FROM (SELECT viewer_user_id()));
-- The role is that of whoever owns it: another who changes it leaves it as it is, or it would be made with theirs.
CREATE FUNCTION keep_report_owner() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF (NEW.role, NEW.claimed_groups, NEW.roster_role) IS DISTINCT FROM (OLD.role, OLD.claimed_groups, OLD.roster_role)
    AND (NEW.owner_id IS DISTINCT FROM viewer_user_id() OR NEW.role IS DISTINCT FROM viewer_role()) THEN
    RAISE EXCEPTION 'a report is made as its owner' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER reports_keep_owner BEFORE UPDATE ON reports FOR EACH ROW EXECUTE FUNCTION keep_report_owner();
CREATE POLICY viewer_updates ON reports FOR UPDATE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_role()) = 'ADMIN'
    OR owner_id = (SELECT viewer_user_id())
    OR (owner_id IS NULL AND (SELECT viewer_user_id()) IS NULL)));
CREATE POLICY viewer_deletes ON reports FOR DELETE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_role()) = 'ADMIN'
    OR owner_id = (SELECT viewer_user_id())
    OR (owner_id IS NULL AND (SELECT viewer_user_id()) IS NULL AND role = (SELECT viewer_role()))));
GRANT SELECT, DELETE,
  INSERT (organization_id, owner_id, subject, role, claimed_groups, roster_role, title, description, kind, parameters, period,
    group_id, user_id),
  UPDATE (role, claimed_groups, roster_role, title, description, kind, parameters, period, group_id, user_id, updated_at)
ON reports TO scoregraph_api;

-- Schedules go with their reports, deliveries with their schedules and exports: who sees those sees these.
CREATE POLICY viewer_reads ON report_schedules FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND report_id IN (SELECT id FROM reports));
CREATE POLICY viewer_inserts ON report_schedules FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND report_id IN (SELECT id FROM reports));
CREATE POLICY viewer_updates ON report_schedules FOR UPDATE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND report_id IN (SELECT id FROM reports));
CREATE POLICY viewer_deletes ON report_schedules FOR DELETE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND report_id IN (SELECT id FROM reports));
GRANT SELECT, DELETE,
  INSERT (organization_id, report_id, format, dialect, cron, time_zone, next_run_at),
  UPDATE (format, dialect, cron, time_zone, next_run_at, paused_for, failures, held_until)
ON report_schedules TO scoregraph_api;

CREATE POLICY viewer_reads ON schedule_deliveries FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND schedule_id IN (SELECT id FROM report_schedules));
CREATE POLICY viewer_inserts ON schedule_deliveries FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND schedule_id IN (SELECT id FROM report_schedules));
CREATE POLICY viewer_deletes ON schedule_deliveries FOR DELETE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND schedule_id IN (SELECT id FROM report_schedules));
GRANT SELECT (id, organization_id, schedule_id, channel, masked, attach), DELETE,
  INSERT (organization_id, schedule_id, channel, target, secret, masked, attach)
ON schedule_deliveries TO scoregraph_api;

CREATE POLICY viewer_reads ON deliveries FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND export_id IN (SELECT id FROM exports));
CREATE POLICY viewer_inserts ON deliveries FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND export_id IN (SELECT id FROM exports));
GRANT SELECT (id, organization_id, export_id, channel, masked, attach, status, tries, error, sent_at),
  INSERT (organization_id, export_id, channel, target, secret, masked, attach)
ON deliveries TO scoregraph_api;

-- Whether an address is that of an active person of the organization who may see what somebody is shown of these led groups
-- and this person (null: none): the requester, those who see the whole organization, and who leads all of these groups.
CREATE FUNCTION person_may_see_export(
  address text, of_organization bigint, requester bigint, made_as text, shows_groups bigint[], about_user bigint
) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT EXISTS (
    SELECT FROM users u
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(m.group_id), '{}') AS led FROM group_memberships m
      WHERE m.user_id = u.id AND m.role = 'LEAD' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
    ) AS l
    WHERE u.organization_id = of_organization AND lower(u.email) = lower(address) AND u.deactivated_at IS NULL AND (
      u.id = requester OR u.role IN ('MANAGER', 'ADMIN') OR (
        made_as NOT IN ('MANAGER', 'ADMIN', 'SERVICE')
        AND shows_groups <@ l.led AND (cardinality(shows_groups) > 0 OR about_user IS NOT NULL)
        AND (about_user IS NULL OR about_user = u.id OR EXISTS (
          SELECT FROM group_memberships m WHERE m.user_id = about_user AND m.group_id = ANY (l.led) AND m.role = 'MEMBER'
            AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()))))))
$$;
CREATE FUNCTION viewer_may_deliver_to(address text, shows_groups bigint[], about_user bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT person_may_see_export(address, viewer_organization_id(), viewer_user_id(), viewer_role(), shows_groups, about_user)
$$;

-- The export, if it was delivered to the viewer's own address, and they may see what is in it now. The rows are its requester's: a
-- colleague who gets a message can fetch the file that it is about, and no more.
CREATE FUNCTION export_sent_to_viewer(key bigint) RETURNS SETOF exports
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT e.* FROM exports e
  WHERE e.id = key AND e.organization_id = viewer_organization_id() AND viewer_may_read_export(e.role, e.reads_groups, e.user_id)
    AND EXISTS (
      SELECT FROM deliveries d JOIN users u ON lower(u.email) = lower(d.target)
      WHERE d.export_id = e.id AND d.channel = 'EMAIL' AND u.id = viewer_user_id())
$$;

-- A job for each delivery, in the transaction in which an export comes to its end. Who asked for it themselves sees that it failed;
-- of what a schedule made, that is delivered too. One that is made after all is delivered anew.
CREATE FUNCTION deliver_export() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.status = 'READY' OR (NEW.status = 'FAILED' AND NEW.due_at IS NOT NULL) THEN
    PERFORM enqueue_job('notify', 'deliveries:send', jsonb_build_object('delivery_id', d.id, 'organization_id', d.organization_id))
    FROM deliveries d WHERE d.export_id = NEW.id AND d.status = 'PENDING';
  ELSIF NEW.status = 'PENDING' AND OLD.status = 'FAILED' THEN
    UPDATE deliveries SET status = 'PENDING', tries = 0, error = NULL, sent_at = NULL WHERE export_id = NEW.id;
  ELSIF NEW.status IN ('FAILED', 'CANCELLED', 'EXPIRED') THEN
    UPDATE deliveries SET status = 'FAILED', error = 'There is no file to be delivered.' WHERE export_id = NEW.id AND status = 'PENDING';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER exports_delivered AFTER UPDATE OF status ON exports
  FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION deliver_export();

-- A schedule whose runs fail again and again by no fault of ours is paused, with the reason.
CREATE FUNCTION note_scheduled_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.status = 'READY' THEN
    UPDATE report_schedules SET failures = 0 WHERE id = NEW.schedule_id AND failures > 0;
  ELSIF NEW.status = 'FAILED' AND NEW.failure_code IN ('PERMISSION_REVOKED', 'TOO_LARGE') THEN
    UPDATE report_schedules SET failures = failures + 1,
      next_run_at = CASE WHEN failures < 2 THEN next_run_at END,
      paused_for = CASE WHEN failures < 2 OR next_run_at IS NULL THEN paused_for ELSE NEW.failure_code END
    WHERE id = NEW.schedule_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER exports_noted_by_schedule AFTER UPDATE OF status ON exports
  FOR EACH ROW WHEN (NEW.schedule_id IS NOT NULL AND NEW.status IS DISTINCT FROM OLD.status) EXECUTE FUNCTION note_scheduled_run();

-- Tells `reports:1` of an organization of its reports and schedules, `export:7` of its deliveries.
CREATE FUNCTION tell_of_reports() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_notify('scoregraph_changes', format('reports:%s', coalesce(NEW.organization_id, OLD.organization_id)));
  RETURN NULL;
END $$;
CREATE FUNCTION tell_of_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_notify('scoregraph_changes', format('export:%s', coalesce(NEW.export_id, OLD.export_id)));
  RETURN NULL;
END $$;
DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['reports', 'report_schedules', 'schedule_deliveries', 'deliveries'] LOOP
    EXECUTE format('CREATE TRIGGER %I_changed_told AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION %s()',
      relation, relation, CASE relation WHEN 'deliveries' THEN 'tell_of_deliveries' ELSE 'tell_of_reports' END);
    EXECUTE format('CREATE TRIGGER %I_truncated_told AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION tell_that(''*'')',
      relation, relation);
  END LOOP;
END $$;

REVOKE ALL ON FUNCTION keep_report_owner, person_may_see_export, viewer_may_deliver_to, export_sent_to_viewer, deliver_export, note_scheduled_run,
  tell_of_reports, tell_of_deliveries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION viewer_may_deliver_to, export_sent_to_viewer TO scoregraph_api;
GRANT EXECUTE ON FUNCTION person_may_see_export TO scoregraph_worker;

INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES
  ('deliveries:send', 'DELIVERY', 'notify', false),
  ('reports:run_due', 'REPORT_SCHEDULES', 'maintenance', false);
