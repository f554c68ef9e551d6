"""Who is told of an alert: programs by the outbox, people by notices, each once when it fires and once when it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from tests.conftest import Database
from tests.workers.alerts.test_judging import DEAD
from tests.workers.asking import execute, value
from tests.workers.deliveries.mail_server import mail_server
from tests.workers.receiver import receiver
from workers import queue
from workers.alerts import notices
from workers.alerts.judging import judge_rules
from workers.means import Means, Queue
from workers.queue import open_app
from workers.running import middleware

RULE = """INSERT INTO alert_rules (origin, name, condition, severity, for_seconds, channels, summary)
VALUES ('FILE', 'dead', 'dead_letters > 0', 'CRITICAL', 0, '{{{}}}', 'Events could not be taken.')"""
OUTBOX = (
    "SELECT coalesce(json_agg(json_build_array(organization_id, type, subject, data) ORDER BY id), '[]') FROM outbox"
)
JOBS = "SELECT count(*) FROM jobs.runs WHERE task = 'alerts:notify'"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


async def fire(school: Database, engine: AsyncEngine, settings: Settings) -> None:
    execute(school, DEAD.format("lab-events", "north", 2))
    await judge_rules(engine, settings)


async def end(school: Database, engine: AsyncEngine, settings: Settings) -> None:
    execute(school, "DELETE FROM dead_letters")
    await judge_rules(engine, settings)


async def send(school: Database, engine: AsyncEngine, settings: Settings) -> None:
    """What a worker does until every notice is sent, or given up."""
    means = Means(settings.model_copy(update={"database_url": school.url}), engine)
    async with open_app(school.url) as app:
        await app.run_worker_async(
            queues=[Queue.NOTIFY],
            wait=False,
            install_signal_handlers=False,
            additional_context={"means": means},
            worker_middleware=[middleware(lambda task, status, seconds: None)],
        )


async def test_programs_are_told_when_it_fires_and_when_it_ends(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format(""))
    await fire(school, engine, Settings())
    await judge_rules(engine, Settings())
    await end(school, engine, Settings())
    await judge_rules(engine, Settings())
    told: list[Any] = value(school, OUTBOX)
    assert [(each[0], each[1], each[3]["status"]) for each in told] == [
        (None, "metrics.alert", "FIRING"),
        (None, "metrics.alert", "RESOLVED"),
    ]
    assert {each[2] for each in told} == {f"alerts/{value(school, 'SELECT id FROM alerts')}"}
    said = told[0][3]
    assert (said["rule"], said["severity"], said["subject"], said["value"]) == ("dead", "CRITICAL", "lab-events", 2)
    assert said["resolvedAt"] is None
    assert told[1][3]["resolvedAt"] >= said["firedAt"]
    assert value(school, JOBS) == 0, "the rule has no channels"


async def test_an_alert_of_an_organization_is_told_to_that_one(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("SLACK"))
    execute(
        school,
        "UPDATE alert_rules SET origin = 'SAVED', organization_id = (SELECT id FROM organizations WHERE slug = 'north')",
    )
    settings = Settings(ALERT_SLACK_URL="https://hooks.example/x")
    await fire(school, engine, settings)
    north = value(school, "SELECT id FROM organizations WHERE slug = 'north'")
    assert [each[0] for each in value(school, OUTBOX)] == [north]
    assert value(school, "SELECT organization_id FROM jobs.runs WHERE task = 'alerts:notify'") == north


async def test_people_are_told_by_the_channels_of_the_rule(school: Database, engine: AsyncEngine) -> None:
    async with mail_server() as mail, receiver() as slack, receiver() as hook:
        settings = mail.settings(
            ALERT_EMAILS="ops@school.example, on-call@school.example",
            ALERT_SLACK_URL=slack.url,
            ALERT_WEBHOOK_URL=hook.url,
            ALERT_WEBHOOK_SECRET=SECRET,
            SCOREGRAPH_WEBHOOK_NETWORKS="127.0.0.0/8",
        )
        execute(school, RULE.format("EMAIL,SLACK,WEBHOOK,TELEGRAM"))
        await fire(school, engine, settings)
        await end(school, engine, settings)
        await send(school, engine, settings)
    assert sorted((*to, message["Subject"]) for to, message in mail.taken) == [
        ("on-call@school.example", "[CRITICAL] dead (lab-events)"),
        ("on-call@school.example", "[RESOLVED] dead (lab-events)"),
        ("ops@school.example", "[CRITICAL] dead (lab-events)"),
        ("ops@school.example", "[RESOLVED] dead (lab-events)"),
    ]
    body = mail.taken[0][1].get_body(("plain",))
    assert body is not None
    assert "Events could not be taken." in body.get_content()
    assert "dead_letters > 0" in body.get_content()
    assert sorted(json.loads(request.body)["text"].splitlines()[0] for request in slack.received) == [
        "*[CRITICAL] dead (lab-events)*",
        "*[RESOLVED] dead (lab-events)*",
    ]
    assert all(request.is_signed_with(SECRET) for request in hook.received)
    alert = value(school, "SELECT id FROM alerts")
    assert {request.headers["webhook-id"] for request in hook.received} == {
        f"alert-{alert}-firing",
        f"alert-{alert}-resolved",
    }


async def test_what_is_not_taken_is_sent_again_to_that_target_alone(
    school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices.RETRY, "exponential_wait", 0)
    async with mail_server() as mail, receiver() as slack:
        slack.answer = lambda request: 503 if len(slack.received) < 3 else 200
        settings = mail.settings(
            ALERT_EMAILS="ops@school.example", ALERT_SLACK_URL=slack.url, SCOREGRAPH_WEBHOOK_NETWORKS="127.0.0.0/8"
        )
        execute(school, RULE.format("EMAIL,SLACK"))
        await fire(school, engine, settings)
        await send(school, engine, settings)
    assert len(mail.taken) == 1
    assert len(slack.received) == 3
    assert value(school, "SELECT array_agg(status ORDER BY id) FROM jobs.runs") == ["SUCCEEDED", "SUCCEEDED"]


async def test_what_will_never_be_taken_is_given_up_and_is_no_reason_for_another_alert(
    school: Database, engine: AsyncEngine
) -> None:
    async with receiver() as slack:
        slack.answer = lambda request: 404
        settings = Settings(ALERT_SLACK_URL=slack.url, SCOREGRAPH_WEBHOOK_NETWORKS="127.0.0.0/8")
        execute(school, RULE.format("SLACK"))
        execute(school, "UPDATE alert_rules SET condition = 'dead_letters > 0'")
        await fire(school, engine, settings)
        await send(school, engine, settings)
    assert len(slack.received) == 1
    assert value(school, "SELECT error FROM jobs.runs") == "It answered 404."
    assert slack.url not in value(
        school, "SELECT error || (SELECT string_agg(args::text, '') FROM jobs.procrastinate_jobs) FROM jobs.runs"
    )
    execute(school, "UPDATE alert_rules SET condition = 'worker_errors > 0'")
    await judge_rules(engine, settings)
    assert value(school, "SELECT count(*) FROM alerts WHERE resolved_at IS NULL") == 0


async def test_a_silence_spares_people_but_not_programs(school: Database, engine: AsyncEngine) -> None:
    settings = Settings(ALERT_SLACK_URL="https://hooks.example/x")
    execute(school, RULE.format("SLACK"))
    await fire(school, engine, settings)
    execute(school, "UPDATE alerts SET silenced_until = now() + interval '1 hour'")
    await end(school, engine, settings)
    await fire(school, engine, settings)
    assert value(school, JOBS) == 1
    assert len(value(school, OUTBOX)) == 3
    assert value(school, "SELECT count(*) FROM alerts WHERE silenced_until > now()") == 2, (
        "the same when it comes again"
    )
    execute(school, "UPDATE alerts SET silenced_until = now() - interval '1 second'")
    await end(school, engine, settings)
    assert value(school, JOBS) == 2


async def test_a_round_that_is_not_committed_tells_nobody(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("SLACK"))
    execute(
        school, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$"
    )
    execute(
        school,
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON alerts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    with pytest.raises(Exception, match="broken"):
        await fire(school, engine, Settings(ALERT_SLACK_URL="https://hooks.example/x"))
    assert value(school, OUTBOX) == []
    assert value(school, JOBS) == 0


@pytest.fixture(autouse=True)
def nothing_else_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "SCHEDULE", {})
