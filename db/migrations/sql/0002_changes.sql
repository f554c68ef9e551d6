-- Whatever changes what answers say is told as part of the commit, whoever changes it and however. Listeners hear of it once
-- it can be read, and of nothing that was rolled back. What is told are tags:
--   org:1         anything in the organization; always told       all:1     too much to say: everything in the organization
--   user:7        the person, what they did, where they belong    group:3   the group, its people (ever), what they did
--   lab:9         the lab, and what was done in it                roster:1  people, groups or memberships
--   catalogue:1   labs, topics or levels                          views     a materialized view
--   documents     registered documents                            *         anything
-- Rollups and pending deltas are not told: what moves from one to the other changes no answer.

-- Tells of people, with all groups that they are or were in, and what else there is to tell. A payload has at most 8,000
-- bytes and a tag at most 30, so they go by the 250.
CREATE FUNCTION tell(organization_id bigint, user_ids bigint[], tags text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF cardinality(user_ids) > 1000 OR cardinality(tags) > 1000 THEN
    tags := ARRAY['all:' || organization_id];
  ELSE
    tags := tags || ARRAY(SELECT 'user:' || id FROM unnest(user_ids) AS id)
      || ARRAY(SELECT DISTINCT 'group:' || m.group_id FROM group_memberships m WHERE m.user_id = ANY (user_ids));
  END IF;
  FOR part IN 0 .. cardinality(tags) / 250 LOOP
    PERFORM pg_notify('scoregraph_changes',
      concat_ws(' ', 'org:' || organization_id, array_to_string(tags[part * 250 + 1:(part + 1) * 250], ' ')));
  END LOOP;
END $$;

CREATE FUNCTION tell_attempts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM tell(organization_id, array_agg(DISTINCT user_id), array_agg(DISTINCT 'lab:' || lab_id))
    FROM new_rows GROUP BY organization_id;
  ELSIF TG_OP = 'UPDATE' THEN
    PERFORM tell(organization_id, array_agg(DISTINCT user_id), array_agg(DISTINCT 'lab:' || lab_id))
    FROM (
      SELECT organization_id, user_id, lab_id FROM new_rows UNION ALL SELECT organization_id, user_id, lab_id FROM old_rows
    ) AS r GROUP BY organization_id;
  ELSE
    PERFORM tell(organization_id, array_agg(DISTINCT user_id), array_agg(DISTINCT 'lab:' || lab_id))
    FROM old_rows GROUP BY organization_id;
  END IF;
  RETURN NULL;
END $$;

-- For tables that change seldom. Arguments: the columns with the organization and with the person ("null" for none), then
-- kinds of tags, each with the column that has its id.
CREATE FUNCTION tell_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  tags text := '';
  changed text := CASE TG_OP
    WHEN 'INSERT' THEN 'TABLE new_rows' WHEN 'DELETE' THEN 'TABLE old_rows' ELSE 'TABLE new_rows UNION ALL TABLE old_rows' END;
BEGIN
  FOR place IN 2 .. TG_NARGS - 1 BY 2 LOOP
    tags := tags || format(' || array_agg(DISTINCT %L || %I)', TG_ARGV[place] || ':', TG_ARGV[place + 1]);
  END LOOP;
  EXECUTE format('SELECT tell(%1$I, array_agg(DISTINCT CAST(%2$s AS bigint)), CAST(''{}'' AS text[])%3$s) FROM (%4$s) AS r GROUP BY %1$I',
    TG_ARGV[0], TG_ARGV[1], tags, changed);
  RETURN NULL;
END $$;

-- Tells its arguments as they are.
CREATE FUNCTION tell_that() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('scoregraph_changes', array_to_string(TG_ARGV, ' '));
  RETURN NULL;
END $$;

DO $$
DECLARE
  relation text;
  teller text;
BEGIN
  FOR relation, teller IN VALUES
    ('attempts', 'tell_attempts()'),
    ('attempt_revisions', 'tell_rows(organization_id, user_id)'),
    ('deadline_extensions', 'tell_rows(organization_id, user_id)'),
    ('parked_attempts', 'tell_rows(organization_id, null)'),
    ('organizations', 'tell_rows(id, null, all, id)'),
    ('users', 'tell_rows(organization_id, id, roster, organization_id)'),
    ('groups', 'tell_rows(organization_id, null, "group", id, roster, organization_id)'),
    ('group_memberships', 'tell_rows(organization_id, user_id, "group", group_id, roster, organization_id)'),
    ('topics', 'tell_rows(organization_id, null, catalogue, organization_id)'),
    ('levels', 'tell_rows(organization_id, null, catalogue, organization_id)'),
    ('labs', 'tell_rows(organization_id, null, lab, id, catalogue, organization_id)'),
    ('lab_topics', 'tell_rows(organization_id, null, lab, lab_id, catalogue, organization_id)'),
    ('assignments', 'tell_rows(organization_id, user_id, lab, lab_id, "group", group_id)'),
    ('trusted_documents', 'tell_that(documents)'),
    ('trusted_document_aliases', 'tell_that(documents)')
  LOOP
    EXECUTE format('CREATE TRIGGER %s_inserted_told AFTER INSERT ON %1$s REFERENCING NEW TABLE AS new_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_updated_told AFTER UPDATE ON %1$s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_deleted_told AFTER DELETE ON %1$s REFERENCING OLD TABLE AS old_rows'
      ' FOR EACH STATEMENT EXECUTE FUNCTION %2$s', relation, teller);
    EXECUTE format('CREATE TRIGGER %s_truncated_told AFTER TRUNCATE ON %1$s'
      ' FOR EACH STATEMENT EXECUTE FUNCTION tell_that(''*'')', relation);
  END LOOP;
END $$;

-- When a view was last looked at, or why it could not be refreshed, is in no answer that is kept.
CREATE TRIGGER view_refreshes_told AFTER INSERT OR DELETE OR UPDATE OF version ON view_refreshes
  FOR EACH STATEMENT EXECUTE FUNCTION tell_that(views);

-- When the next membership in the viewer's organization begins or ends, after the instant of the transaction; null where
-- none will. Until then time alone changes nothing about who belongs where, and who sees whom.
CREATE INDEX group_memberships_by_start ON group_memberships (organization_id, valid_from);
CREATE INDEX group_memberships_by_end ON group_memberships (organization_id, valid_to);
CREATE FUNCTION memberships_hold_until() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT least(
    (SELECT min(valid_from) FROM group_memberships WHERE organization_id = viewer_organization_id() AND valid_from > now()),
    (SELECT min(valid_to) FROM group_memberships WHERE organization_id = viewer_organization_id() AND valid_to > now())
  )
$$;

REVOKE ALL ON FUNCTION tell, tell_attempts, tell_rows, tell_that, memberships_hold_until FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memberships_hold_until TO scoregraph_api, scoregraph_worker;
