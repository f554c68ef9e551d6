-- Rules about how the platform runs, and the alerts that came of them. Rules without an organization are the platform's: from the
-- settings (DEFAULT) and the file (FILE) of the workers, which write them down when they start. The others are organizations' own.
CREATE TABLE alert_rules (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint REFERENCES organizations,
  origin text NOT NULL CHECK (origin IN ('DEFAULT', 'FILE', 'SAVED')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  condition text NOT NULL CHECK (length(condition) BETWEEN 1 AND 500),
  summary text CHECK (length(summary) <= 500),
  severity text NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'CRITICAL')),
  -- How long the condition must hold.
  for_seconds integer NOT NULL CHECK (for_seconds BETWEEN 0 AND 604800),
  channels text[] NOT NULL DEFAULT '{}',
  is_enabled boolean NOT NULL DEFAULT true,
  -- It is no longer in the settings or the file; kept for its alerts.
  removed_at timestamptz,
  -- What the measure that the condition names first was when the rule was last judged; the largest, where there are several.
  current_value double precision,
  judged_at timestamptz,
  CHECK ((origin = 'SAVED') = (organization_id IS NOT NULL)),
  CONSTRAINT alert_rules_by_name UNIQUE NULLS NOT DISTINCT (organization_id, name)
);

-- One row for each time that a rule held, by what it held for (a queue, a view; null where it is about the whole). It fires once
-- it has held for long enough; before that nobody sees it, and it is gone if it holds no longer.
CREATE TABLE alerts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule_id bigint NOT NULL REFERENCES alert_rules ON DELETE CASCADE,
  organization_id bigint REFERENCES organizations,
  subject text,
  severity text NOT NULL,
  -- When it fired.
  value double precision NOT NULL,
  started_at timestamptz NOT NULL,
  fired_at timestamptz,
  resolved_at timestamptz CHECK (resolved_at >= fired_at),
  acknowledged_at timestamptz,
  acknowledged_by bigint,
  silenced_until timestamptz,
  CHECK (fired_at IS NOT NULL OR num_nonnulls(resolved_at, acknowledged_at, acknowledged_by, silenced_until) = 0)
);
CREATE UNIQUE INDEX alerts_open ON alerts (rule_id, subject) NULLS NOT DISTINCT WHERE resolved_at IS NULL;
CREATE INDEX alerts_by_organization ON alerts (organization_id, id) WHERE fired_at IS NOT NULL;
CREATE INDEX alerts_silenced ON alerts (rule_id, silenced_until) WHERE silenced_until IS NOT NULL;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['alert_rules', 'alerts'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    -- Whoever may OPERATE sees those of the platform and of their organization.
    EXECUTE format('CREATE POLICY viewer_reads ON %I FOR SELECT TO scoregraph_api USING ((SELECT viewer_may_operate())'
      ' AND (organization_id IS NULL OR organization_id = (SELECT viewer_organization_id())))', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
END $$;

-- The organization's own rules are its operators' to write; what a rule said is the worker's.
CREATE POLICY viewer_inserts ON alert_rules FOR INSERT TO scoregraph_api WITH CHECK (
  (SELECT viewer_may_operate()) AND organization_id = (SELECT viewer_organization_id()));
CREATE POLICY viewer_updates ON alert_rules FOR UPDATE TO scoregraph_api
  USING ((SELECT viewer_may_operate()) AND organization_id = (SELECT viewer_organization_id()))
  WITH CHECK ((SELECT viewer_may_operate()) AND organization_id = (SELECT viewer_organization_id()));
GRANT SELECT,
  INSERT (organization_id, origin, name, condition, summary, severity, for_seconds, channels, is_enabled),
  UPDATE (name, condition, summary, severity, for_seconds, channels, is_enabled)
ON alert_rules TO scoregraph_api;

-- An alert that has fired can be taken note of, by oneself.
CREATE POLICY viewer_updates ON alerts FOR UPDATE TO scoregraph_api
  USING ((SELECT viewer_may_operate()) AND (organization_id IS NULL OR organization_id = (SELECT viewer_organization_id())))
  WITH CHECK ((SELECT viewer_may_operate()) AND fired_at IS NOT NULL
    AND acknowledged_by IS NOT DISTINCT FROM (SELECT viewer_user_id()));
GRANT SELECT, UPDATE (acknowledged_at, acknowledged_by, silenced_until) ON alerts TO scoregraph_api;

-- `alerts` is told whenever one comes, goes or is taken note of, and when a rule is written; that one was judged is not told.
CREATE TRIGGER alerts_told AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON alerts
  FOR EACH STATEMENT EXECUTE FUNCTION tell_that(alerts);
CREATE TRIGGER alert_rules_told AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE
  OF origin, name, condition, summary, severity, for_seconds, channels, is_enabled, removed_at ON alert_rules
  FOR EACH STATEMENT EXECUTE FUNCTION tell_that(alerts);

-- When a worker's last tick that failed ended: errors of the last minutes are counted by it.
ALTER TABLE jobs.workers ADD COLUMN last_failed_tick_at timestamptz;
CREATE OR REPLACE VIEW worker_processes WITH (security_barrier = true) AS
SELECT * FROM jobs.workers
WHERE (SELECT viewer_may_operate()) AND (SELECT viewer_organization_id()) IS NOT NULL;

-- For what is measured of exports every few seconds.
CREATE INDEX exports_by_finish ON exports (finished_at);

INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES ('alerts:notify', 'ALERT_NOTICE', 'notify', false);
