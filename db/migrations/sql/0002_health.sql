-- How the database is doing, for a gateway before it is known who asks: no rows of anybody, only how many and how old.
-- Pending changes are counted up to a hundred thousand; more are as bad.
CREATE FUNCTION database_health(
  OUT revision text, OUT pending_changes bigint, OUT views jsonb
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT
    (SELECT version_num FROM alembic_version),
    (SELECT count(*) FROM (SELECT FROM attempt_deltas LIMIT 100000) AS pending),
    (SELECT jsonb_agg(jsonb_build_object(
        'name', name,
        'lag_seconds', extract(epoch FROM clock_timestamp() - greatest(refreshed_at, checked_at)),
        'is_failing', last_error IS NOT NULL) ORDER BY name)
      FROM view_refreshes)
$$;
REVOKE ALL ON FUNCTION database_health FROM PUBLIC;
GRANT EXECUTE ON FUNCTION database_health TO scoregraph_api, scoregraph_worker;
