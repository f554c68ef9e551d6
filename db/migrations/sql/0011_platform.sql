-- What happens on the platform: what people did there (user events), and how its services fare (samples, and requests by the
-- minute). All three are partitioned by time: what is too old is dropped with its partition. A row for whose time there is no
-- partition yet goes to the default one, and is moved when its partition is made.

-- What somebody did, as a service told it. `metadata` holds nothing that names a person: such keys are dropped before.
CREATE SEQUENCE user_events_id_seq;
CREATE TABLE user_events (
  id bigint NOT NULL DEFAULT nextval('user_events_id_seq'),
  organization_id bigint NOT NULL REFERENCES organizations,
  -- Null for what nobody in particular did, or somebody who was not signed in.
  user_id bigint,
  event_type text NOT NULL CHECK (event_type ~ '^[A-Za-z][A-Za-z0-9_.:-]{0,99}$'),
  metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  -- The id that its source knows it by, if any: the same one is taken once (see user_event_ids).
  source_id text CHECK (length(source_id) BETWEEN 1 AND 200),
  origin text NOT NULL DEFAULT 'API' CHECK (length(origin) BETWEEN 1 AND 50),
  occurred_at timestamptz NOT NULL CHECK (isfinite(occurred_at)),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (id, occurred_at),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
) PARTITION BY RANGE (occurred_at);
ALTER SEQUENCE user_events_id_seq OWNED BY user_events.id;
CREATE INDEX user_events_by_time ON user_events (organization_id, occurred_at, id);
CREATE INDEX user_events_by_type ON user_events (organization_id, event_type, occurred_at) INCLUDE (user_id);
CREATE INDEX user_events_by_user ON user_events (organization_id, user_id, occurred_at);

-- The ids that sources gave: one for an organization, whatever time comes with it. (An index of a partitioned table holds no
-- more than what is the same within a partition.)
CREATE TABLE user_event_ids (
  organization_id bigint NOT NULL REFERENCES organizations,
  source_id text NOT NULL,
  event_id bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, source_id)
);
CREATE INDEX user_event_ids_by_age ON user_event_ids (occurred_at);

-- Samples of services: a number at an instant. Without organization: of the platform itself.
CREATE TABLE system_metrics (
  organization_id bigint REFERENCES organizations,
  service_name text NOT NULL CHECK (length(service_name) BETWEEN 1 AND 100),
  metric_name text NOT NULL CHECK (length(metric_name) BETWEEN 1 AND 100),
  value double precision NOT NULL CHECK (value > '-Infinity' AND value < 'Infinity'),
  tags jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tags) = 'object'),
  at timestamptz NOT NULL CHECK (isfinite(at))
) PARTITION BY RANGE (at);
CREATE INDEX system_metrics_by_metric ON system_metrics (organization_id, metric_name, at) INCLUDE (service_name, value);
CREATE INDEX system_metrics_by_service ON system_metrics (organization_id, service_name, at);

-- Requests that services answered, added up: those of `seconds` seconds from `at`. Rows are only added, by whoever counts, and
-- are put together when they are older. How long requests took is a histogram: `counts` of those in `buckets`, where bucket b
-- holds (1.1^(b-1), 1.1^b] milliseconds.
CREATE TABLE api_metrics (
  organization_id bigint REFERENCES organizations,
  service_name text NOT NULL CHECK (length(service_name) BETWEEN 1 AND 100),
  endpoint text NOT NULL CHECK (length(endpoint) BETWEEN 1 AND 255),
  method text NOT NULL CHECK (length(method) BETWEEN 1 AND 20),
  status_code smallint NOT NULL CHECK (status_code BETWEEN 100 AND 599),
  requests bigint NOT NULL CHECK (requests > 0),
  total_microseconds bigint NOT NULL CHECK (total_microseconds >= 0),
  buckets smallint[] NOT NULL,
  counts bigint[] NOT NULL,
  -- Of the requests of whose answers the size is known.
  payloads bigint NOT NULL DEFAULT 0 CHECK (payloads BETWEEN 0 AND requests),
  payload_bytes bigint NOT NULL DEFAULT 0 CHECK (payload_bytes >= 0),
  seconds integer NOT NULL DEFAULT 60 CHECK (seconds > 0),
  at timestamptz NOT NULL CHECK (isfinite(at)),
  CHECK (cardinality(buckets) = cardinality(counts))
) PARTITION BY RANGE (at);
CREATE INDEX api_metrics_by_time ON api_metrics (organization_id, at);
CREATE INDEX api_metrics_by_service ON api_metrics (organization_id, service_name, at);
CREATE INDEX api_metrics_of_minutes ON api_metrics (at) WHERE seconds = 60;

CREATE TABLE user_events_default PARTITION OF user_events DEFAULT;
CREATE TABLE system_metrics_default PARTITION OF system_metrics DEFAULT;
CREATE TABLE api_metrics_default PARTITION OF api_metrics DEFAULT;

DO $$
DECLARE
  relation text;
BEGIN
  -- Partitions are reached by their tables alone: nobody has a policy or a right of their own there, but for the owner, who looks
  -- into the default ones for what waits.
  FOREACH relation IN ARRAY ARRAY['user_events', 'user_event_ids', 'system_metrics', 'api_metrics',
    'user_events_default', 'system_metrics_default', 'api_metrics_default'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
  END LOOP;
  FOREACH relation IN ARRAY ARRAY['user_events_default', 'system_metrics_default', 'api_metrics_default'] LOOP
    EXECUTE format('CREATE POLICY owner ON %I TO scoregraph_owner USING (true) WITH CHECK (true)', relation);
  END LOOP;
  FOREACH relation IN ARRAY ARRAY['user_events', 'user_event_ids', 'system_metrics', 'api_metrics'] LOOP
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    EXECUTE format(
      'CREATE POLICY viewer_inserts ON %I FOR INSERT TO scoregraph_api'
      ' WITH CHECK (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()))', relation);
    EXECUTE format('GRANT SELECT, INSERT ON %I TO scoregraph_api', relation);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
  -- What everybody in the organization did, and how its services fare.
  FOREACH relation IN ARRAY ARRAY['user_events', 'user_event_ids', 'system_metrics', 'api_metrics'] LOOP
    EXECUTE format('CREATE POLICY viewer_reads ON %I FOR SELECT TO scoregraph_api'
      ' USING (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all()))', relation);
  END LOOP;
  -- How the platform fares is for those who operate it; it says so itself, in nobody's name.
  FOREACH relation IN ARRAY ARRAY['system_metrics', 'api_metrics'] LOOP
    EXECUTE format('CREATE POLICY operator_reads ON %I FOR SELECT TO scoregraph_api'
      ' USING (organization_id IS NULL AND (SELECT viewer_may_operate()))', relation);
    EXECUTE format('CREATE POLICY platform_inserts ON %I FOR INSERT TO scoregraph_api'
      ' WITH CHECK (organization_id IS NULL AND (SELECT viewer_organization_id()) IS NULL)', relation);
  END LOOP;
END $$;
GRANT USAGE ON SEQUENCE user_events_id_seq TO scoregraph_api, scoregraph_worker;

-- Makes a partition for now, for what comes next, or for what waits in the default one; or drops one that is older than the
-- retention: one change at a time (MADE or DROPPED), to be called again until there is none, so that its locks are soon given
-- back. UTC months hold events, weeks hold metrics. Nobody waits for it longer than its lock_timeout: what cannot be had by then
-- is left for another time (BUSY).
CREATE FUNCTION tend_partitions(retention_days integer) RETURNS TABLE (name text, change text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '500ms' AS $$
DECLARE
  parent text;
  clock text;
  unit text;
  step interval;
  oldest timestamptz := now() - make_interval(days => retention_days);
  beginning timestamptz;
BEGIN
  FOR parent, clock, unit IN VALUES ('user_events', 'occurred_at', 'month'), ('system_metrics', 'at', 'week'), ('api_metrics', 'at', 'week') LOOP
    step := ('1 ' || unit)::interval;
    FOR beginning IN EXECUTE format(
      'SELECT date_trunc(%1$L, now()) + n * %2$L::interval FROM generate_series(0, 1) AS n UNION'
      ' SELECT DISTINCT date_trunc(%1$L, %3$I) FROM %4$I WHERE %3$I >= %5$L ORDER BY 1',
      unit, step, clock, parent || '_default', oldest)
    LOOP
      name := format('%s_%s', parent, to_char(beginning, 'YYYYMMDD'));
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      change := 'MADE';
      BEGIN
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || '_default');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
        EXECUTE format('WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO %5$I SELECT * FROM moved',
          parent, clock, beginning, beginning + step, name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, beginning, beginning + step);
      EXCEPTION WHEN lock_not_available OR deadlock_detected OR duplicate_table THEN
        change := 'BUSY';
      END;
      RETURN NEXT;
      IF change <> 'BUSY' THEN RETURN; END IF;
    END LOOP;
    FOR name, beginning IN
      SELECT c.relname, to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = parent::regclass AND c.relname ~ '_[0-9]{8}$' ORDER BY 1
    LOOP
      CONTINUE WHEN beginning + step > oldest;
      change := 'DROPPED';
      BEGIN
        EXECUTE format('DROP TABLE %I', name);
      EXCEPTION WHEN lock_not_available OR deadlock_detected OR undefined_table THEN
        change := 'BUSY';
      END;
      RETURN NEXT;
      IF change <> 'BUSY' THEN RETURN; END IF;
    END LOOP;
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION tend_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tend_partitions TO scoregraph_worker;
DO $$
BEGIN
  WHILE EXISTS (SELECT FROM tend_partitions(90) WHERE change = 'MADE') LOOP END LOOP;
END $$;

INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES ('platform:tend', 'RETENTION', 'maintenance', true);
