-- Events out. What happened is written down in the transaction of its effect; a worker publishes it to the stream in the order
-- of these rows, and forgets it. An organization is not looked up for every row: there is no reference to it.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Null: of the platform.
  organization_id bigint,
  event_id uuid NOT NULL DEFAULT gen_random_uuid(),
  type text NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
  -- What it is about. Events of one subject are published in their order.
  subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 500),
  data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_by_age ON outbox USING brin (at);

-- Where events are posted to. One that is disabled with a reason was disabled by us.
CREATE TABLE webhooks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2000),
  events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 50),
  is_enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Since it last took a message: how many it did not take, since when, and until when it is left alone.
  failures integer NOT NULL DEFAULT 0,
  failing_since timestamptz,
  held_until timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
  CHECK (disabled_at IS NULL OR NOT is_enabled),
  UNIQUE (organization_id, id)
);

-- What messages are signed with. The API writes it and cannot read it.
CREATE TABLE webhook_secrets (
  webhook_id bigint PRIMARY KEY REFERENCES webhooks ON DELETE CASCADE,
  secret text NOT NULL
);

-- A message for one webhook: it waits for `next_try_at` (of one that is being tried, the time when its worker is given up), or is
-- delivered, or has failed for good. What it says is kept only while it waits. A type that webhooks cannot ask for is a test.
CREATE TABLE webhook_deliveries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL,
  webhook_id bigint NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  event_id uuid NOT NULL DEFAULT gen_random_uuid(),
  type text NOT NULL,
  subject text NOT NULL,
  data jsonb,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz DEFAULT clock_timestamp(),
  delivered_at timestamptz,
  failed_at timestamptz,
  -- Of the last answer, as in HTTP; and why the last try failed.
  status integer,
  error text,
  CHECK (num_nonnulls(next_try_at, delivered_at, failed_at) = 1),
  CHECK ((data IS NULL) = (next_try_at IS NULL))
);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries USING brin (at);

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['outbox', 'webhooks', 'webhook_secrets', 'webhook_deliveries'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
END $$;

-- Whoever writes something may tell of it, in their organization.
CREATE POLICY viewer_tells ON outbox FOR INSERT TO scoregraph_api WITH CHECK (organization_id = (SELECT viewer_organization_id()));
GRANT INSERT (organization_id, type, subject, data) ON outbox TO scoregraph_api;

-- Webhooks are for those who operate the platform. How they fare is the worker's to say, but that they are begun with anew.
CREATE POLICY viewer_operates ON webhooks TO scoregraph_api
  USING (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_operate()))
  WITH CHECK (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_operate()));
GRANT SELECT, DELETE, INSERT (organization_id, url, events, is_enabled),
  UPDATE (url, events, is_enabled, failures, failing_since, held_until, disabled_at, disabled_reason) ON webhooks TO scoregraph_api;
CREATE POLICY viewer_reads ON webhook_deliveries FOR SELECT TO scoregraph_api
  USING (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_operate()));
GRANT SELECT ON webhook_deliveries TO scoregraph_api;

-- Keeps what the messages to a webhook of the viewer's are signed with from now on; whether there is such a webhook.
CREATE FUNCTION keep_webhook_secret(id bigint, secret text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT viewer_may_operate() THEN
    RAISE EXCEPTION 'this is for those who operate the platform' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO webhook_secrets AS s (webhook_id, secret)
  SELECT w.id, keep_webhook_secret.secret FROM webhooks w
  WHERE w.id = keep_webhook_secret.id AND w.organization_id = viewer_organization_id()
  ON CONFLICT (webhook_id) DO UPDATE SET secret = excluded.secret;
  RETURN FOUND;
END $$;

-- Has a message posted to a webhook of the viewer's to see whether it arrives. Gives the delivery's id; null where there is no
-- such webhook, or it is disabled.
CREATE FUNCTION test_webhook(id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked bigint;
BEGIN
  IF NOT viewer_may_operate() THEN
    RAISE EXCEPTION 'this is for those who operate the platform' USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE webhooks w SET held_until = NULL
  WHERE w.id = test_webhook.id AND w.organization_id = viewer_organization_id() AND w.is_enabled;
  IF FOUND THEN
    INSERT INTO webhook_deliveries (organization_id, webhook_id, type, subject, data)
    VALUES (viewer_organization_id(), test_webhook.id, 'WebhookTest', 'webhooks/' || test_webhook.id, '{}')
    RETURNING webhook_deliveries.id INTO asked;
  END IF;
  RETURN asked;
END $$;

-- The id of an object in the graph.
CREATE FUNCTION global_id(kind text, key bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN rtrim(translate(encode(convert_to(kind || ':' || key, 'UTF8'), 'base64'), E'+/\n', '-_'), '=');

-- Each event for each webhook that asked for its kind; one of the platform for those of everybody.
CREATE FUNCTION ask_for_deliveries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO webhook_deliveries (organization_id, webhook_id, event_id, type, subject, data, at)
  SELECT organization_id, webhook_id, event_id, type, subject, data, at
  FROM (
    SELECT e.*, w.id AS webhook_id FROM new_rows e
    JOIN webhooks w ON w.organization_id = e.organization_id AND w.is_enabled AND e.type = ANY (w.events)
    UNION ALL
    SELECT e.id, w.organization_id, e.event_id, e.type, e.subject, e.data, e.at, w.id FROM new_rows e
    JOIN webhooks w ON e.organization_id IS NULL AND w.is_enabled AND e.type = ANY (w.events)
  ) AS d
  ORDER BY id;
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_for_webhooks AFTER INSERT ON outbox REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION ask_for_deliveries();

-- Tells that the file of an export can be had, or that there will be none.
CREATE FUNCTION tell_report() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO outbox (organization_id, type, subject, data)
  VALUES (
    NEW.organization_id, CASE NEW.status WHEN 'READY' THEN 'ReportGenerated' ELSE 'ReportFailed' END, 'exports/' || NEW.id,
    jsonb_strip_nulls(jsonb_build_object('exportId', global_id('ExportJob', NEW.id), 'kind', NEW.kind, 'format', NEW.format)
      || CASE NEW.status
        WHEN 'READY' THEN jsonb_build_object('asOf', NEW.as_of, 'rowCount', NEW.row_count, 'byteSize', NEW.byte_size,
          'sha256', NEW.sha256, 'expiresAt', NEW.expires_at)
        ELSE jsonb_build_object('code', NEW.failure_code, 'message', NEW.failure_message) END));
  RETURN NULL;
END $$;
CREATE TRIGGER exports_ended AFTER UPDATE OF status ON exports
  FOR EACH ROW WHEN (NEW.status IN ('READY', 'FAILED') AND NEW.status <> OLD.status) EXECUTE FUNCTION tell_report();

REVOKE EXECUTE ON FUNCTION keep_webhook_secret, test_webhook, global_id, ask_for_deliveries, tell_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_webhook_secret, test_webhook TO scoregraph_api;
GRANT EXECUTE ON FUNCTION global_id TO scoregraph_api, scoregraph_worker;
