-- The materialized views, how fresh each is, and how they are refreshed.
-- `source_version` is the newest fold that a view surely includes.
CREATE TABLE view_refreshes (
  name text PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0,
  refreshed_at timestamptz,
  -- when it was last seen that nothing has changed since the refresh
  checked_at timestamptz,
  source_version bigint NOT NULL DEFAULT 0,
  duration_seconds numeric(12, 6),
  rows bigint NOT NULL DEFAULT 0,
  last_error text,
  failed_at timestamptz,
  -- what the worker saw of the sources before the refresh; while it stays the same there is nothing to refresh
  source_mark text,
  -- a query that finds a row when the view cannot rightly be empty
  source_query text NOT NULL
);

INSERT INTO view_refreshes (name, source_query) VALUES
  ('score_ranks', 'SELECT FROM user_totals WHERE active AND ranking_score IS NOT NULL'),
  ('lab_stats', 'SELECT FROM attempts WHERE status <> ''STARTED'' AND deleted_at IS NULL'),
  ('topic_stats', 'SELECT FROM attempts a JOIN lab_topics USING (lab_id) WHERE a.status <> ''STARTED'' AND a.deleted_at IS NULL'),
  ('level_stats', 'SELECT FROM attempts a JOIN labs l ON l.id = a.lab_id WHERE a.status <> ''STARTED'' AND a.deleted_at IS NULL AND l.level_id IS NOT NULL'),
  ('group_stats', 'SELECT FROM group_memberships m JOIN user_totals t USING (user_id) WHERE m.role = ''MEMBER'' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now()) AND t.active'),
  ('organization_stats', 'SELECT FROM user_totals WHERE active AND attempts > 0'),
  ('score_distribution', 'SELECT FROM user_totals WHERE active AND score IS NOT NULL');

-- Only an owner may refresh, so this runs as the owner; the worker reaches it through refresh_view().
CREATE FUNCTION internal.refresh_as_owner(view_name text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  row_count bigint;
BEGIN
  EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY internal.%I', view_name);
  EXECUTE format('SELECT count(*) FROM internal.%I', view_name) INTO row_count;
  RETURN row_count;
END $$;

-- Refreshes one view without blocking its readers, and notes version, instant and duration. Gives false where another
-- worker is at it. A view that comes out empty though its source is not (seen by the worker, not by the owner whom a
-- missing policy may have blinded) fails and keeps the old contents.
CREATE FUNCTION refresh_view(view_name text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
  view view_refreshes;
  newest bigint;
  row_count bigint;
  has_source boolean;
BEGIN
  SELECT * INTO view FROM view_refreshes WHERE name = view_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no materialized view "%"', view_name USING ERRCODE = 'undefined_table';
  END IF;
  IF NOT pg_try_advisory_xact_lock(hashtext('scoregraph.refresh.' || view_name)) THEN
    RETURN false;
  END IF;
  -- Taken before the refresh: what it includes may be newer, never older.
  SELECT coalesce(max(version), 0) INTO newest FROM user_totals;
  -- Asked before and after: a source that begins or ends while the refresh runs says nothing.
  EXECUTE format('SELECT EXISTS (%s)', view.source_query) INTO has_source;
  row_count := internal.refresh_as_owner(view_name);
  IF row_count = 0 AND has_source THEN
    EXECUTE format('SELECT EXISTS (%s)', view.source_query) INTO has_source;
    IF has_source THEN
      RAISE EXCEPTION 'refreshing "%" would empty it though its source is not empty', view_name
        USING ERRCODE = 'data_exception', HINT = 'Check that the owner''s row security policies are in place.';
    END IF;
  END IF;
  UPDATE view_refreshes SET version = version + 1, refreshed_at = started, source_version = newest,
    duration_seconds = extract(epoch FROM clock_timestamp() - started), rows = row_count,
    last_error = NULL, failed_at = NULL
  WHERE name = view_name;
  RETURN true;
END $$;
