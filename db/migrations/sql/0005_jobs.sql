-- Jobs commit with the data that asks for them. Their tables are procrastinate's, in a schema that the API cannot touch: it
-- writes rows of its own, and triggers on those ask for what is to be done.
DO $$
DECLARE
  relation regclass;
BEGIN
  -- Not of the jobs themselves: where there is row security PostgreSQL does not tell which key is there already, and
  -- procrastinate asks for it when a job waits still that is due again. Without that its worker ends.
  FOR relation IN SELECT oid FROM pg_class
    WHERE relnamespace = 'jobs'::regnamespace AND relkind = 'r' AND relname <> 'procrastinate_jobs'
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %s TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
  END LOOP;
END $$;

GRANT USAGE ON SCHEMA jobs TO scoregraph_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO scoregraph_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO scoregraph_worker;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO scoregraph_worker;

-- Asks for a job when the transaction commits; gives its id. Where a job with the same queueing lock waits already, that one
-- will do: NULL. For triggers that run as the owner, and for the worker.
CREATE FUNCTION enqueue_job(queue text, task text, args jsonb, queueing_lock text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, public, pg_temp
AS $$
BEGIN
  RETURN (procrastinate_defer_jobs_v1(
    ARRAY[ROW(queue, task, 0, NULL, queueing_lock, args, NULL)::procrastinate_job_to_defer_v1]
  ))[1];
EXCEPTION WHEN unique_violation THEN
  RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION enqueue_job FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_job TO scoregraph_worker;
