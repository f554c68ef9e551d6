-- Exports: what was asked for, by whom, and what became of it. The rows are the requester's; the worker makes the file as them.
CREATE TABLE exports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  -- Who asked: the person (null for who is none), and what their token claimed.
  requested_by bigint,
  subject text NOT NULL,
  role text NOT NULL,
  claimed_groups text[],
  kind text NOT NULL,
  format text NOT NULL,
  -- How a CSV is written; null for other formats.
  dialect text,
  parameters jsonb NOT NULL,
  -- Whom or what it is about, where that is one group or one person.
  group_id bigint,
  user_id bigint,
  idempotency_key text CHECK (length(idempotency_key) BETWEEN 1 AND 200),
  body jsonb NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When it was requested, or tried again by its requester: what the hourly limit counts.
  queued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  status text NOT NULL DEFAULT 'PENDING'
    CHECK (status IN ('PENDING', 'PROCESSING', 'READY', 'FAILED', 'CANCELLED', 'EXPIRED')),
  tries integer NOT NULL DEFAULT 0,
  -- Names the run that holds it: only that one may say how it goes on. Its files are in the folder of that name.
  run text,
  started_at timestamptz,
  progress real CHECK (progress BETWEEN 0 AND 1),
  finished_at timestamptz,
  failure_code text CHECK (failure_code IN ('TOO_LARGE', 'TIMEOUT', 'PERMISSION_REVOKED', 'STORAGE', 'INTERNAL')),
  failure_message text,
  file_name text,
  as_of timestamptz,
  row_count bigint,
  byte_size bigint,
  sha256 text,
  neutralized integer,
  truncated integer,
  -- What the file says of itself, with its size and hash.
  manifest jsonb,
  -- The groups whose rows it shows because the requester led them. Who does not lead them all any more may not have it.
  reads_groups bigint[] NOT NULL DEFAULT '{}',
  expires_at timestamptz,
  -- Links to the file are signed with it: no gateway has to share a secret with another, and they end with the row.
  link_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
  CHECK ((status = 'FAILED') = (failure_code IS NOT NULL AND failure_message IS NOT NULL)),
  CHECK (status NOT IN ('READY', 'EXPIRED') OR num_nulls(file_name, as_of, row_count, byte_size, sha256, manifest, expires_at) = 0),
  FOREIGN KEY (organization_id, requested_by) REFERENCES users (organization_id, id),
  FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
  CONSTRAINT exports_by_key UNIQUE (organization_id, subject, idempotency_key)
);
CREATE INDEX exports_by_requester ON exports (organization_id, requested_by, id);
CREATE INDEX exports_by_subject ON exports (organization_id, subject, queued_at);
CREATE INDEX exports_unfinished ON exports (organization_id, status) WHERE status IN ('PENDING', 'PROCESSING');
CREATE INDEX exports_by_expiry ON exports (expires_at) WHERE status = 'READY';
CREATE INDEX exports_by_group ON exports (group_id, queued_at) WHERE group_id IS NOT NULL;
CREATE INDEX exports_over ON exports (finished_at) WHERE status IN ('FAILED', 'CANCELLED', 'EXPIRED');
CREATE INDEX exports_by_hash ON exports (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX exports_by_user ON exports (user_id) WHERE user_id IS NOT NULL;

-- Whether the viewer may have what was made as a requester of this role, of these led groups and this person (null: none).
CREATE FUNCTION viewer_may_read_export(made_as text, reads_groups bigint[], about_user_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT viewer_sees_all() OR (
    made_as NOT IN ('MANAGER', 'ADMIN', 'SERVICE')
    AND reads_groups <@ ARRAY(SELECT viewer_group_ids())
    AND (about_user_id IS NULL OR about_user_id IN (SELECT viewer_people()))
  )
$$;
REVOKE ALL ON FUNCTION viewer_may_read_export FROM PUBLIC;
GRANT EXECUTE ON FUNCTION viewer_may_read_export TO scoregraph_api, scoregraph_worker;

ALTER TABLE exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE exports FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker ON exports TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
-- One's own; a service that is no person has those of its role. An administrator sees all of the organization.
CREATE POLICY viewer_reads ON exports FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_role()) = 'ADMIN'
    OR requested_by = (SELECT viewer_user_id())
    OR (requested_by IS NULL AND (SELECT viewer_user_id()) IS NULL AND role = (SELECT viewer_role()))));
CREATE POLICY viewer_inserts ON exports FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND role = (SELECT viewer_role())
  AND requested_by IS NOT DISTINCT FROM (SELECT viewer_user_id()));
-- To be cancelled or tried again; how it goes on is the worker's to say.
CREATE POLICY viewer_updates ON exports FOR UPDATE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_role()) = 'ADMIN'
    OR requested_by = (SELECT viewer_user_id())
    OR (requested_by IS NULL AND (SELECT viewer_user_id()) IS NULL AND role = (SELECT viewer_role()))))
  WITH CHECK (organization_id = (SELECT viewer_organization_id()) AND status IN ('PENDING', 'CANCELLED'));
GRANT SELECT,
  INSERT (organization_id, requested_by, subject, role, claimed_groups, kind, format, dialect, parameters, group_id,
    user_id, idempotency_key, body),
  UPDATE (status, queued_at, tries, run, started_at, progress, finished_at, failure_code, failure_message)
ON exports TO scoregraph_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON exports TO scoregraph_worker;

-- How much of the hourly limit of a group is used up, by whomever, and when there is room again: what row security hides is
-- counted, and nothing else of it told. Requests about one group come one after the other, so that each counts those before it.
CREATE FUNCTION group_export_usage(about_group_id bigint, hourly_limit integer, OUT used bigint, OUT retry_at timestamptz, OUT resets_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('scoregraph.exports of group ' || about_group_id, 0));
  SELECT count(*), (array_agg(queued_at ORDER BY queued_at DESC))[hourly_limit] + interval '1 hour', min(queued_at) + interval '1 hour'
  INTO used, retry_at, resets_at
  FROM exports
  WHERE organization_id = viewer_organization_id() AND group_id = about_group_id
    AND (viewer_sees_all() OR about_group_id IN (SELECT viewer_group_ids()))
    AND queued_at > clock_timestamp() - interval '1 hour'
    AND (failure_code IS NULL OR failure_code NOT IN ('INTERNAL', 'STORAGE', 'TIMEOUT'));
END $$;
REVOKE ALL ON FUNCTION group_export_usage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION group_export_usage TO scoregraph_api;

-- The job is asked for in the transaction that asks for the export.
CREATE FUNCTION make_export() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM enqueue_job('exports', 'exports:make', jsonb_build_object('export_id', NEW.id, 'organization_id', NEW.organization_id));
  RETURN NULL;
END $$;
CREATE TRIGGER exports_queued AFTER INSERT OR UPDATE OF queued_at ON exports
  FOR EACH ROW EXECUTE FUNCTION make_export();

-- Tells `export:7` and `exports:1` of an organization, and nothing else: no other answer shows anything of an export, and how
-- one goes on is told every second.
CREATE FUNCTION tell_export() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  told exports;
BEGIN
  IF TG_OP = 'DELETE' THEN told := OLD; ELSE told := NEW; END IF;
  PERFORM pg_notify('scoregraph_changes', format('export:%s exports:%s', told.id, told.organization_id));
  RETURN NULL;
END $$;
CREATE TRIGGER exports_changed_told AFTER INSERT OR UPDATE OR DELETE ON exports
  FOR EACH ROW EXECUTE FUNCTION tell_export();
CREATE TRIGGER exports_truncated_told AFTER TRUNCATE ON exports
  FOR EACH STATEMENT EXECUTE FUNCTION tell_that('*');
REVOKE ALL ON FUNCTION make_export, tell_export FROM PUBLIC;
