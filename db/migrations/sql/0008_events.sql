-- Events that were taken, each in the transaction of its effect: one that comes again changes nothing. Kept 30 days.
CREATE TABLE event_inbox (
  organization_id bigint NOT NULL REFERENCES organizations,
  topic text NOT NULL,
  source text NOT NULL,
  event_id text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, topic, source, event_id)
);
CREATE INDEX event_inbox_by_age ON event_inbox USING brin (received_at);

-- What was said last of a thing, part by part: {part: {"order": [version, instant, event], …}}. The newest word wins,
-- whenever it comes, so events may come in any order. What is said of people is not kept here, only when it was.
CREATE TABLE event_registers (
  organization_id bigint NOT NULL REFERENCES organizations,
  entity text NOT NULL,
  said jsonb NOT NULL,
  PRIMARY KEY (organization_id, entity)
);

-- Events that could not be taken. `next_try_at`: it is tried again, or waits behind an earlier one of its person;
-- `failed_at`: it is dead until somebody replays it; `replayed_at`: it was taken after all (the payload is forgotten).
-- Without an organization where nobody could read which one was meant.
CREATE TABLE dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint REFERENCES organizations,
  topic text NOT NULL,
  event_id text,
  event_type text,
  person text,
  payload bytea,
  digest bytea NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  tries integer NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  next_try_at timestamptz,
  failed_at timestamptz,
  replayed_at timestamptz,
  CHECK (num_nonnulls(next_try_at, failed_at, replayed_at) = 1),
  CHECK ((payload IS NULL) = (replayed_at IS NOT NULL))
);
-- The same bytes, delivered again, are the same letter.
CREATE UNIQUE INDEX dead_letters_by_digest ON dead_letters (topic, digest) WHERE replayed_at IS NULL;
CREATE INDEX dead_letters_waiting ON dead_letters (organization_id, person, id) WHERE next_try_at IS NOT NULL;
CREATE INDEX dead_letters_due ON dead_letters (next_try_at, id) WHERE next_try_at IS NOT NULL;
CREATE INDEX dead_letters_failed ON dead_letters (organization_id, id) WHERE failed_at IS NOT NULL;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['event_inbox', 'event_registers', 'dead_letters'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO scoregraph_worker', relation);
  END LOOP;
END $$;

-- Whoever may OPERATE sees what went wrong in their organization.
CREATE POLICY viewer_reads ON dead_letters FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_role()) = 'ADMIN');
GRANT SELECT ON dead_letters TO scoregraph_api;

-- Lets dead letters of the viewer's organization be tried again soon, in their order; gives their ids. Of those named, or, without
-- names, of the oldest that match.
CREATE FUNCTION replay_dead_letters(ids bigint[], wanted_topic text, wanted_code text, most integer) RETURNS SETOF bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT viewer_may_operate() THEN
    RAISE EXCEPTION 'this is for those who operate the platform' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY UPDATE dead_letters SET next_try_at = now(), failed_at = NULL, tries = 0
  WHERE id IN (
    SELECT d.id FROM dead_letters d
    WHERE d.organization_id = viewer_organization_id() AND d.failed_at IS NOT NULL
      AND (ids IS NULL OR d.id = ANY (ids))
      AND (wanted_topic IS NULL OR d.topic = wanted_topic) AND (wanted_code IS NULL OR d.code = wanted_code)
    ORDER BY d.id LIMIT most FOR UPDATE)
  RETURNING id;
END $$;

-- How far workers have come with what a broker brings, as they say every few seconds. A stream of Redis is one partition, and
-- has no offsets. `waiting_since`: when the oldest event came that is not taken yet, where the broker tells.
CREATE TABLE jobs.consumers (
  group_id text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  committed_offset bigint,
  lag bigint NOT NULL,
  pending bigint NOT NULL,
  waiting_since timestamptz,
  last_event_at timestamptz,
  observed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_id, topic, partition)
);
ALTER TABLE jobs.consumers ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs.consumers FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker ON jobs.consumers TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs.consumers TO scoregraph_worker;

CREATE VIEW event_consumers WITH (security_barrier = true) AS
SELECT * FROM jobs.consumers
WHERE (SELECT viewer_may_operate()) AND (SELECT viewer_organization_id()) IS NOT NULL;
GRANT SELECT ON event_consumers TO scoregraph_api;

-- For a gateway's health, before it is known who asks: for how long nobody has listened, and for how long the oldest event waits.
CREATE FUNCTION consumer_health(OUT topic text, OUT silent_seconds float8, OUT waiting_seconds float8) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = jobs, public, pg_temp AS $$
  SELECT c.topic, extract(epoch FROM now() - max(c.observed_at)), coalesce(extract(epoch FROM now() - min(c.waiting_since)), 0)
  FROM consumers c GROUP BY c.topic ORDER BY c.topic
$$;

REVOKE EXECUTE ON FUNCTION replay_dead_letters, consumer_health FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replay_dead_letters TO scoregraph_api;
GRANT EXECUTE ON FUNCTION consumer_health TO scoregraph_api, scoregraph_worker;

-- What is done for each period.
INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES
  ('recount:daily', 'DAILY_AGGREGATION', 'maintenance', true),
  ('recount:weekly', 'WEEKLY_AGGREGATION', 'maintenance', true),
  ('recount:monthly', 'MONTHLY_AGGREGATION', 'maintenance', true),
  ('maintenance:warm', 'CACHE_WARMING', 'maintenance', true);
