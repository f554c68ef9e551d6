-- The audit trail: who changed, asked for and fetched what. Each entry is written in the transaction of its effect, is never
-- changed, and goes only when it is old enough. Names and contents are not kept here, only ids.
CREATE TABLE audit_entries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null for what an operator did by a command.
  organization_id bigint REFERENCES organizations,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Whom the token names (or the command), the person if it is one, and as what they acted.
  actor text NOT NULL CHECK (length(actor) BETWEEN 1 AND 200),
  user_id bigint,
  role text NOT NULL,
  action text NOT NULL CHECK (length(action) BETWEEN 1 AND 100),
  -- What it was done to: the type that the graph knows it by, and the ids of the rows.
  object_type text CHECK (length(object_type) BETWEEN 1 AND 100),
  object_ids bigint[] NOT NULL DEFAULT '{}',
  details jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(details::text) <= 4096),
  request_id text CHECK (length(request_id) <= 100)
);
CREATE INDEX audit_entries_by_organization ON audit_entries (organization_id, id);
CREATE INDEX audit_entries_by_age ON audit_entries USING brin (at);

ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker_read ON audit_entries FOR SELECT TO scoregraph_owner, scoregraph_worker USING (true);
CREATE POLICY worker_inserts ON audit_entries FOR INSERT TO scoregraph_worker WITH CHECK (true);
CREATE POLICY owner_expires ON audit_entries FOR DELETE TO scoregraph_owner USING (true);
CREATE POLICY viewer_reads ON audit_entries FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) IN ('MANAGER', 'ADMIN'));
-- Everybody leaves a trace, in their own name.
CREATE POLICY viewer_inserts ON audit_entries FOR INSERT TO scoregraph_api WITH CHECK (
  organization_id = (SELECT viewer_organization_id()) AND role = (SELECT viewer_role())
  AND user_id IS NOT DISTINCT FROM (SELECT viewer_user_id()));
GRANT SELECT, INSERT (organization_id, actor, user_id, role, action, object_type, object_ids, details, request_id)
ON audit_entries TO scoregraph_api, scoregraph_worker;

-- Whoever it is, a superuser too.
CREATE FUNCTION refuse_to_rewrite() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'entries of the audit trail are never changed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE OR TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite();

-- Forgets entries that are older than so many days, one at least: nobody hides what they have just done. Gives how many.
CREATE FUNCTION expire_audit_entries(days integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  expired bigint;
BEGIN
  IF days >= 1 IS NOT TRUE THEN
    RAISE EXCEPTION 'entries of the audit trail are kept for a day at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM audit_entries WHERE at < now() - make_interval(days => days);
  GET DIAGNOSTICS expired = ROW_COUNT;
  RETURN expired;
END $$;

REVOKE EXECUTE ON FUNCTION refuse_to_rewrite, expire_audit_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expire_audit_entries TO scoregraph_worker;
