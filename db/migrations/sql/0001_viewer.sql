-- Who is asking. The gateway sets `scoregraph.viewer` once at the start of each transaction; without it there are no rows.
--   {"organization_id": 1, "user_id": 7, "role": "TEACHER", "group_ids": [3, 4]}

CREATE FUNCTION viewer_organization_id() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (nullif(current_setting('scoregraph.viewer', true), '')::jsonb ->> 'organization_id')::bigint;

CREATE FUNCTION viewer_user_id() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (nullif(current_setting('scoregraph.viewer', true), '')::jsonb ->> 'user_id')::bigint;

CREATE FUNCTION viewer_role() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('scoregraph.viewer', true), '')::jsonb ->> 'role';

-- Managers, administrators and services see their whole organization.
CREATE FUNCTION viewer_sees_all() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(viewer_role() IN ('MANAGER', 'ADMIN', 'SERVICE'), false);

CREATE FUNCTION viewer_may_write() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(viewer_role() IN ('ADMIN', 'SERVICE'), false);

-- The groups that the viewer leads.
CREATE FUNCTION viewer_group_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT value::bigint
  FROM jsonb_array_elements_text(nullif(current_setting('scoregraph.viewer', true), '')::jsonb -> 'group_ids')
$$;

-- The people whose rows the viewer may see, other than by seeing all: oneself, and the present members of the groups
-- that one leads. Runs as the owner, since policies call it and must not recurse.
CREATE FUNCTION viewer_people() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT viewer_user_id() WHERE viewer_user_id() IS NOT NULL
  UNION
  SELECT m.user_id FROM group_memberships m
  WHERE m.group_id IN (SELECT viewer_group_ids()) AND m.organization_id = viewer_organization_id() AND m.role = 'MEMBER'
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
$$;

-- Those who lead a group together with the viewer: their names are no secret, what they did is.
CREATE FUNCTION viewer_colleagues() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT m.user_id FROM group_memberships m
  WHERE m.group_id IN (SELECT viewer_group_ids()) AND m.organization_id = viewer_organization_id() AND m.role = 'LEAD'
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
$$;

-- The groups that the viewer belongs to as a member.
CREATE FUNCTION viewer_own_group_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT m.group_id FROM group_memberships m
  WHERE m.user_id = viewer_user_id() AND m.organization_id = viewer_organization_id() AND m.role = 'MEMBER'
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
$$;

-- Looks a token's claims up: one row, or none where the organization is unknown, the person is deactivated, or the
-- person is unknown and the role needs one. A TEACHER's groups are those led now by the roster; claimed groups, where
-- given, narrow them.
CREATE FUNCTION find_viewer(claimed_organization text, claimed_subject text, claimed_role text, claimed_groups text[])
RETURNS TABLE (organization_id bigint, user_id bigint, role text, group_ids bigint[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
  SELECT o.id, u.id, claimed_role,
    CASE WHEN claimed_role = 'TEACHER' THEN ARRAY(
      SELECT DISTINCT m.group_id FROM group_memberships m JOIN groups g ON g.id = m.group_id
      WHERE m.user_id = u.id AND m.role = 'LEAD'
        AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
        AND (claimed_groups IS NULL OR g.external_id = ANY (claimed_groups))
      ORDER BY 1
    ) ELSE '{}' END
  FROM organizations o
  LEFT JOIN users u ON u.organization_id = o.id AND u.external_id = claimed_subject
  WHERE o.slug = claimed_organization AND u.deactivated_at IS NULL
    AND (u.id IS NOT NULL OR claimed_role IN ('SERVICE', 'ADMIN', 'MANAGER'))
$$;
