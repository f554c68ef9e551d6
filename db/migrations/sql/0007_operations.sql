-- What those who operate the platform see of jobs and workers, and may ask for. The tables stay out of the API's reach: it
-- reads them through views that ask for the viewer, and asks for jobs through functions that do.

-- The functions and triggers of the queue find its tables whoever calls them.
DO $$
DECLARE
  called regprocedure;
BEGIN
  FOR called IN SELECT oid FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, public, pg_temp', called);
  END LOOP;
END $$;

CREATE FUNCTION viewer_may_operate() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(viewer_role() = 'ADMIN', false) AND viewer_organization_id() IS NOT NULL;

-- The tasks that there are, by the kind that operators know them by. One that is runnable takes no arguments, and waits once:
-- its name is its queueing lock.
CREATE TABLE jobs.kinds (
  task text PRIMARY KEY,
  kind text NOT NULL,
  queue text NOT NULL,
  is_runnable boolean NOT NULL
);
CREATE UNIQUE INDEX kinds_runnable ON jobs.kinds (kind) WHERE is_runnable;
INSERT INTO jobs.kinds (task, kind, queue, is_runnable) VALUES
  ('exports:make', 'EXPORT', 'exports', false),
  ('exports:expire', 'REPORT_CLEANUP', 'exports', true),
  ('refresh:all', 'HOURLY_AGGREGATION', 'refresh', true),
  ('refresh:views', 'VIEW_REFRESH', 'refresh', false),
  ('maintenance:clean_up', 'DATA_CLEANUP', 'maintenance', true),
  ('maintenance:unpark', 'UNPARKING', 'maintenance', true);

-- Why the last try of a job failed, in words that hold no secret, no SQL and nothing of the job's arguments.
CREATE TABLE jobs.failures (
  job_id bigint PRIMARY KEY REFERENCES jobs.procrastinate_jobs ON DELETE CASCADE,
  error text NOT NULL CHECK (length(error) <= 500),
  failed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Worker processes. A tick is one round of refreshing the materialized views; those that do not refresh have none.
CREATE TABLE jobs.workers (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  queues text[] NOT NULL,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  interval_seconds double precision,
  ticks bigint NOT NULL DEFAULT 0,
  failed_ticks bigint NOT NULL DEFAULT 0,
  is_failing boolean NOT NULL DEFAULT false,
  last_tick_at timestamptz,
  last_tick_seconds double precision
);

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['kinds', 'failures', 'workers'] LOOP
    EXECUTE format('ALTER TABLE jobs.%I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE jobs.%I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON jobs.%I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
  END LOOP;
END $$;
GRANT SELECT ON jobs.kinds TO scoregraph_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs.failures, jobs.workers TO scoregraph_worker;

-- Jobs as operators see them: never their arguments, but for the organization that they name, whose own affair they are.
CREATE VIEW jobs.runs AS
SELECT j.id, coalesce(k.kind, 'OTHER') AS kind, j.task_name::text AS task, j.queue_name::text AS queue,
  CASE j.status WHEN 'todo' THEN 'QUEUED' WHEN 'doing' THEN 'RUNNING' WHEN 'succeeded' THEN 'SUCCEEDED'
    WHEN 'failed' THEN 'FAILED' ELSE 'CANCELLED' END AS status,
  e.tries, e.queued_at, e.started_at,
  CASE WHEN j.status IN ('succeeded', 'failed', 'cancelled', 'aborted') THEN e.finished_at END AS finished_at,
  CASE WHEN j.status <> 'succeeded' THEN f.error END AS error,
  CASE WHEN jsonb_typeof(j.args -> 'organization_id') = 'number' THEN (j.args ->> 'organization_id')::bigint END AS organization_id
FROM jobs.procrastinate_jobs j
LEFT JOIN jobs.kinds k ON k.task = j.task_name
LEFT JOIN jobs.failures f ON f.job_id = j.id
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE type = 'started') AS tries,
    min(at) FILTER (WHERE type = 'deferred') AS queued_at,
    max(at) FILTER (WHERE type = 'started') AS started_at,
    max(at) FILTER (WHERE type IN ('succeeded', 'failed', 'cancelled', 'aborted')) AS finished_at
  FROM jobs.procrastinate_events WHERE job_id = j.id
) AS e;
GRANT SELECT ON jobs.runs TO scoregraph_worker;

CREATE VIEW job_runs WITH (security_barrier = true) AS
SELECT * FROM jobs.runs
WHERE (SELECT viewer_may_operate()) AND (organization_id IS NULL OR organization_id = (SELECT viewer_organization_id()));

CREATE VIEW worker_processes WITH (security_barrier = true) AS
SELECT * FROM jobs.workers
WHERE (SELECT viewer_may_operate()) AND (SELECT viewer_organization_id()) IS NOT NULL;

GRANT SELECT ON job_runs, worker_processes TO scoregraph_api;

-- Asks for a job that waits once: where one waits already, that is the one. Gives its id.
CREATE FUNCTION jobs.ask_once(queue text, task text, args jsonb, queueing_lock text) RETURNS bigint
LANGUAGE plpgsql SET search_path = jobs, public, pg_temp AS $$
DECLARE
  asked bigint;
BEGIN
  LOOP
    asked := enqueue_job(queue, task, args, queueing_lock);
    EXIT WHEN asked IS NOT NULL;
    SELECT id INTO asked FROM procrastinate_jobs j WHERE j.queueing_lock = ask_once.queueing_lock AND j.status = 'todo';
    -- It may have begun meanwhile; then it will not do.
    EXIT WHEN asked IS NOT NULL;
  END LOOP;
  RETURN asked;
END $$;

-- Runs the task of a kind soon. Gives the job's id.
CREATE FUNCTION run_job(wanted text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, public, pg_temp AS $$
DECLARE
  known jobs.kinds;
BEGIN
  IF NOT viewer_may_operate() THEN
    RAISE EXCEPTION 'this is for those who operate the platform' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT * INTO known FROM jobs.kinds WHERE kind = wanted AND is_runnable;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no job "%" to run', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN jobs.ask_once(known.queue, known.task, '{}', known.task);
END $$;

-- Refreshes materialized views soon, due or not. Gives the job's id.
CREATE FUNCTION request_refresh(names text[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, public, pg_temp AS $$
DECLARE
  wanted text[] := ARRAY(SELECT DISTINCT name FROM unnest(names) AS name ORDER BY name);
BEGIN
  IF NOT viewer_may_operate() THEN
    RAISE EXCEPTION 'this is for those who operate the platform' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF cardinality(wanted) = 0 OR EXISTS (SELECT FROM unnest(wanted) AS name WHERE name IS NULL OR name NOT IN (SELECT v.name FROM view_refreshes v)) THEN
    RAISE EXCEPTION 'these are no materialized views' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  RETURN jobs.ask_once('refresh', 'refresh:views', jsonb_build_object('names', wanted), 'refresh:views ' || array_to_string(wanted, ' '));
END $$;

-- Puts the jobs of workers that have been silent for so long back into their queues, whoever else does the same. One that has
-- cost as many workers as it may have tries fails; so does one that another job like it waits behind.
CREATE FUNCTION jobs.recover_stalled(silent_seconds double precision, most_tries integer)
RETURNS TABLE (job_id bigint, job_task text, is_retried boolean)
LANGUAGE plpgsql SET search_path = jobs, public, pg_temp AS $$
DECLARE
  reason text;
BEGIN
  FOR job_id, job_task IN
    SELECT j.id, j.task_name FROM procrastinate_jobs j
    WHERE j.status = 'doing' AND NOT EXISTS (
      SELECT FROM procrastinate_workers w
      WHERE w.id = j.worker_id AND w.last_heartbeat >= now() - make_interval(secs => silent_seconds))
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
  LOOP
    reason := 'The worker was lost.';
    is_retried := (SELECT r.tries < most_tries FROM jobs.runs r WHERE r.id = job_id);
    IF NOT is_retried THEN
      reason := 'The worker was lost at every try.';
    ELSE
      BEGIN
        PERFORM procrastinate_retry_job_v2(job_id, NULL, NULL, NULL, NULL);
      EXCEPTION WHEN unique_violation THEN
        reason := 'The worker was lost; another job like it waits already.';
        is_retried := false;
      END;
    END IF;
    IF NOT is_retried THEN
      PERFORM procrastinate_finish_job_v1(job_id, 'failed', false);
    END IF;
    INSERT INTO failures AS f (job_id, error) VALUES (recover_stalled.job_id, reason)
    ON CONFLICT ON CONSTRAINT failures_pkey DO UPDATE SET error = excluded.error, failed_at = clock_timestamp();
    RETURN NEXT;
  END LOOP;
END $$;

REVOKE EXECUTE ON FUNCTION viewer_may_operate, jobs.ask_once, run_job, request_refresh, jobs.recover_stalled FROM PUBLIC;
GRANT EXECUTE ON FUNCTION viewer_may_operate, run_job, request_refresh TO scoregraph_api, scoregraph_worker;
GRANT EXECUTE ON FUNCTION jobs.ask_once, jobs.recover_stalled TO scoregraph_worker;
