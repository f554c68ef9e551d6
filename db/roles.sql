-- The three roles of Scoregraph, made once per cluster by whoever migrates (a superuser, or a role with CREATEROLE).
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['scoregraph_owner', 'scoregraph_api', 'scoregraph_worker'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- made meanwhile for another database of the cluster
      END;
    END IF;
    IF name <> current_user AND NOT pg_has_role(current_user, name, 'SET') THEN
      EXECUTE format('GRANT %I TO CURRENT_USER WITH SET TRUE', name);
    END IF;
  END LOOP;
END $$;
-- A worker reads for a file what its requester may see, as the API does. Without being asked to, it has none of those rights.
DO $$
BEGIN
  IF NOT pg_has_role('scoregraph_worker', 'scoregraph_api', 'SET') THEN
    GRANT scoregraph_api TO scoregraph_worker WITH INHERIT FALSE, SET TRUE;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'Exports need this of somebody who may: GRANT scoregraph_api TO scoregraph_worker WITH INHERIT FALSE, SET TRUE';
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO scoregraph_owner;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO scoregraph_owner', current_database()); END $$;
