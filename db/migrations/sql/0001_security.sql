-- Row-level security: PostgreSQL decides who sees what. ENABLE and FORCE on every table; the owner (who runs the
-- definer functions and refreshes) and the worker see all by explicit policies; the API sees what the viewer may see.
DO $$
DECLARE
  relation text;
BEGIN
  FOR relation IN
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY owner_and_worker ON %I TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true)', relation);
  END LOOP;

  -- What everybody in an organization may see.
  FOREACH relation IN ARRAY ARRAY['topics', 'levels', 'labs', 'lab_topics'] LOOP
    EXECUTE format('CREATE POLICY viewer_reads ON %I FOR SELECT TO scoregraph_api USING (organization_id = (SELECT viewer_organization_id()))', relation);
  END LOOP;

  -- Rows about one person.
  FOREACH relation IN ARRAY ARRAY[
    'attempts', 'attempt_revisions', 'attempt_deltas', 'user_totals', 'user_lab_totals', 'user_days', 'deadline_extensions'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY viewer_reads ON %I FOR SELECT TO scoregraph_api USING (organization_id = (SELECT viewer_organization_id())'
      ' AND ((SELECT viewer_sees_all()) OR user_id IN (SELECT viewer_people())))', relation);
  END LOOP;

  -- Writing is for ADMIN and SERVICE, within their organization.
  FOREACH relation IN ARRAY ARRAY[
    'users', 'groups', 'group_memberships', 'topics', 'levels', 'labs', 'lab_topics', 'assignments', 'deadline_extensions',
    'attempts', 'attempt_revisions', 'idempotency_keys', 'parked_attempts'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY viewer_inserts ON %I FOR INSERT TO scoregraph_api'
      ' WITH CHECK (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()))', relation);
    EXECUTE format(
      'CREATE POLICY viewer_updates ON %I FOR UPDATE TO scoregraph_api'
      ' USING (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()))'
      ' WITH CHECK (organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()))', relation);
  END LOOP;
END $$;

CREATE POLICY viewer_reads ON organizations FOR SELECT TO scoregraph_api USING (id = (SELECT viewer_organization_id()));
CREATE POLICY viewer_reads ON users FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_sees_all())
    OR id IN (SELECT viewer_people()) OR id IN (SELECT viewer_colleagues())));
CREATE POLICY viewer_reads ON groups FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_sees_all())
    OR id IN (SELECT viewer_group_ids()) OR id IN (SELECT viewer_own_group_ids())));
CREATE POLICY viewer_reads ON group_memberships FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_sees_all())
    OR group_id IN (SELECT viewer_group_ids()) OR user_id = (SELECT viewer_user_id())));
CREATE POLICY viewer_reads ON assignments FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND ((SELECT viewer_sees_all())
    OR user_id IN (SELECT viewer_people())
    OR group_id IN (SELECT viewer_group_ids()) OR group_id IN (SELECT viewer_own_group_ids())));
-- Made from everybody's attempts.
CREATE POLICY viewer_reads ON lab_days FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_sees_all()));
CREATE POLICY viewer_reads ON view_refreshes FOR SELECT TO scoregraph_api USING ((SELECT viewer_organization_id()) IS NOT NULL);
CREATE POLICY viewer_reads ON idempotency_keys FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()));
CREATE POLICY viewer_reads ON parked_attempts FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()));

-- Privileges. Functions are not for PUBLIC; the API never reaches the schema of the materialized views.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public, internal FROM PUBLIC;
REVOKE ALL ON SCHEMA internal FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO scoregraph_api, scoregraph_worker;
GRANT USAGE ON SCHEMA internal TO scoregraph_worker;
GRANT EXECUTE ON FUNCTION
  round_half_even, performance_score, ranking_score, experience_level, measures_of, is_time_zone,
  viewer_organization_id, viewer_user_id, viewer_role, viewer_sees_all, viewer_may_write, viewer_group_ids,
  viewer_people, viewer_colleagues, viewer_own_group_ids, find_viewer, live_ranks, leaderboard_rows
TO scoregraph_api, scoregraph_worker;
GRANT EXECUTE ON FUNCTION fold_attempt_deltas, refresh_view, internal.refresh_as_owner TO scoregraph_worker;

GRANT SELECT ON
  organizations, users, groups, group_memberships, topics, levels, labs, lab_topics, assignments, deadline_extensions,
  attempts, attempt_revisions, attempt_deltas, user_totals, user_lab_totals, user_days, lab_days, view_refreshes,
  idempotency_keys, parked_attempts,
  user_totals_live, user_lab_totals_live, user_days_live, lab_days_live, attempt_measures,
  score_ranks, lab_stats, topic_stats, level_stats, group_stats, organization_stats, score_distribution
TO scoregraph_api;
GRANT INSERT, UPDATE ON
  users, groups, group_memberships, topics, levels, labs, lab_topics, assignments, deadline_extensions,
  attempts, attempt_revisions, idempotency_keys, parked_attempts
TO scoregraph_api;
-- What an attempt was is only ever added to.
REVOKE UPDATE ON attempt_revisions FROM scoregraph_api;
-- A lab's topics are a set that is replaced, and an attempt that is recorded is no longer parked; nothing else is ever
-- deleted by the API.
GRANT DELETE ON lab_topics, parked_attempts TO scoregraph_api;
CREATE POLICY viewer_deletes ON lab_topics FOR DELETE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()));
CREATE POLICY viewer_deletes ON parked_attempts FOR DELETE TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id()) AND (SELECT viewer_may_write()));

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO scoregraph_worker;
GRANT USAGE ON SEQUENCE fold_version TO scoregraph_worker;
REVOKE ALL ON alembic_version FROM scoregraph_worker;
GRANT SELECT ON alembic_version TO scoregraph_worker;
