"""Deliveries: what is made is delivered, at least once, and to nobody who may not see it any more."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.workers.deliveries.conftest import Office
from tests.workers.receiver import receiver
from workers.deliveries import job
from workers.exports.storage import storage_of
from workers.failures import Postponed

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


async def made(office: Office, *targets: tuple[str, str], **given: Any) -> int:
    """An export that is READY, made by a schedule with these targets."""
    schedule = office.schedule()
    for channel, target in targets:
        office.deliver_to(schedule, target, channel, **given)
    await office.run_due()
    [export] = await office.make()
    assert export["status"] == "READY"
    return int(export["id"])


async def test_the_file_goes_to_whoever_wants_it(office: Office) -> None:
    export_id = await made(office, ("EMAIL", "ada@north.example"), attach=True)
    [delivery] = office.rows("SELECT to_jsonb(d) FROM deliveries d")
    about = {"delivery_id": delivery["id"], "organization_id": delivery["organization_id"]}
    assert office.jobs("deliveries:send") == [about]
    [delivery] = await office.deliver()
    assert (delivery["status"], delivery["tries"], delivery["error"]) == ("SENT", 1, None)
    [(recipients, message)] = office.mail.taken
    assert recipients == ["ada@north.example"]
    assert str(message["Subject"]) == "Algebra, weekly"
    [attached] = message.iter_attachments()
    [(name, size)] = office.all("SELECT file_name, byte_size FROM exports")
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert (attached.get_filename(), len(content)) == (name, size)
    assert b"Ben Bauer" in content
    text = message.get_body(("plain",))
    assert text is not None
    assert "https://scoregraph.example/exports/" in text.get_content()
    # It is over: another job for it sends nothing.
    await job.deliver(office.means, storage_of(office.settings), delivery["id"])
    assert len(office.mail.taken) == 1
    assert export_id == delivery["export_id"]


async def test_a_large_file_is_left_to_the_link(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "LARGEST_ATTACHMENT", 10)
    await made(office, ("EMAIL", "ada@north.example"), attach=True)
    await office.deliver()
    [(_, message)] = office.mail.taken
    assert list(message.iter_attachments()) == []


async def test_every_channel_gets_the_same(office: Office) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 200
        office.changed = {"TELEGRAM_URL": f"http://127.0.0.1:{peer.port}", "TELEGRAM_BOT_TOKEN": "1:bot"}
        schedule = office.schedule()
        office.deliver_to(schedule, peer.url, "SLACK")
        office.deliver_to(schedule, "7", "TELEGRAM")
        office.deliver_to(schedule, peer.url, "WEBHOOK", secret=SECRET)
        await office.run_due()
        await office.make()
        deliveries = await office.deliver()
    assert [delivery["status"] for delivery in deliveries] == ["SENT"] * 3
    slack, telegram, webhook = peer.received
    assert json.loads(slack.body)["text"].startswith("*Algebra, weekly*\n")
    assert json.loads(telegram.body)["text"].startswith("Algebra, weekly\n\n")
    assert webhook.is_signed_with(SECRET)
    assert webhook.headers["webhook-id"] == f"delivery-{deliveries[2]['id']}-ready"
    assert json.loads(webhook.body)["type"] == "export.ready"


async def test_greylisting_is_waited_for(office: Office) -> None:
    await made(office, ("EMAIL", "ada@north.example"))
    office.mail.answer = lambda recipient: "451 4.7.1 Try again later"
    [(key,)] = office.all("SELECT id FROM deliveries")
    for tries, seconds in ((1, 30), (2, 120), (3, 480)):
        with pytest.raises(Postponed) as postponed:
            await job.deliver(office.means, storage_of(office.settings), key)
        assert postponed.value.seconds == seconds
        assert office.all("SELECT status, tries, error FROM deliveries") == [
            ("PENDING", tries, "The mail server answered 451.")
        ]
    office.mail.answer = lambda recipient: "250 OK"
    await job.deliver(office.means, storage_of(office.settings), key)
    assert office.all("SELECT status, tries, error FROM deliveries") == [("SENT", 4, None)]
    assert len(office.mail.taken) == 1


async def test_what_is_refused_for_good_or_too_often_has_failed(office: Office) -> None:
    await made(office, ("EMAIL", "ada@north.example"), ("EMAIL", "mia@north.example"))
    office.mail.answer = lambda recipient: "550 5.1.1 Unknown" if recipient.startswith("mia") else "451 Later"
    for _ in range(job.MOST_TRIES):
        deliveries = await office.deliver()
    assert [(one["status"], one["tries"], one["error"]) for one in deliveries] == [
        ("FAILED", job.MOST_TRIES, "The mail server answered 451."),
        ("FAILED", 1, "The mail server answered 550."),
    ]


async def test_what_is_no_longer_the_requesters_is_not_sent(office: Office) -> None:
    async with receiver() as peer:
        await made(office, ("SLACK", peer.url), ("EMAIL", "ada@north.example"))
        office.do("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
        deliveries = await office.deliver()
    assert {(one["status"], one["error"]) for one in deliveries} == {
        ("FAILED", "The requester may no longer see what is in it.")
    }
    assert peer.received == []
    assert office.mail.taken == []


async def test_to_whom_it_is_sent(office: Office) -> None:
    office.changed = {"SCOREGRAPH_EMAIL_DOMAINS": "School.example"}
    # The requester; who sees the whole organization; of a domain that the operator allows.
    allowed = ["ADA@north.example", "mia@north.example", "head@school.example"]
    # Leads another group; is a member; is a stranger; is one of another organization; of what only looks like the domain.
    refused = [
        "tom@north.example",
        "ben@north.example",
        "eve@evil.example",
        "mia@south.example",
        "head@evil-school.example",
    ]
    await made(office, *(("EMAIL", address) for address in (*allowed, *refused, "head@school.example.evil.example")))
    deliveries = await office.deliver()
    assert [one["target"] for one in deliveries if one["status"] == "SENT"] == allowed
    assert [recipients for recipients, _ in office.mail.taken] == [[address] for address in allowed]
    assert {one["error"] for one in deliveries if one["status"] == "FAILED"} == {
        "This address is of nobody who may see what is in it."
    }


async def test_who_leads_the_group_too_may_have_it_until_they_do_not(office: Office) -> None:
    office.do(
        "INSERT INTO group_memberships (organization_id, group_id, user_id, role) SELECT g.organization_id, g.id, u.id, 'LEAD'"
        " FROM groups g JOIN users u ON u.organization_id = g.organization_id WHERE g.external_id = 'alg-1' AND u.external_id = 'tom'"
    )
    await made(office, ("EMAIL", "tom@north.example"), ("EMAIL", "tom@north.example"))
    [first, second] = office.all("SELECT id FROM deliveries ORDER BY id")
    await job.deliver(office.means, storage_of(office.settings), first[0])
    office.do(
        "UPDATE group_memberships SET valid_to = now() WHERE user_id IN (SELECT id FROM users WHERE external_id = 'tom')"
    )
    await job.deliver(office.means, storage_of(office.settings), second[0])
    assert [status for (status,) in office.all("SELECT status FROM deliveries ORDER BY id")] == ["SENT", "FAILED"]


async def test_an_export_that_is_made_after_all_is_delivered_anew(office: Office) -> None:
    schedule = office.schedule()
    office.deliver_to(schedule)
    await office.run_due()
    office.do(
        "UPDATE exports SET status = 'FAILED', failure_code = 'STORAGE', failure_message = 'The file could not be stored.'"
    )
    await office.deliver()
    office.do(
        "UPDATE exports SET status = 'PENDING', queued_at = clock_timestamp(), failure_code = NULL, failure_message = NULL"
    )
    await office.make()
    await office.deliver()
    subjects = [(str(message["Subject"]), str(message["Message-ID"])[-22:]) for _, message in office.mail.taken]
    assert [subject for subject, _ in subjects] == ["Algebra, weekly: not made", "Algebra, weekly"]
    assert len({key for _, key in subjects}) == 2


@pytest.mark.parametrize("over", ["CANCELLED", "EXPIRED"])
async def test_what_never_comes_is_waited_for_no_longer(office: Office, over: str) -> None:
    await made(office, ("EMAIL", "ada@north.example"))
    office.do(f"UPDATE exports SET status = '{over}'")
    assert office.all("SELECT status, error FROM deliveries") == [("FAILED", "There is no file to be delivered.")]
    await office.deliver()
    assert office.mail.taken == []


async def test_what_somebody_asked_for_and_failed_is_not_waited_for_until_it_is_tried_again(office: Office) -> None:
    await made(office, ("EMAIL", "ada@north.example"))
    office.do("UPDATE exports SET status = 'PROCESSING', due_at = NULL")
    office.do("UPDATE exports SET status = 'FAILED', failure_code = 'STORAGE', failure_message = 'No room.'")
    assert office.all("SELECT status, error FROM deliveries") == [("FAILED", "There is no file to be delivered.")]
    office.do("UPDATE exports SET status = 'PENDING', failure_code = NULL, failure_message = NULL")
    assert office.all("SELECT status, error FROM deliveries") == [("PENDING", None)]


async def test_a_delivery_whose_job_was_lost_is_asked_for_again(office: Office) -> None:
    await made(office, ("EMAIL", "ada@north.example"))
    await office.run_due()
    assert len(office.jobs("deliveries:send")) == 1
    office.do("DELETE FROM jobs.procrastinate_jobs WHERE task_name = 'deliveries:send'")
    await office.run_due()
    assert len(office.jobs("deliveries:send")) == 1


async def test_logs_hold_no_address_and_no_secret(office: Office, log_stream: io.StringIO) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 500
        await made(office, ("SLACK", f"{peer.url}&token=xoxb"), ("EMAIL", "eve@evil.example"))
        await office.deliver()
    said = log_stream.getvalue()
    assert "not_delivered" in said
    assert not [word for word in ("xoxb", "eve@", "evil", "127.0.0.1") if word in said]
