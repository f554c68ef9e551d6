"""Schedules: each run once, at the right time, with its owner's rights at that time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from db.cron import Cron
from tests.workers.deliveries.conftest import Office
from workers.reports import run_due

MADRID = ZoneInfo("Europe/Madrid")


async def test_what_is_due_is_asked_for_and_goes_on(office: Office) -> None:
    schedule = office.schedule(office.report(period={"lastDays": 7}))
    before = datetime.now(UTC)
    [export] = await office.run_due()
    assert (export["status"], export["schedule_id"], export["is_late"], export["subject"]) == (
        "PENDING",
        schedule,
        False,
        "ada",
    )
    [(following,)] = office.all("SELECT next_run_at FROM report_schedules")
    assert following == Cron.parse("30 7 * * *").next_after(before, MADRID)
    assert office.jobs("exports:make") == [{"export_id": export["id"], "organization_id": export["organization_id"]}]
    # Seven local days up to and including today.
    start, end = (
        datetime.fromisoformat(export["parameters"]["period"][name]).astimezone(MADRID) for name in ("from", "to")
    )
    assert (start.hour, end.hour) == (0, 0)
    assert (end.date() - start.date()).days == 7
    assert start.date() + timedelta(days=6) == before.astimezone(MADRID).date()
    # Nothing is due any more.
    assert len(await office.run_due()) == 1


async def test_what_is_not_due_or_paused_is_left_alone(office: Office) -> None:
    office.schedule(ago="-1 minute")
    paused = office.schedule(office.report())
    office.do(f"UPDATE report_schedules SET next_run_at = NULL WHERE id = {paused}")
    assert await office.run_due() == []


async def test_what_was_missed_is_made_once_and_late(office: Office) -> None:
    office.schedule(ago="3 days")
    [export] = await office.run_due()
    assert export["is_late"]
    [(seconds, is_ahead)] = office.all(
        "SELECT extract(epoch FROM now() - due_at)::float, (SELECT next_run_at > now() FROM report_schedules) FROM exports"
    )
    assert seconds == pytest.approx(3 * 86_400, abs=60)
    assert is_ahead


async def test_many_workers_ask_once(office: Office) -> None:
    report = office.report()
    for _ in range(12):
        office.schedule(report)
    await asyncio.gather(*(run_due(office.engine, office.settings) for _ in range(5)))
    found = office.all("SELECT schedule_id, count(*) FROM exports GROUP BY 1")
    assert len(found) == 12
    assert {count for _, count in found} == {1}


async def test_a_worker_that_is_killed_leaves_it_due(office: Office) -> None:
    office.schedule()
    with office.database.connect() as owner, owner.transaction(force_rollback=True):
        # Whoever looks now leaves it to the other one; when that one is gone, it is due as before.
        owner.execute("SELECT FROM report_schedules FOR UPDATE")
        assert await office.run_due() == []
    assert len(await office.run_due()) == 1


async def test_schedules_have_a_limit_of_their_own_and_wait(office: Office) -> None:
    office.changed = {"REPORTING_SCHEDULE_RATE_LIMIT_PER_HOUR": 2}
    mine, other = office.report(), office.report("mia")
    for report in (mine, mine, mine, other):
        office.schedule(report)
    made = await office.run_due()
    assert sorted(export["subject"] for export in made) == ["ada", "ada", "mia"]
    [(held,)] = office.all("SELECT held_until FROM report_schedules WHERE held_until IS NOT NULL")
    assert timedelta(minutes=59) < held - datetime.now(UTC) <= timedelta(hours=1)
    # An hour later.
    office.do("UPDATE exports SET queued_at = queued_at - interval '1 hour'")
    office.do(
        "UPDATE report_schedules SET held_until = held_until - interval '1 hour', next_run_at = next_run_at - interval '1 hour'"
    )
    made = await office.run_due()
    assert [(export["subject"], export["is_late"]) for export in made[3:]] == [("ada", True)]


async def test_whoever_lost_the_group_gets_nothing_and_the_schedule_stops(office: Office) -> None:
    schedule = office.schedule()
    office.deliver_to(schedule)
    office.do("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    for number in (1, 2, 3):
        office.do(f"UPDATE report_schedules SET next_run_at = now() WHERE id = {schedule}")
        await office.run_due()
        exports = await office.make()
        assert [export["failure_code"] for export in exports] == ["PERMISSION_REVOKED"] * number
    assert office.all("SELECT next_run_at, paused_for, failures FROM report_schedules") == [
        (None, "PERMISSION_REVOKED", 3)
    ]
    assert office.all("SELECT count(*) FROM report_schedules WHERE next_run_at IS NULL") == [(1,)]
    # Whoever was to have it is told that there is none.
    await office.deliver()
    assert [str(message["Subject"]) for _, message in office.mail.taken] == ["Algebra, weekly: not made"] * 3
    text = office.mail.taken[0][1].get_body(("plain",))
    assert text is not None
    assert "You may no longer see what this is about." in text.get_content()


async def test_a_run_that_succeeds_is_forgiven(office: Office) -> None:
    schedule = office.schedule()
    office.do(f"UPDATE report_schedules SET failures = 2 WHERE id = {schedule}")
    await office.run_due()
    assert [export["status"] for export in await office.make()] == ["READY"]
    assert office.all("SELECT failures, paused_for FROM report_schedules") == [(0, None)]


async def test_failures_of_ours_pause_nothing(office: Office) -> None:
    office.schedule()
    await office.run_due()
    office.do("UPDATE report_schedules SET failures = 2")
    office.do("UPDATE exports SET status = 'FAILED', failure_code = 'STORAGE', failure_message = 'So it is.'")
    assert office.all("SELECT failures, next_run_at IS NULL FROM report_schedules") == [(2, False)]


@pytest.mark.parametrize(
    "change", ["UPDATE users SET role = 'STUDENT'", "UPDATE users SET deactivated_at = now()"], ids=["less", "gone"]
)
async def test_owners_who_are_less_than_they_were_get_nothing(office: Office, change: str) -> None:
    office.schedule(office.report("mia"))
    office.do(f"{change} WHERE external_id = 'mia'")
    await office.run_due()
    [export] = await office.make()
    assert (export["status"], export["failure_code"]) == ("FAILED", "PERMISSION_REVOKED")


async def test_a_schedule_that_cannot_be_read_stops_and_holds_up_nobody(office: Office) -> None:
    broken = office.schedule(ago="1 hour")
    office.do(f"UPDATE report_schedules SET cron = 'nonsense' WHERE id = {broken}")
    office.schedule(office.report("mia"))
    assert [export["subject"] for export in await office.run_due()] == ["mia"]
    assert office.all(f"SELECT next_run_at, paused_for FROM report_schedules WHERE id = {broken}") == [
        (None, "INTERNAL")
    ]
