-- What lists of people show of each is in an index: their names, and the groups they are in, in the order they are listed in.
-- Changes of people and memberships wait while they are built; everything is read meanwhile.
CREATE INDEX users_names ON users (id) INCLUDE (organization_id, display_name);
CREATE INDEX group_memberships_by_user_and_start ON group_memberships (user_id, valid_from, id)
  INCLUDE (organization_id, group_id, role, valid_to);
DROP INDEX group_memberships_by_user;
