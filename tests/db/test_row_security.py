"""Who sees and writes what through the API: every readable relation, every role, two organizations alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from settings import DatabaseRole
from tests.conftest import Database
from tests.db.learning import (
    MATERIALIZED_VIEWS,
    Connection,
    add_attempt,
    add_group,
    add_lab,
    add_member,
    add_organization,
    add_topic,
    add_user,
    become,
    fold,
    insert,
    refresh,
)

ROLES = ("STUDENT", "TEACHER", "MANAGER", "ADMIN", "SERVICE")
SEES_ALL = {"MANAGER", "ADMIN", "SERVICE"}
WRITES = {"ADMIN", "SERVICE"}

# --- the population -----------------------------------------------------------------------------------

# Who is in which group: (person, group, role, from, to) in days from now.
ROSTER = [
    ("teacher", "led", "LEAD", -30, None),
    ("teacher", "led too", "LEAD", -30, None),
    ("teacher", "led once", "LEAD", -30, -1),
    ("teacher", "led soon", "LEAD", 1, None),
    ("colleague", "led", "LEAD", -30, None),
    ("student", "led", "MEMBER", -30, None),
    ("student", "own", "MEMBER", -30, None),
    ("student", "left", "MEMBER", -30, -1),
    ("friend", "led too", "MEMBER", -30, 30),
    ("former", "led", "MEMBER", -30, -1),
    ("coming", "led", "MEMBER", 1, None),
    ("pupil of once", "led once", "MEMBER", -30, None),
    ("pupil of soon", "led soon", "MEMBER", -30, None),
    ("stranger", "other", "MEMBER", -30, None),
]
PEOPLE = [*dict.fromkeys(name for name, *_ in ROSTER), "manager", "admin"]
GROUPS = list(dict.fromkeys(group for _, group, *_ in ROSTER))

# What follows from it, said by hand: whose rows, which led groups and which own groups a viewer sees.
SIGHT = {
    "STUDENT": ("student", {"student"}, set(), {"led", "own"}),
    "TEACHER": ("teacher", {"teacher", "student", "friend"}, {"led", "led too"}, set()),
    "MANAGER": ("manager", set(PEOPLE), set(GROUPS), set()),
    "ADMIN": ("admin", set(PEOPLE), set(GROUPS), set()),
    "SERVICE": (None, set(PEOPLE), set(GROUPS), set()),
}


@dataclass(frozen=True)
class Organization:
    id: int
    slug: str
    users: dict[str, int]
    groups: dict[str, int]
    labs: list[int]


def build(connection: Connection, slug: str) -> Organization:
    """Everything there can be in an organization, but for attempts."""
    id = add_organization(connection, slug=slug)
    users = {name: add_user(connection, id, name) for name in PEOPLE}
    groups = {name: add_group(connection, id, name) for name in GROUPS}
    for name, group, role, start, end in ROSTER:
        add_member(connection, id, groups[group], users[name], role, (start, end))
    level_id = insert(connection, "levels", organization_id=id, position=1, title="one")
    labs = [add_lab(connection, id, f"lab-{number}", level_id) for number in (1, 2)]
    add_topic(connection, id, labs)
    for user_id in users.values():
        assignment_id = insert(connection, "assignments", organization_id=id, lab_id=labs[0], user_id=user_id)
        insert(
            connection,
            "deadline_extensions",
            "user_id",
            organization_id=id,
            assignment_id=assignment_id,
            user_id=user_id,
            due_at="2025-06-02Z",
        )
    for group_id in groups.values():
        insert(connection, "assignments", organization_id=id, lab_id=labs[1], group_id=group_id)
    insert(
        connection,
        "idempotency_keys",
        "key",
        organization_id=id,
        owner="service",
        operation="record",
        key="1",
        body=Jsonb({}),
    )
    insert(
        connection,
        "parked_attempts",
        organization_id=id,
        user_external_id="nobody",
        lab_type="lab-9",
        attempt=Jsonb({}),
        source="API",
        reason="unknown person",
    )
    for owner, role in (
        (users["student"], "STUDENT"),
        (users["teacher"], "TEACHER"),
        (users["manager"], "MANAGER"),
        (None, "SERVICE"),
    ):
        add_report(connection, id, owner, role)
    insert(
        connection, "audit_entries", organization_id=id, user_id=users["student"], actor="s", role="STUDENT", action="a"
    )
    for user_id in users.values():
        connection.execute(
            "INSERT INTO awards (organization_id, user_id, definition_id, achieved_at, achieved_value)"
            " SELECT organization_id, %s, id, now(), 1 FROM award_definitions WHERE organization_id = %s",
            (user_id, id),
        )
        insert(
            connection, "user_zone_changes", "user_id", organization_id=id, user_id=user_id, lived_until="2026-01-01Z"
        )
    insert(
        connection,
        "dead_letters",
        organization_id=id,
        topic="lab-events",
        payload=slug.encode(),
        digest=slug.encode(),
        code="DATA",
        message="",
        tries=5,
        failed_at="2026-01-01Z",
    )
    insert(
        connection,
        "user_events",
        organization_id=id,
        user_id=users["student"],
        event_type="user_login",
        occurred_at="2026-01-01Z",
    )
    insert(
        connection,
        "user_event_ids",
        "event_id",
        organization_id=id,
        source_id="e-1",
        event_id=1,
        occurred_at="2026-01-01Z",
    )
    add_metrics(connection, id)
    add_alert(connection, id)
    webhook_id = insert(
        connection, "webhooks", organization_id=id, url="https://hooks.example", events=["AttemptRecorded"]
    )
    insert(
        connection,
        "webhook_deliveries",
        organization_id=id,
        webhook_id=webhook_id,
        type="AttemptRecorded",
        subject="users/student",
        data=Jsonb({}),
    )
    return Organization(id, slug, users, groups, labs)


def add_report(connection: Connection, organization_id: int, owner: int | None, role: str) -> None:
    """A saved report with a schedule, an export of it, and to whom they are delivered. Where nothing else says whose they are, some
    text does.
    """
    of = {"organization_id": organization_id}
    asked = {"subject": "somebody", "role": role, "kind": "ATTEMPTS", "parameters": Jsonb({})}
    report_id = insert(connection, "reports", **of, owner_id=owner, title="t", **asked)
    times = {
        "format": "CSV",
        "cron": "0 0 * * *",
        "time_zone": "UTC",
        "next_run_at": "2100-01-01Z",
        "dialect": str(owner),
    }
    schedule_id = insert(connection, "report_schedules", **of, report_id=report_id, **times)
    target = {"channel": "TELEGRAM", "target": "7", "masked": str(owner), "attach": False}
    insert(connection, "schedule_deliveries", **of, schedule_id=schedule_id, **target)
    made = {"format": "CSV", "body": Jsonb({}), "report_id": report_id, "schedule_id": schedule_id}
    export_id = insert(connection, "exports", **of, requested_by=owner, **asked, **made)
    insert(connection, "deliveries", **of, export_id=export_id, **target)


def add_metrics(connection: Connection, organization_id: int | None) -> None:
    connection.execute(
        "INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)"
        " VALUES (%s, 'billing', 'cpu_percent', 1, now())",
        (organization_id,),
    )
    connection.execute(
        "INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, requests,"
        " total_microseconds, buckets, counts, at) VALUES (%s, 'billing', '/bills', 'GET', 200, 1, 1000, '{0}', '{1}', now())",
        (organization_id,),
    )


def add_alert(connection: Connection, organization_id: int | None) -> None:
    """A rule, and an alert of it that fires."""
    rule_id = insert(
        connection,
        "alert_rules",
        organization_id=organization_id,
        origin="SAVED" if organization_id else "FILE",
        name="dead",
        condition="dead_letters > 0",
        severity="WARNING",
        for_seconds=0,
    )
    at = "2026-01-01Z"
    of_rule = {"rule_id": rule_id, "organization_id": organization_id, "severity": "WARNING"}
    insert(connection, "alerts", value=1, started_at=at, fired_at=at, **of_rule)


def build_platform(connection: Connection) -> None:
    """What is of no organization."""
    add_alert(connection, None)
    add_metrics(connection, None)
    connection.execute(
        "INSERT INTO trusted_documents (id, body, operations)"
        " SELECT encode(sha256(convert_to(body, 'UTF8')), 'hex'), body, '{}' FROM (VALUES ('{ __typename }')) AS d (body)"
    )
    connection.execute(
        "INSERT INTO trusted_document_aliases (alias, document_id) SELECT 'a', id FROM trusted_documents"
    )


def build_jobs(connection: Connection, organizations: tuple[Organization, ...]) -> None:
    """A job of each organization and one of none, a worker, and a consumer of events."""
    for args in (*({"organization_id": of.id} for of in organizations), {}):
        connection.execute("SELECT enqueue_job('exports', 'test', %s)", (Jsonb(args),))
    connection.execute(
        "INSERT INTO jobs.workers (id, name, queues, started_at, heartbeat_at) VALUES (gen_random_uuid(), 'w', '{}', now(), now())"
    )
    connection.execute(
        "INSERT INTO jobs.consumers (group_id, topic, partition, lag, pending) VALUES ('g', 'lab-events', 0, 0, 0)"
    )


def add_attempts(connection: Connection, of: Organization, lab_id: int) -> None:
    for number, user_id in enumerate(of.users.values()):
        attempt_id = add_attempt(connection, of.id, user_id, lab_id, difficulty=number, score=number)
        insert(
            connection,
            "attempt_revisions",
            "revision",
            organization_id=of.id,
            user_id=user_id,
            attempt_id=attempt_id,
            revision=1,
            change="UPDATED",
            snapshot=Jsonb({}),
        )


@dataclass(frozen=True)
class Viewer:
    """Somebody of one of the organizations, looked up as the gateway does it."""

    organization: Organization
    role: str
    user_id: int | None
    group_ids: list[int]
    people: set[int]
    led: set[int]
    own: set[int]

    def look(self, connection: Connection) -> None:
        become(connection, self.organization.id, self.user_id, self.role, self.group_ids)


def find(
    connection: Connection, slug: str, name: str | None, role: str | None, groups: list[str] | None = None
) -> tuple[Any, ...] | None:
    return connection.execute(
        "SELECT organization_id, user_id, role, group_ids FROM find_viewer(%s, %s, %s, %s)",
        (slug, name or "nobody", role, groups),
    ).fetchone()


@dataclass(frozen=True)
class World:
    superuser: Connection
    api: Connection
    here: Organization
    there: Organization

    def viewer(self, role: str, organization: Organization) -> Viewer:
        name, people, led, own = SIGHT[role]
        found = find(self.api, organization.slug, name, role)
        assert found is not None
        return Viewer(
            organization,
            role,
            found[1],
            found[3],
            {organization.users[person] for person in people},
            {organization.groups[group] for group in led},
            {organization.groups[group] for group in own},
        )

    def rows(self, connection: Connection, relation: str) -> list[dict[str, Any]]:
        """As far as the API may read them."""
        columns = self.superuser.execute(
            "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND has_column_privilege('scoregraph_api', attrelid, attnum, 'SELECT')",
            (relation,),
        ).fetchone()
        selected = columns[0] if columns and columns[0] else "*"
        rows = connection.execute(f"SELECT to_jsonb(r) FROM (SELECT {selected} FROM {relation}) r")
        return [row for (row,) in rows.fetchall()]

    @contextmanager
    def undone(self) -> Iterator[None]:
        with self.api.transaction(force_rollback=True):
            yield


@pytest.fixture(scope="module")
def world(database: Database) -> Iterator[World]:
    with database.connect(None) as superuser, database.connect(DatabaseRole.API) as api:
        here, there = build(superuser, "here"), build(superuser, "there")
        build_platform(superuser)
        build_jobs(superuser, (here, there))
        for organization in (here, there):
            add_attempts(superuser, organization, organization.labs[0])
        fold(superuser)
        for name in MATERIALIZED_VIEWS:
            refresh(superuser, name)
        for organization in (here, there):  # these stay pending
            add_attempts(superuser, organization, organization.labs[1])
        yield World(superuser, api, here, there)


# --- the catalogue ------------------------------------------------------------------------------------

READABLE = """
  SELECT n.nspname, c.relname,
    CASE c.relkind
      WHEN 'r' THEN guarded WHEN 'p' THEN guarded
      -- a view of the invoker is as safe as its tables, which its reader must be able to read and which are thus in
      -- this list; any other must be a barrier that asks for the viewer
      WHEN 'v' THEN 'security_invoker=true' = ANY (c.reloptions)
        OR ('security_barrier=true' = ANY (c.reloptions) AND pg_get_viewdef(c.oid) ~ 'viewer_organization_id\\(\\)')
      ELSE false  -- nothing guards a materialized view or a foreign table
    END IS TRUE AS is_safe
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
      SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*')
        AND p.polroles && ARRAY[0::oid, 'scoregraph_api'::regrole::oid]
    ) AS guarded
  ) AS g
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND has_any_column_privilege('scoregraph_api', c.oid, 'SELECT')"""


def readable(connection: Connection) -> dict[str, bool]:
    """Every relation that the API's role may read, and whether it is safe."""
    return {
        name if schema == "public" else f"{schema}.{name}": is_safe
        for schema, name, is_safe in connection.execute(READABLE)
    }


def test_every_readable_relation_is_guarded(world: World) -> None:
    relations = readable(world.superuser)
    assert {"attempts", "user_totals_live", "score_ranks"} <= set(relations)
    assert [name for name, is_safe in relations.items() if not is_safe] == []


TABLE = "CREATE TABLE offence (organization_id bigint); GRANT SELECT ON offence TO scoregraph_api;"
ENABLE = "ALTER TABLE offence ENABLE ROW LEVEL SECURITY;"
FORCE = "ALTER TABLE offence FORCE ROW LEVEL SECURITY;"
POLICY = "CREATE POLICY all_rows ON offence FOR SELECT TO {} USING (organization_id = 1);"


@pytest.mark.parametrize(
    ("statements", "is_offence"),
    [
        (TABLE, True),
        (TABLE + ENABLE, True),
        (TABLE + ENABLE + POLICY.format("scoregraph_api"), True),
        (TABLE + ENABLE + FORCE, True),
        (TABLE + ENABLE + FORCE + POLICY.format("scoregraph_worker"), True),
        (TABLE + ENABLE + FORCE + POLICY.format("scoregraph_api"), False),
        (
            "CREATE TABLE offence (a int, b int); GRANT SELECT (b) ON offence TO scoregraph_api",
            True,
        ),
        ("CREATE TABLE offence (a int); GRANT SELECT ON offence TO PUBLIC", True),
        ("CREATE VIEW offence AS TABLE attempts; GRANT SELECT ON offence TO scoregraph_api", True),
        (
            "CREATE VIEW offence WITH (security_barrier) AS TABLE attempts;GRANT SELECT ON offence TO scoregraph_api",
            True,
        ),
        (
            "CREATE VIEW offence WITH (security_invoker = true) AS TABLE attempts;"
            "GRANT SELECT ON offence TO scoregraph_api",
            False,
        ),
        (
            "CREATE MATERIALIZED VIEW offence AS TABLE attempts; GRANT SELECT ON offence TO scoregraph_api",
            True,
        ),
        ("GRANT SELECT ON internal.lab_stats TO scoregraph_api", True),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
            "CREATE FOREIGN TABLE offence (a int) SERVER s; GRANT SELECT ON offence TO scoregraph_api",
            True,
        ),
        ("ALTER TABLE attempts NO FORCE ROW LEVEL SECURITY", True),
        ("DROP POLICY viewer_reads ON attempts", True),
    ],
)
def test_the_catalogue_test_can_fail(world: World, statements: str, is_offence: bool) -> None:
    with world.superuser.transaction(force_rollback=True):
        world.superuser.execute(statements)
        offenders = [name for name, is_safe in readable(world.superuser).items() if not is_safe]
        assert bool(offenders) is is_offence
        assert set(offenders) <= {"offence", "attempts", "internal.lab_stats"}


def test_the_role_is_not_above_row_security(world: World) -> None:
    roles = world.superuser.execute(
        "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles"
        " WHERE rolname = ANY(%s)",
        (list(DatabaseRole),),
    ).fetchall()
    assert dict(roles) == dict.fromkeys(map(str, DatabaseRole), False)
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'scoregraph_api'::regrole"
    assert world.superuser.execute(owned).fetchone() == (0,)


def test_functions_with_the_rights_of_the_owner(world: World) -> None:
    """The API may call few of them, and all of them pin their search path."""
    rows = world.superuser.execute(
        "SELECT p.proname, has_function_privilege('scoregraph_api', p.oid, 'EXECUTE'),"
        " p.proconfig && ARRAY['search_path=public, pg_temp', 'search_path=jobs, public, pg_temp']"
        " FROM pg_proc p WHERE p.prosecdef AND p.pronamespace::regnamespace::text IN ('public', 'internal')"
    ).fetchall()
    assert {name for name, is_callable, _ in rows if is_callable} == {
        "database_health",
        "viewer_people",
        "viewer_colleagues",
        "viewer_own_group_ids",
        "find_viewer",
        "live_ranks",
        "settled_ranks",
        "leaderboard_rows",
        "memberships_hold_until",
        "organization_now",
        "run_job",
        "request_refresh",
        "keep_webhook_secret",
        "test_webhook",
        "viewer_may_deliver_to",
        "export_sent_to_viewer",
        "replay_dead_letters",
        "consumer_health",
        "group_export_usage",
    }
    assert [name for name, _, is_pinned in rows if not is_pinned] == []


# --- what is seen -------------------------------------------------------------------------------------

Rule = Callable[[dict[str, Any], Viewer], bool]


def of_organization(row: dict[str, Any], viewer: Viewer) -> bool:
    return True


def of_person(row: dict[str, Any], viewer: Viewer) -> bool:
    return viewer.role in SEES_ALL or row["user_id"] in viewer.people


def for_those_who_see_all(row: dict[str, Any], viewer: Viewer) -> bool:
    return viewer.role in SEES_ALL


def for_writers(row: dict[str, Any], viewer: Viewer) -> bool:
    return viewer.role in WRITES


def for_operators(row: dict[str, Any], viewer: Viewer) -> bool:
    return viewer.role == "ADMIN"


def of_owner(column: str) -> Rule:
    """The column says who that is."""
    return lambda row, viewer: viewer.role == "ADMIN" or str(row[column]) == str(viewer.user_id)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("organizations", "topics", "levels", "labs", "lab_topics", "award_definitions"), of_organization),
    **dict.fromkeys(
        (
            "attempts",
            "attempt_revisions",
            "attempt_deltas",
            "attempt_measures",
            "deadline_extensions",
            "awards",
            "user_zone_changes",
        ),
        of_person,
    ),
    **dict.fromkeys(
        ("user_totals", "user_lab_totals", "user_topic_totals", "user_topic_packs", "user_days", "score_ranks"),
        of_person,
    ),
    **dict.fromkeys(
        ("user_totals_live", "user_totals_settled", "user_lab_totals_live", "user_topic_totals_live", "user_days_live"),
        of_person,
    ),
    "user_topic_packs_live": of_person,
    "users": lambda row, viewer: (
        of_person({"user_id": row["id"]}, viewer)
        # the name of who leads a group with the viewer, nothing of what they did
        or (viewer.role == "TEACHER" and row["id"] == viewer.organization.users["colleague"])
    ),
    "groups": lambda row, viewer: row["id"] in viewer.led | viewer.own,
    "group_memberships": lambda row, viewer: row["group_id"] in viewer.led or row["user_id"] == viewer.user_id,
    "assignments": lambda row, viewer: row["user_id"] in viewer.people or row["group_id"] in viewer.led | viewer.own,
    "group_stats": lambda row, viewer: row["group_id"] in viewer.led,
    **dict.fromkeys(("lab_days", "lab_days_live", "lab_stats", "topic_stats", "level_stats"), for_those_who_see_all),
    **dict.fromkeys(("organization_stats", "score_distribution"), for_those_who_see_all),
    **dict.fromkeys(("idempotency_keys", "parked_attempts"), for_writers),
    "exports": of_owner("requested_by"),
    "reports": of_owner("owner_id"),
    "report_schedules": of_owner("dialect"),
    **dict.fromkeys(("schedule_deliveries", "deliveries"), of_owner("masked")),
    "dead_letters": lambda row, viewer: viewer.role == "ADMIN",
    "audit_entries": lambda row, viewer: viewer.role in {"MANAGER", "ADMIN"},
    "view_refreshes": of_organization,  # of everybody: when a view was refreshed
    **dict.fromkeys(("trusted_documents", "trusted_document_aliases"), of_organization),
    **dict.fromkeys(
        ("job_runs", "worker_processes", "event_consumers", "alerts", "alert_rules", "webhooks", "webhook_deliveries"),
        for_operators,
    ),
    **dict.fromkeys(("user_events", "user_event_ids"), for_those_who_see_all),
    **dict.fromkeys(
        ("system_metrics", "api_metrics"),
        lambda row, viewer: viewer.role == "ADMIN" if row["organization_id"] is None else viewer.role in SEES_ALL,
    ),
}
# What a view shows some of.
SOURCES = {"job_runs": "jobs.runs", "worker_processes": "jobs.workers", "event_consumers": "jobs.consumers"}
# A document is looked up before it is known who asks.
OF_THE_PLATFORM = {"trusted_documents", "trusted_document_aliases"}


def test_every_readable_relation_has_a_rule(world: World) -> None:
    assert set(readable(world.superuser)) == set(RULES)


def is_of(row: dict[str, Any], relation: str, organization: Organization) -> bool:
    if relation in {"view_refreshes", "worker_processes", "event_consumers"} | OF_THE_PLATFORM:
        return True
    if (
        relation in {"job_runs", "system_metrics", "api_metrics", "alerts", "alert_rules"}
        and row["organization_id"] is None
    ):
        return True
    return row["id" if relation == "organizations" else "organization_id"] == organization.id


@pytest.mark.parametrize("relation", RULES)
@pytest.mark.parametrize("role", ROLES)
def test_everyone_sees_what_is_theirs(world: World, role: str, relation: str) -> None:
    source = f"internal.{relation}" if relation in MATERIALIZED_VIEWS else SOURCES.get(relation, relation)
    everything = world.rows(world.superuser, source)
    for organization in (world.here, world.there):
        assert any(is_of(row, relation, organization) for row in everything), "there is something to hide"
        viewer = world.viewer(role, organization)
        viewer.look(world.api)
        expected = [row for row in everything if is_of(row, relation, organization) and RULES[relation](row, viewer)]
        found = world.rows(world.api, relation)
        assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))
        if role == "ADMIN":
            assert found


@pytest.mark.parametrize("relation", [name for name in RULES if name not in OF_THE_PLATFORM])
def test_without_a_viewer_there_is_nothing(database: Database, world: World, relation: str) -> None:
    with database.connect(DatabaseRole.API) as connection:
        assert world.rows(connection, relation) == []  # never set
        for viewer in ("", "{}", '{"role": "ADMIN"}', '{"user_id": 1, "role": "ADMIN", "group_ids": [1]}'):
            connection.execute("SELECT set_config('scoregraph.viewer', %s, false)", (viewer,))
            assert world.rows(connection, relation) == []


@pytest.mark.parametrize("relation", RULES)
def test_ids_of_another_organization_open_nothing(world: World, relation: str) -> None:
    """A viewer of one organization with a person and groups of the other."""
    teacher = world.viewer("TEACHER", world.there)
    become(world.api, world.here.id, teacher.user_id, "TEACHER", teacher.group_ids)
    for row in world.rows(world.api, relation):
        assert is_of(row, relation, world.here)
        assert row.get("user_id") is None
        assert relation not in ("users", "groups", "group_memberships", "group_stats", "assignments")


def test_the_viewer_ends_with_its_transaction(world: World) -> None:
    world.api.execute("SELECT set_config('scoregraph.viewer', '', false)")
    with world.api.transaction():
        world.api.execute(
            "SELECT set_config('scoregraph.viewer', %s, true)",
            (json.dumps({"organization_id": world.here.id, "role": "MANAGER"}),),
        )
        assert world.rows(world.api, "attempts")
    assert world.rows(world.api, "attempts") == []


def test_a_teacher_loses_a_group_at_once(world: World) -> None:
    """Also in a request whose viewer was looked up before, a person who has left is not seen any more."""
    viewer = world.viewer("TEACHER", world.here)
    viewer.look(world.api)
    friend = world.here.users["friend"]
    seen = "SELECT count(*) FROM users WHERE id = %s"
    assert world.api.execute(seen, (friend,)).fetchone() == (1,)
    leave = "UPDATE group_memberships SET valid_to = {} WHERE user_id = %s RETURNING id"
    world.superuser.execute(leave.format("now()"), (friend,))
    try:
        assert world.api.execute(seen, (friend,)).fetchone() == (0,)
    finally:
        world.superuser.execute(leave.format("now() + interval '30 days'"), (friend,))


# --- who is asking ------------------------------------------------------------------------------------


def test_find_viewer(world: World) -> None:
    here, api = world.here, world.api
    api.execute("SELECT set_config('scoregraph.viewer', '', false)")
    led = sorted([here.groups["led"], here.groups["led too"]])
    student, teacher = here.users["student"], here.users["teacher"]
    assert find(api, "here", "student", "STUDENT") == (here.id, student, "STUDENT", [])
    assert find(api, "here", "teacher", "TEACHER") == (here.id, teacher, "TEACHER", led)
    there = world.there
    assert find(api, "there", "student", "STUDENT") == (there.id, there.users["student"], "STUDENT", [])
    # groups are led by the roster, whatever the token claims
    assert find(api, "here", "student", "TEACHER") == (here.id, student, "TEACHER", [])
    assert find(api, "here", "teacher", "STUDENT") == (here.id, teacher, "STUDENT", [])


@pytest.mark.parametrize(
    ("claimed", "led"),
    [
        (None, {"led", "led too"}),
        ([], set()),
        (["led"], {"led"}),
        (["led", "other", "unknown"], {"led"}),
        (["led once", "led soon"], set()),
    ],
)
def test_claimed_groups_narrow(world: World, claimed: list[str] | None, led: set[str]) -> None:
    found = find(world.api, "here", "teacher", "TEACHER", claimed)
    assert found is not None
    assert set(found[3]) == {world.here.groups[name] for name in led}
    become(world.api, *found)
    groups = world.api.execute("SELECT external_id FROM groups").fetchall()
    assert {name for (name,) in groups} == led, "a group that is led and not claimed is not seen either"
    people = world.api.execute("SELECT external_id FROM users").fetchall()
    members = {name for name, group, _, start, end in ROSTER if group in led and start < 0 and (end or 1) > 0}
    assert {name for (name,) in people} == members | {"teacher"}


def test_an_unknown_organization_is_nobody(world: World) -> None:
    for role in ROLES:
        assert find(world.api, "nowhere", "student", role) is None
        assert find(world.api, "HERE", "student", role) is None


@pytest.mark.parametrize(("role", "is_found"), [(role, role in SEES_ALL) for role in ROLES])
def test_an_unknown_person_by_role(world: World, role: str, is_found: bool) -> None:
    found = find(world.api, "here", "nobody at all", role)
    assert found == ((world.here.id, None, role, []) if is_found else None)


@pytest.mark.parametrize("role", ROLES)
def test_a_deactivated_person_is_nobody(world: World, role: str) -> None:
    person = world.here.users["stranger"]
    assert find(world.api, "here", "stranger", role) is not None
    world.superuser.execute("UPDATE users SET deactivated_at = now() WHERE id = %s", (person,))
    try:
        assert find(world.api, "here", "stranger", role) is None
        assert find(world.api, "there", "stranger", role) is not None
    finally:
        world.superuser.execute("UPDATE users SET deactivated_at = NULL WHERE id = %s", (person,))


# --- what is written ----------------------------------------------------------------------------------

WRITABLE = {
    *("users", "groups", "group_memberships", "topics", "levels", "labs", "lab_topics", "assignments"),
    *("deadline_extensions", "attempts", "idempotency_keys", "parked_attempts"),
}


def new_rows(of: Organization) -> dict[str, dict[str, object]]:
    """A row that fits into each writable table of an organization."""
    student, lab, group = of.users["student"], of.labs[0], of.groups["other"]
    return {
        "users": {"external_id": "new", "username": "new", "display_name": "new"},
        "groups": {"external_id": "new", "name": "new"},
        "group_memberships": {"group_id": group, "user_id": student},
        "topics": {"external_id": "new", "title": "new"},
        "levels": {"position": 2, "title": "new"},
        "labs": {"type": "new", "title": "new"},
        "assignments": {"lab_id": lab, "user_id": student},
        "attempts": {
            "user_id": student,
            "lab_id": lab,
            "status": "SUCCEEDED",
            "completed_at": "2025-06-01Z",
        },
        "idempotency_keys": {"owner": "o", "operation": "o", "key": "new", "body": "{}"},
        "parked_attempts": {
            "user_external_id": "x",
            "lab_type": "x",
            "attempt": "{}",
            "source": "API",
            "reason": "x",
        },
        "user_events": {"event_type": "user_login", "occurred_at": "2026-01-01Z"},
        "user_event_ids": {"source_id": "new", "event_id": 1, "occurred_at": "2026-01-01Z"},
        "system_metrics": {"service_name": "s", "metric_name": "m", "value": 1, "at": "2026-01-01Z"},
        "api_metrics": {
            "service_name": "s",
            "endpoint": "/",
            "method": "GET",
            "status_code": 200,
            "at": "2026-01-01Z",
            "requests": 1,
            "total_microseconds": 1,
            "buckets": "{0}",
            "counts": "{1}",
        },
    }


def write(connection: Connection, table: str, of: Organization) -> None:
    columns = new_rows(of)[table] | {"organization_id": of.id}
    insert(connection, table, "organization_id", **columns)


def test_privileges_are_these(world: World) -> None:
    rows = world.superuser.execute(
        "SELECT privilege, c.oid::regclass::text FROM pg_class c,"
        " unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege"
        " WHERE c.relnamespace::regnamespace::text IN ('public', 'internal')"
        " AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege('scoregraph_api', c.oid, privilege)"
    ).fetchall()
    expected = {(privilege, table) for privilege in ("INSERT", "UPDATE") for table in WRITABLE}
    only_added_to = ("attempt_revisions", "user_events", "user_event_ids", "system_metrics", "api_metrics")
    history = {("INSERT", table) for table in only_added_to}
    deleted = {"lab_topics", "parked_attempts", "reports", "report_schedules", "schedule_deliveries", "webhooks"}
    assert set(rows) == expected | history | {("DELETE", table) for table in deleted}


@pytest.mark.parametrize("table", new_rows(Organization(0, "", {"student": 0}, {"other": 0}, [0])))
@pytest.mark.parametrize("role", ROLES)
def test_inserts(world: World, role: str, table: str) -> None:
    """ADMIN and SERVICE in their own organization, nobody else and nowhere else."""
    world.viewer(role, world.here).look(world.api)
    with world.undone():
        if role in WRITES:
            write(world.api, table, world.here)
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                write(world.api, table, world.here)
    with world.undone(), pytest.raises(errors.InsufficientPrivilege):
        write(world.api, table, world.there)


@pytest.mark.parametrize("table", sorted(WRITABLE))
@pytest.mark.parametrize("role", ROLES)
def test_updates(world: World, role: str, table: str) -> None:
    world.viewer(role, world.here).look(world.api)
    statement = f"UPDATE {table} SET organization_id = organization_id"
    with world.undone():
        changed = world.api.execute(statement).rowcount
        assert bool(changed) is (role in WRITES)
        assert changed == (world.api.execute(f"SELECT FROM {table}").rowcount if role in WRITES else 0)
        foreign = world.api.execute(f"{statement} WHERE organization_id = %s", (world.there.id,))
        assert foreign.rowcount == 0
    if role in WRITES:
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):  # nothing is given away
            world.api.execute(f"UPDATE {table} SET organization_id = %s", (world.there.id,))


@pytest.mark.parametrize("table", ["system_metrics", "api_metrics"])
@pytest.mark.parametrize("role", [*ROLES, None])
def test_only_the_platform_itself_says_how_it_fares(world: World, role: str | None, table: str) -> None:
    columns = new_rows(world.here)[table] | {"organization_id": None}
    with world.undone():
        if role is None:
            world.api.execute("SELECT set_config('scoregraph.viewer', '', true)")
            world.api.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
                [*columns.values()],
            )
        else:
            world.viewer(role, world.here).look(world.api)
            with pytest.raises(errors.InsufficientPrivilege):
                insert(world.api, table, "at", **columns)


EXPORT = """INSERT INTO exports (organization_id, requested_by, subject, role, kind, format, parameters, body)
VALUES (%s, %s, 's', %s, 'ATTEMPTS', 'CSV', '{}', '{}')"""


@pytest.mark.parametrize("role", ROLES)
def test_exports_are_asked_for_in_ones_own_name(world: World, role: str) -> None:
    viewer = world.viewer(role, world.here)
    viewer.look(world.api)
    with world.undone():
        world.api.execute(EXPORT, (world.here.id, viewer.user_id, role))
    other_role = "ADMIN" if role != "ADMIN" else "SERVICE"
    for values in (
        (world.here.id, world.here.users["friend"], role),
        (world.here.id, viewer.user_id, other_role),
        (world.there.id, viewer.user_id, role),
    ):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(EXPORT, values)


@pytest.mark.parametrize("role", ROLES)
def test_exports_are_cancelled_by_those_who_see_them(world: World, role: str) -> None:
    world.viewer(role, world.here).look(world.api)
    with world.undone():
        seen = world.api.execute("SELECT FROM exports").rowcount
        assert world.api.execute("UPDATE exports SET status = 'CANCELLED'").rowcount == seen > 0
    for change in ("status = 'PROCESSING'", "role = 'ADMIN'", "reads_groups = '{}'", "run = 'r', file_name = '../x'"):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE exports SET {change}")
    with world.undone(), pytest.raises(errors.InsufficientPrivilege):
        world.api.execute("DELETE FROM exports")


TRACE = "INSERT INTO audit_entries (organization_id, user_id, role, actor, action) VALUES (%s, %s, %s, 'a', 'a')"


@pytest.mark.parametrize("role", ROLES)
def test_traces_are_left_in_ones_own_name(world: World, role: str) -> None:
    viewer = world.viewer(role, world.here)
    viewer.look(world.api)
    with world.undone():
        world.api.execute(TRACE, (world.here.id, viewer.user_id, role))
    for values in (
        (world.here.id, world.here.users["friend"], role),
        (world.here.id, viewer.user_id, "OPERATOR"),
        (world.there.id, viewer.user_id, role),
        (None, viewer.user_id, role),
    ):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(TRACE, values)
    with world.undone(), pytest.raises(errors.InsufficientPrivilege):
        world.api.execute(
            "INSERT INTO audit_entries (organization_id, role, actor, action, at) VALUES (%s, %s, 'a', 'a', now())",
            (world.here.id, role),
        )


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.WORKER, DatabaseRole.OWNER, None])
def test_nobody_rewrites_the_trail(database: Database, world: World, role: DatabaseRole | None) -> None:
    with database.connect(role) as connection:
        if role is DatabaseRole.API:
            world.viewer("ADMIN", world.here).look(connection)
        for statement in ("UPDATE audit_entries SET actor = 'nobody'", "TRUNCATE audit_entries"):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
        if role in (DatabaseRole.API, DatabaseRole.WORKER):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("DELETE FROM audit_entries")


@pytest.mark.parametrize("days", [0, -1, None])
def test_what_was_just_done_is_not_hidden(database: Database, days: int | None) -> None:
    with database.connect(DatabaseRole.WORKER) as connection, pytest.raises(errors.InvalidParameterValue):
        connection.execute("SELECT expire_audit_entries(%s)", (days,))


def test_no_function_is_for_everybody(world: World) -> None:
    open_ones = """
    SELECT oid::regprocedure::text FROM pg_proc p WHERE pronamespace::regnamespace::text IN ('public', 'internal', 'jobs')
      AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) WHERE grantee = 0)
    """
    assert world.superuser.execute(open_ones).fetchall() == []


DEFINE = """INSERT INTO award_definitions (organization_id, slug, kind, name, rule, threshold, revocable)
VALUES (%s, 'new', 'BADGE', 'new', 'TASKS', 5, true)"""


@pytest.mark.parametrize("role", ROLES)
def test_administrators_say_what_awards_there_are(world: World, role: str) -> None:
    world.viewer(role, world.here).look(world.api)
    with world.undone():
        changed = world.api.execute("UPDATE award_definitions SET name = 'x'").rowcount
        assert changed == (world.api.execute("SELECT FROM award_definitions").rowcount if role == "ADMIN" else 0)
        if role == "ADMIN":
            world.api.execute(DEFINE, (world.here.id,))
    if role != "ADMIN":
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(DEFINE, (world.here.id,))
    with world.undone(), pytest.raises(errors.InsufficientPrivilege):
        world.api.execute(DEFINE, (world.there.id,))
    for change in ("organization_id = organization_id", "slug = 'other'"):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE award_definitions SET {change}")


BY_HAND = "UPDATE awards SET revoked_at = now(), by_hand = true"
GIVE = """INSERT INTO awards (organization_id, user_id, definition_id, achieved_at, achieved_value, by_hand, awarded_by)
SELECT organization_id, viewer_user_id(), id, now(), 0, {}, {} FROM award_definitions WHERE slug = 'new'"""


@pytest.mark.parametrize("role", ROLES)
def test_administrators_decide_on_awards_by_hand_and_in_their_own_name(world: World, role: str) -> None:
    viewer = world.viewer(role, world.here)
    viewer.look(world.api)
    seen = world.api.execute("SELECT FROM awards").rowcount
    with world.undone():
        assert world.api.execute(BY_HAND).rowcount == (seen if role == "ADMIN" else 0)
    # What the rules gave is not passed off as theirs, and nothing is moved to others.
    changes = ["user_id = user_id", "organization_id = organization_id"]
    for change in [*changes, "note = 'x'"] if role == "ADMIN" else changes:
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE awards SET {change}")
    if role == "ADMIN":
        for by_hand, giver in (("false", "viewer_user_id()"), ("true", "coalesce(viewer_user_id(), 0) + 1")):
            with world.undone():
                world.api.execute(DEFINE, (world.here.id,))
                with pytest.raises(errors.InsufficientPrivilege):
                    world.api.execute(GIVE.format(by_hand, giver))


REPORT = """INSERT INTO reports (organization_id, owner_id, subject, role, title, kind, parameters)
VALUES (%s, %s, 's', %s, 't', 'ATTEMPTS', '{}')"""


@pytest.mark.parametrize("role", ROLES)
def test_reports_are_saved_in_ones_own_name_and_kept_so(world: World, role: str) -> None:
    viewer = world.viewer(role, world.here)
    viewer.look(world.api)
    with world.undone():
        world.api.execute(REPORT, (world.here.id, viewer.user_id, role))
    other_role = "ADMIN" if role != "ADMIN" else "SERVICE"
    for values in (
        (world.here.id, world.here.users["friend"], role),
        (world.here.id, viewer.user_id, other_role),
        (world.there.id, viewer.user_id, role),
    ):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(REPORT, values)
    with world.undone():
        world.api.execute(REPORT, (world.here.id, viewer.user_id, role))
        world.api.execute("UPDATE reports SET title = 'u', role = role WHERE title = 't'")
        # Nobody has one made as what they are not.
        own = "WHERE owner_id IS NOT DISTINCT FROM viewer_user_id()"
        with pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE reports SET role = %s {own}", (other_role,))


def test_an_administrator_does_not_lend_their_rights(world: World) -> None:
    world.viewer("ADMIN", world.here).look(world.api)
    with world.undone():
        assert world.api.execute("UPDATE reports SET title = 'u' WHERE role = 'TEACHER'").rowcount == 1
    for change in ("role = 'ADMIN'", "claimed_groups = '{x}'", "roster_role = 'STUDENT'"):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE reports SET {change} WHERE role = 'TEACHER'")


@pytest.mark.parametrize(
    "statement", ["SELECT target FROM deliveries", "SELECT secret FROM schedule_deliveries", "TABLE deliveries"]
)
def test_targets_are_the_workers_alone(world: World, statement: str) -> None:
    world.viewer("ADMIN", world.here).look(world.api)
    with world.undone(), pytest.raises(errors.InsufficientPrivilege):
        world.api.execute(statement)


@pytest.mark.parametrize("role", ROLES)
def test_children_of_reports_are_added_by_those_who_see_them(world: World, role: str) -> None:
    world.viewer(role, world.here).look(world.api)
    foreign = {row["id"] for row in world.rows(world.superuser, "report_schedules")}
    seen = {row["id"] for row in world.rows(world.api, "report_schedules")}
    add = """INSERT INTO schedule_deliveries (organization_id, schedule_id, channel, target, masked, attach)
      VALUES (%s, %s, 'TELEGRAM', '7', '*', false)"""
    for key in seen:
        with world.undone():
            world.api.execute(add, (world.here.id, key))
    for key in foreign - seen:
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(add, (world.here.id, key))


RULE = """INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds)
VALUES (%s, %s, 'new', 'requests > 1', 'INFO', 0)"""


@pytest.mark.parametrize("role", ROLES)
def test_alert_rules_are_their_operators_to_write(world: World, role: str) -> None:
    world.viewer(role, world.here).look(world.api)
    with world.undone():
        # Only the organization's own, of the three that an operator sees.
        changed = world.api.execute("UPDATE alert_rules SET condition = 'requests > 2'").rowcount
        assert changed == (1 if role == "ADMIN" else 0)
    for organization_id, origin in ((world.there.id, "SAVED"), (None, "FILE"), (None, "DEFAULT")):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(RULE, (organization_id, origin))
    with world.undone():
        if role == "ADMIN":
            world.api.execute(RULE, (world.here.id, "SAVED"))
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                world.api.execute(RULE, (world.here.id, "SAVED"))


@pytest.mark.parametrize("role", ROLES)
def test_alerts_are_acknowledged_in_ones_own_name(world: World, role: str) -> None:
    viewer = world.viewer(role, world.here)
    viewer.look(world.api)
    acknowledge = "UPDATE alerts SET acknowledged_at = now(), acknowledged_by = %s"
    with world.undone():
        seen = world.api.execute("SELECT FROM alerts").rowcount
        assert world.api.execute(acknowledge, (viewer.user_id,)).rowcount == seen == (2 if role == "ADMIN" else 0)
    if role == "ADMIN":
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(acknowledge, (world.here.users["friend"],))
    for change in ("resolved_at = now()", "value = 0", "fired_at = now()"):
        with world.undone(), pytest.raises(errors.InsufficientPrivilege):
            world.api.execute(f"UPDATE alerts SET {change}")


@pytest.mark.parametrize("table", ["lab_topics", "parked_attempts"])
@pytest.mark.parametrize("role", ROLES)
def test_deletes(world: World, role: str, table: str) -> None:
    world.viewer(role, world.here).look(world.api)
    theirs = [row for row in world.rows(world.superuser, table) if is_of(row, table, world.here)]
    with world.undone():
        assert world.api.execute(f"DELETE FROM {table}").rowcount == (len(theirs) if role in WRITES else 0)


def test_what_a_writer_writes_is_counted(world: World) -> None:
    """The triggers reach what the API's role itself may not touch."""
    world.viewer("SERVICE", world.here).look(world.api)
    total = "SELECT attempts FROM user_totals_live WHERE user_id = %s"
    student = world.here.users["student"]
    with world.undone():
        (before,) = world.api.execute(total, (student,)).fetchone() or (0,)
        write(world.api, "attempts", world.here)
        assert world.api.execute(total, (student,)).fetchone() == (before + 1,)
        counted = "SELECT completed_at::date::text FROM attempts WHERE counted AND user_id = %s AND lab_id = %s"
        assert world.api.execute(counted, (student, world.here.labs[0])).fetchone() == ("2025-06-01",)


@pytest.mark.parametrize(
    "statement",
    [
        *(f"DELETE FROM {table}" for table in sorted(WRITABLE - {"lab_topics", "parked_attempts"})),
        "INSERT INTO attempt_deltas (organization_id, user_id, lab_id, day) VALUES (1, 1, 1, '2025-06-02')",
        "UPDATE attempt_deltas SET tasks = 99",
        "DELETE FROM attempt_deltas",
        "UPDATE user_totals SET tasks = 99",
        "UPDATE user_lab_totals SET tasks = 99",
        "UPDATE user_topic_totals SET tasks = 99",
        "UPDATE user_topic_packs SET tasks = ''",
        "UPDATE user_days SET tasks = 99",
        "UPDATE lab_days SET tasks = 99",
        "UPDATE user_totals_live SET active = false",
        "UPDATE view_refreshes SET source_query = 'SELECT'",
        "UPDATE organizations SET name = 'mine'",
        "INSERT INTO organizations (slug, name) VALUES ('mine', 'mine')",
        "TRUNCATE attempts",
        *(f"TABLE internal.{view}" for view in MATERIALIZED_VIEWS),
        "REFRESH MATERIALIZED VIEW internal.score_ranks",
        "SELECT * FROM fold_attempt_deltas()",
        "SELECT refresh_view('score_ranks')",
        "SELECT internal.refresh_as_owner('score_ranks')",
        "SELECT recount(ARRAY[1], ARRAY[1])",
        "SELECT move_topic_totals(ARRAY[1], ARRAY[1], ARRAY[1])",
        "SELECT nextval('fold_version')",
        "TABLE alembic_version",
        "TABLE jobs.runs",
        "TABLE jobs.procrastinate_jobs",
        "SELECT enqueue_job('exports', 'any', '{}')",
        "SELECT jobs.ask_once('exports', 'any', '{}', 'any')",
        "SELECT * FROM jobs.recover_stalled(0, 1)",
        "DELETE FROM job_runs",
        "DELETE FROM alert_rules",
        "DELETE FROM alerts",
        "UPDATE alert_rules SET origin = 'FILE', organization_id = NULL",
        "CREATE TABLE public.mine ()",
        "CREATE TABLE internal.mine ()",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE OR REPLACE FUNCTION public.viewer_sees_all() RETURNS boolean LANGUAGE sql RETURN true",
        "ALTER TABLE attempts DISABLE ROW LEVEL SECURITY",
        "DROP POLICY viewer_reads ON attempts",
        "CREATE POLICY mine ON attempts USING (true)",
        "ALTER TABLE attempts DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ],
)
def test_out_of_reach(world: World, statement: str) -> None:
    world.viewer("ADMIN", world.here).look(world.api)
    # a view that joins cannot be updated by anybody
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        world.api.execute(statement)


def test_row_security_cannot_be_switched_off(world: World) -> None:
    world.viewer("STUDENT", world.here).look(world.api)
    with world.undone():
        world.api.execute("SET LOCAL row_security = off")
        with pytest.raises(errors.InsufficientPrivilege):
            world.api.execute("TABLE attempts")


@pytest.mark.parametrize("role", ROLES)
def test_who_may_ask_for_jobs(world: World, role: str) -> None:
    world.viewer(role, world.here).look(world.api)
    for call in ("run_job('DATA_CLEANUP')", "request_refresh(ARRAY['lab_stats'])"):
        with world.undone():
            if role == "ADMIN":
                assert world.api.execute(f"SELECT {call}").fetchone() is not None
            else:
                with pytest.raises(errors.InsufficientPrivilege):
                    world.api.execute(f"SELECT {call}")


@pytest.mark.parametrize(
    "call",
    ["run_job('VIEW_REFRESH')", "run_job('nonsense')", "run_job(NULL)", "request_refresh('{}')"]
    + [
        f"request_refresh(ARRAY[{names}])"
        for names in ("'nonsense'", "'lab_stats', NULL", "'lab_stats; DROP TABLE users'")
    ],
)
def test_not_any_job_can_be_asked_for(world: World, call: str) -> None:
    world.viewer("ADMIN", world.here).look(world.api)
    with world.undone(), pytest.raises(errors.InvalidParameterValue):
        world.api.execute(f"SELECT {call}")


# --- what it costs ------------------------------------------------------------------------------------


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.fixture(scope="module")
def crowd(new_database: Callable[[], Database]) -> Iterator[Connection]:
    """A connection of the API's role to a database where reading everything would be dear."""
    database = new_database()
    with database.connect(None) as superuser, database.connect(DatabaseRole.API) as api:
        id = add_organization(superuser)
        labs = [add_lab(superuser, id) for _ in range(20)]
        for number in range(0, 20, 2):
            add_topic(superuser, id, labs[number : number + 2])
        superuser.execute(
            "INSERT INTO users (organization_id, external_id, username, display_name)"
            " SELECT %s, n, n, n FROM (SELECT 'user-' || generate_series(1, 300) AS n) AS names",
            (id,),
        )
        for is_folded in (True, False):
            superuser.execute(
                "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, difficulty)"
                " SELECT %s, u.id, l, 'SUCCEEDED', timestamptz '2025-06-02Z' + make_interval(hours => l::int), 5"
                " FROM users u, unnest(%s::bigint[]) AS l",
                (id, labs),
            )
            if is_folded:
                fold(superuser)
        superuser.execute("ANALYZE")
        yield api


@pytest.mark.parametrize(
    ("relation", "tables"),
    [
        ("attempts", {"attempts"}),
        ("attempt_measures", {"attempts"}),
        ("attempt_deltas", {"attempt_deltas"}),
        ("user_totals_live", {"user_totals", "attempt_deltas"}),
        ("user_totals_settled", {"user_totals"}),
        ("user_lab_totals_live", {"user_lab_totals", "attempt_deltas"}),
        ("user_topic_totals_live", {"user_topic_totals", "attempt_deltas"}),
        ("user_topic_packs", {"user_topic_packs"}),
        ("user_topic_packs_live", {"user_topic_packs", "user_topic_totals", "attempt_deltas"}),
        ("user_days_live", {"user_days", "attempt_deltas"}),
    ],
)
@pytest.mark.parametrize("role", ["STUDENT", "TEACHER", "MANAGER"])
def test_the_policy_is_asked_once_per_statement(crowd: Connection, role: str, relation: str, tables: set[str]) -> None:
    """The viewer is read in init-plans, rows come by an index, and no filter calls a function per row."""
    become(crowd, 1, 7, role, [1])
    row = crowd.execute(
        f"EXPLAIN (ANALYZE, FORMAT JSON, COSTS OFF, TIMING OFF) SELECT * FROM {relation} WHERE user_id = 7"
    ).fetchone()
    assert row is not None
    top = row[0][0]["Plan"]
    assert top["Actual Rows"] > 0
    plan = list(nodes(top))
    assert any(node.get("Subplan Name", "").startswith("InitPlan") for node in plan)
    for node in plan:
        if node.get("Parent Relationship") in ("InitPlan", "SubPlan"):
            assert node["Actual Loops"] <= 1
    scans = [node for node in plan if node.get("Relation Name") in tables]
    assert {scan["Relation Name"] for scan in scans} == tables
    for scan in scans:
        conditions = [node["Index Cond"] for node in nodes(scan) if "Index Cond" in node]
        assert any("user_id = 7" in condition.replace("'", "") for condition in conditions), scan
        assert "viewer_" not in scan.get("Filter", "")
        assert "current_setting" not in scan.get("Filter", "")
