-- Whether no change of an organization waits to be folded: then its rollups are exact by themselves, and what is read through
-- the live views can be read from the tables. Runs as the owner, before the viewer is set; it tells no more than that.
CREATE FUNCTION is_settled(of_organization_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT NOT EXISTS (SELECT FROM attempt_deltas d WHERE d.organization_id = of_organization_id)
$$;
REVOKE ALL ON FUNCTION is_settled FROM PUBLIC;
GRANT EXECUTE ON FUNCTION is_settled TO scoregraph_api, scoregraph_worker;
