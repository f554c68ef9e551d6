"""What the worker does now and then."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.workers.asking import execute, value
from workers.maintenance import clean_up, expire_audit_trail


async def test_forgets_answers_after_thirty_days(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO idempotency_keys (organization_id, owner, operation, key, body, created_at)
        SELECT id, 'ada', 'recordAttempt', age::text, '{}', now() - age
        FROM organizations, unnest(ARRAY[interval '31 days', interval '29 days']) AS age
        """,
    )
    await clean_up(engine)
    assert value(school, "SELECT array_agg(DISTINCT key) FROM idempotency_keys") == ["29 days"]


async def test_forgets_jobs_a_week_after_their_end_and_no_others(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, status, args)
        SELECT 'maintenance', status || ' ' || age, 'todo', '{}'
        FROM unnest(ARRAY['todo', 'doing', 'succeeded', 'failed', 'cancelled', 'aborted']) AS status, unnest(ARRAY[6, 8]) AS age;
        UPDATE jobs.procrastinate_jobs SET status = split_part(task_name, ' ', 1)::jobs.procrastinate_job_status;
        UPDATE jobs.procrastinate_events e SET at = now() - make_interval(days => split_part(j.task_name, ' ', 2)::int)
        FROM jobs.procrastinate_jobs j WHERE j.id = e.job_id;
        INSERT INTO jobs.failures (job_id, error) SELECT id, 'It broke.' FROM jobs.procrastinate_jobs WHERE status = 'failed';
        """,
    )
    await clean_up(engine)
    left = value(school, "SELECT array_agg(task_name::text ORDER BY task_name) FROM jobs.procrastinate_jobs")
    assert left == ["aborted 6", "cancelled 6", "doing 6", "doing 8", "failed 6", "succeeded 6", "todo 6", "todo 8"]
    assert value(school, "SELECT count(*) FROM jobs.failures") == 1


async def test_forgets_workers_that_were_lost_long_ago(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO jobs.workers (id, name, queues, started_at, heartbeat_at)
        SELECT gen_random_uuid(), age::text, '{fold}', now(), now() - make_interval(days => age)
        FROM unnest(ARRAY[0, 6, 8]) AS age
        """,
    )
    await clean_up(engine)
    assert value(school, "SELECT array_agg(name ORDER BY name) FROM jobs.workers") == ["0", "6"]


async def test_forgets_alerts_long_after_they_were_resolved(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO alert_rules (origin, name, condition, severity, for_seconds) VALUES ('FILE', 'x', 'requests > 1', 'INFO', 0);
        INSERT INTO alerts (rule_id, subject, severity, value, started_at, fired_at, resolved_at)
        SELECT r.id, age::text, 'INFO', 1, now() - interval '1 year', now() - interval '1 year', now() - make_interval(days => age)
        FROM alert_rules r, unnest(ARRAY[89, 91, NULL]) AS age
        """,
    )
    await clean_up(engine)
    assert value(school, "SELECT array_agg(subject ORDER BY id) FROM alerts") == ["89", None]


async def test_forgets_traces_when_told_to(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO audit_entries (organization_id, actor, role, action, at)
        SELECT o.id, 'root', 'ADMIN', age::text, now() - make_interval(days => age) FROM organizations o, unnest(ARRAY[29, 31]) AS age
        """,
    )
    await clean_up(engine)
    assert value(school, "SELECT count(*) FROM audit_entries") == 4
    await expire_audit_trail(engine, 30)
    assert value(school, "SELECT array_agg(DISTINCT action) FROM audit_entries") == ["29"]
