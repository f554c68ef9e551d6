-- What a snapshot knows of its organization from the start: the zone that its days are cut in, and whether no change waits to
-- be folded; then its rollups are exact by themselves, and what is read through the live views can be read from the tables.
-- Runs as the owner, before the viewer is set; it tells no more than that.
CREATE FUNCTION organization_now(of_organization_id bigint, OUT time_zone text, OUT is_settled boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT o.time_zone, NOT EXISTS (SELECT FROM attempt_deltas d WHERE d.organization_id = o.id)
  FROM organizations o WHERE o.id = of_organization_id
$$;
REVOKE ALL ON FUNCTION organization_now FROM PUBLIC;
GRANT EXECUTE ON FUNCTION organization_now TO scoregraph_api, scoregraph_worker;
