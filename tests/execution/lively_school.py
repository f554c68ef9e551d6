"""The school with more to ask about: deadlines given and moved, attempts changed, deleted and not yet folded, days near today.

Once filled it does not change, so that two executions of an operation can be compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg

from schema.nodes import NODES
from schema.relay import global_id
from tests.asking import Asker
from tests.execution.generated_values import World

TABLES = {
    "Alert": "alerts",
    "AlertRule": "alert_rules",
    "Assignment": "assignments",
    "Attempt": "attempts",
    "DeadLetter": "dead_letters",
    "AuditEntry": "audit_entries",
    "BadgeDefinition": "award_definitions",
    "ExportJob": "exports",
    "ExportSchedule": "report_schedules",
    "Group": "groups",
    "GroupMembership": "group_memberships",
    "JobRun": "jobs.runs",
    "Lab": "labs",
    "Level": "levels",
    "Organization": "organizations",
    "PerformanceBadge": "awards",
    "PerformanceLog": "attempts",
    "PerformanceMilestone": "awards",
    "Report": "reports",
    "Topic": "topics",
    "TrackedEvent": "user_events",
    "User": "users",
    "Webhook": "webhooks",
}
assert set(TABLES) == set(NODES)

RECENT = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, due_at, duration_seconds, score, skill_match, difficulty,
  errors, source, source_id)
SELECT u.organization_id, u.id, l.id, CASE WHEN n % 4 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, now() - n * interval '31 hours',
  now() - n * interval '30 hours', 60 * n, 100 - n, 0.5 + n / 100.0, l.difficulty, CASE WHEN n % 3 = 0 THEN ARRAY['E_SYNTAX'] ELSE '{}' END,
  'API', 'recent-' || u.id || '-' || l.id || '-' || n
FROM organizations o
JOIN users u ON u.organization_id = o.id AND u.external_id IN ('ben', 'cleo', 'dan')
JOIN labs l ON l.organization_id = o.id
CROSS JOIN generate_series(1, 5) AS n
"""
IN_TWO_GROUPS = """
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
SELECT u.organization_id, g.id, u.id, 'MEMBER', timestamptz '2026-01-15 00:00Z'
FROM users u JOIN groups g ON g.organization_id = u.organization_id AND g.external_id = 'alg-2' WHERE u.external_id = 'cleo'
"""
JOBS = "SELECT enqueue_job('exports', 'test', jsonb_build_object('organization_id', id)) FROM organizations, generate_series(1, 3)"
LETTERS = """
INSERT INTO dead_letters (organization_id, topic, event_id, event_type, payload, digest, code, message, tries, next_try_at, failed_at, replayed_at)
SELECT o.id, 'lab-events', n, 'AttemptRecorded', CASE WHEN n < 4 THEN '{"id": 1}'::bytea END, sha256((o.id || '-' || n)::bytea), 'DATA', 'userId: Field required', n,
  CASE WHEN n = 3 THEN now() END, CASE WHEN n < 3 THEN now() END, CASE WHEN n = 4 THEN now() END
FROM organizations o, generate_series(1, 4) AS n
"""
CONSUMERS = """
INSERT INTO jobs.consumers (group_id, topic, partition, committed_offset, lag, pending, last_event_at, observed_at)
SELECT 'g', 'lab-events', n, n, 3 * n, n, now(), now() - n * interval '20 seconds' FROM generate_series(0, 2) AS n
"""
EXPORTS = """
INSERT INTO exports (organization_id, requested_by, subject, role, kind, format, parameters, group_id, user_id, body, status,
  run, tries, progress, failure_code, failure_message, file_name, as_of, row_count, byte_size, sha256, manifest, expires_at)
SELECT g.organization_id, u.id, u.external_id, e.role, 'GROUP_REPORT', 'CSV', jsonb_build_object('groupId', g.id, 'timeZone', 'UTC'),
  g.id, NULL, '{}', e.status, 'run', 1, e.progress, e.code, e.code, e.file, now(), 2, 300, 'hash',
  '{"title": "Group report", "subtitle": "", "timeZone": "UTC", "filters": {"Group": "Algebra 1"},
    "tables": [{"title": "Members", "rows": 2, "columns": [{"title": "Name"}]}]}', now() + interval '1 day'
FROM (VALUES
  ('ada', 'TEACHER', 'READY', 1, NULL, 'a.csv'), ('ada', 'TEACHER', 'PENDING', NULL, NULL, NULL),
  ('mia', 'MANAGER', 'PROCESSING', 0.5, NULL, NULL), ('root', 'ADMIN', 'FAILED', NULL, 'STORAGE', NULL)
) AS e (person, role, status, progress, code, file)
JOIN users u ON u.external_id = e.person JOIN groups g ON g.organization_id = u.organization_id AND g.external_id = 'alg-1'
"""
RULES = """
INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds)
SELECT id, 'SAVED', 'dead', 'dead_letters > 0', 'WARNING', 0 FROM organizations;
INSERT INTO alerts (rule_id, organization_id, severity, value, started_at, fired_at)
SELECT id, organization_id, severity, 1, now(), now() FROM alert_rules
"""
AWARDS = """
INSERT INTO awards (organization_id, user_id, definition_id, achieved_at, achieved_value, revoked_at, note)
SELECT d.organization_id, u.id, d.id, timestamptz '2026-03-04 10:00Z' + d.id * interval '1 hour', d.threshold,
  CASE WHEN d.slug = 'streak_30' THEN now() END, CASE WHEN d.slug = 'streak_30' THEN 'gone' END
FROM award_definitions d JOIN users u ON u.organization_id = d.organization_id AND u.external_id IN ('ben', 'cleo', 'dan')
"""
WEBHOOKS = """
WITH made AS (
  INSERT INTO webhooks (organization_id, url, events, is_enabled)
  SELECT id, 'https://hooks.example/' || n, '{AttemptRecorded,metrics.alert}', n = 1 FROM organizations, generate_series(1, 2) AS n
  RETURNING id, organization_id
)
INSERT INTO webhook_deliveries (organization_id, webhook_id, type, subject, tries, next_try_at, delivered_at, failed_at, status, error, data)
SELECT organization_id, id, d.type, 'users/ben', 1, d.next, d.delivered, d.failed, d.status, d.error, d.data
FROM made CROSS JOIN (VALUES
  ('WebhookTest', now(), NULL, NULL, NULL, 'It answered 500.', '{}'::jsonb),
  ('AttemptRecorded', NULL, now(), NULL, 204, NULL, NULL), ('metrics.alert', NULL, NULL, now(), 410, 'It answered 410.', NULL)
) AS d (type, next, delivered, failed, status, error, data)
"""
REPORTS = """
WITH saved AS (
  INSERT INTO reports (organization_id, owner_id, subject, role, title, kind, parameters, period, group_id)
  SELECT g.organization_id, u.id, u.external_id, u.role, 'Weekly', 'GROUP_REPORT', jsonb_build_object('groupId', g.id, 'locale', 'en'),
    '{"calendar": "LAST_WEEK"}', g.id
  FROM users u JOIN groups g ON g.organization_id = u.organization_id AND g.external_id = 'alg-1' WHERE u.external_id IN ('ada', 'root')
  RETURNING id, organization_id
), planned AS (
  INSERT INTO report_schedules (organization_id, report_id, format, cron, time_zone, next_run_at)
  SELECT organization_id, id, 'PDF', '30 7 * * MON', 'Europe/Madrid', now() + interval '2 days' FROM saved RETURNING id, organization_id, report_id
), wanted AS (
  INSERT INTO schedule_deliveries (organization_id, schedule_id, channel, target, masked, attach)
  SELECT organization_id, id, 'TELEGRAM', '7', '***7', false FROM planned
), made AS (
  UPDATE exports e SET report_id = p.report_id, schedule_id = p.id, due_at = now() FROM planned p
  WHERE e.organization_id = p.organization_id AND e.role = 'TEACHER' RETURNING e.id, e.organization_id
)
INSERT INTO deliveries (organization_id, export_id, channel, target, masked, attach, status, tries, error)
SELECT organization_id, id, 'TELEGRAM', '7', '***7', false, 'FAILED', 6, 'So it is.' FROM made
"""
EVENTS = """
INSERT INTO user_events (organization_id, user_id, event_type, metadata, occurred_at)
SELECT u.organization_id, u.id, (ARRAY['user_login', 'lab_opened', 'page_viewed'])[1 + n % 3], jsonb_build_object('n', n),
  now() - n * interval '7 hours'
FROM users u, generate_series(1, 6) AS n WHERE u.external_id IN ('ben', 'cleo')
"""
SAVE = "mutation ($input: SaveAssignmentInput!) { saveAssignment(input: $input) { assignment { id } userErrors { message } } }"
EXTEND = "mutation ($input: ExtendDeadlineInput!) { extendDeadline(input: $input) { userErrors { message } } }"
UPDATE = "mutation ($input: UpdateAttemptInput!) { updateAttempt(input: $input) { userErrors { message } } }"
DELETE = "mutation ($input: DeleteAttemptInput!) { deleteAttempt(input: $input) { userErrors { message } } }"

PAGES = "edges { cursor }"
EVERYTHING = f"""{{
  users(first: 3) {{ {PAGES} nodes {{
    attempts(first: 2) {{ {PAGES} nodes {{ revisions {{ {PAGES} }} }} }} performanceLogs(first: 2) {{ {PAGES} }}
    snapshots(first: 2, period: {{allTime: true}}) {{ {PAGES} }} memberships(first: 1) {{ {PAGES} }} assignments(first: 1) {{ {PAGES} }}
    milestones(first: 1) {{ {PAGES} }} badges(first: 1) {{ {PAGES} }} }} }}
  groups(first: 1) {{ {PAGES} }} topics(first: 1) {{ {PAGES} }} labs(first: 2) {{ {PAGES} }}
  attempts(first: 3) {{ {PAGES} }} performanceLogs(first: 2) {{ {PAGES} }} assignments(first: 1) {{ {PAGES} }} exports(first: 1) {{ {PAGES} }}
  reports(first: 1) {{ {PAGES} nodes {{ runs(first: 1) {{ {PAGES} }} }} }}
  events(first: 2) {{ {PAGES} }}
  auditLog(first: 1) {{ {PAGES} }} operations {{ jobs(first: 1) {{ {PAGES} }} deadLetters(first: 2) {{ {PAGES} }} }} leaderboard {{ entries(first: 2) {{ {PAGES} }} }}
  alerts(first: 1) {{ {PAGES} }}
}}"""


async def enliven(ask: Asker) -> World:
    """Fills a school that was built, folded and refreshed; part of it stays to be folded. What there is then."""
    root = {"person": "root", "role": "ADMIN"}

    async def write(document: str, **values: Any) -> Any:
        answer = await ask(document, {"input": values}, **root)
        assert answer.errors == []
        assert answer.data is not None
        (payload,) = answer.data.values()
        assert payload["userErrors"] == []
        return payload

    with ask.database.connect() as owner:
        owner.execute(RECENT)
        owner.execute(IN_TWO_GROUPS)
        owner.execute(JOBS)
        owner.execute(LETTERS)
        owner.execute(CONSUMERS)
        owner.execute(EXPORTS)
        owner.execute(RULES)
        owner.execute(AWARDS)
        owner.execute(WEBHOOKS)
        owner.execute(REPORTS)
        owner.execute(EVENTS)
    for given, lab in (({"groupId": ask.id("Group", "alg-1")}, "l1"), ({"userId": ask.id("User", "cleo")}, "l3")):
        saved = await write(
            SAVE, labId=ask.id("Lab", lab), assignedAt="2026-01-01T00:00:00Z", dueAt="2026-03-05T12:00:00Z", **given
        )
        assignment = saved["assignment"]["id"]
        await write(
            EXTEND, assignmentId=assignment, userId=ask.id("User", "cleo"), dueAt="2026-03-08T12:00:00Z", reason="ill"
        )
    with ask.database.connect(None) as admin:
        changed, deleted = (
            global_id("Attempt", key)
            for (key,) in admin.execute(
                "SELECT id FROM attempts WHERE source_id IN ('ben-1', 'ben-5') ORDER BY source_id"
            )
        )
        await write(UPDATE, id=changed, patch={"score": 31.5, "errors": ["E_SYNTAX"]}, reason="counted wrongly")
        await write(DELETE, id=deleted)
        own, foreign = (_ids(admin, slug) for slug in ("north", "south"))
    answer = await ask(EVERYTHING, **root)
    assert answer.errors == []
    cursors = defaultdict(list)
    for connection, cursor in _cursors(answer.data):
        cursors[connection].append(cursor)
    return World(own, foreign, dict(cursors))


def _ids(connection: psycopg.Connection[Any], organization: str) -> dict[str, list[str]]:
    ids = {}
    for kind, table in TABLES.items():
        of_organization = "id" if table == "organizations" else "organization_id"
        rows = connection.execute(
            f"SELECT id FROM {table} WHERE {of_organization} = (SELECT id FROM organizations WHERE slug = %s) ORDER BY id",
            (organization,),
        )
        ids[kind] = [global_id(kind, key) for (key,) in rows] or [global_id(kind, 999_999)]
    return ids


def _cursors(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Cursors by the name of the field whose list they belong to."""
    if isinstance(value, dict):
        for edge in value.get("edges", ()):
            yield field, edge["cursor"]
        for name, below in value.items():
            yield from _cursors(below, name)
    elif isinstance(value, list):
        for each in value:
            yield from _cursors(each, field)
