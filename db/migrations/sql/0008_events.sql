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
CREATE INDEX dead_letters_due ON dead_letters (next_try_at) WHERE next_try_at IS NOT NULL;
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
