"""Webhooks in the graph: who sets them up, what is refused, and that a secret is shown once."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker
from tests.schema.test_roster import ERRORS, ROOT, payload, rows, told
from tests.workers.asking import execute, value

WEBHOOK = "id url events enabled createdAt failingSince disabledAt disabledReason"
SAVE = f"mutation ($input: SaveWebhookInput!) {{ saveWebhook(input: $input) {{ webhook {{ {WEBHOOK} }} secret replayed {ERRORS} }} }}"
DELETE = f"mutation ($input: DeleteWebhookInput!) {{ deleteWebhook(input: $input) {{ deletedId replayed {ERRORS} }} }}"
ROTATE = f"mutation ($input: RotateWebhookSecretInput!) {{ rotateWebhookSecret(input: $input) {{ webhook {{ id }} secret replayed {ERRORS} }} }}"
TEST = f"mutation ($input: TestWebhookInput!) {{ testWebhook(input: $input) {{ delivery {{ id event state tries }} replayed {ERRORS} }} }}"
DELIVERIES = "id event at state status tries nextTryAt deliveredAt error"
LIST = f"query ($first: Int! = 20) {{ webhooks {{ {WEBHOOK} deliveries(first: $first) {{ {DELIVERIES} }} }} }}"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on Webhook {{ {WEBHOOK} }} }} }}"
NEW = {"url": "https://hooks.example/in?for=us", "events": ["ATTEMPT_RECORDED", "ALERT_FIRED", "ALERT_FIRED"]}
SECRETS = "SELECT array_agg(secret ORDER BY webhook_id) FROM webhook_secrets"


async def save(ask: Asker, **values: Any) -> dict[str, Any]:
    saved = payload(await ask(SAVE, {"input": {**NEW, **values}}, **ROOT))
    assert saved["userErrors"] == []
    return saved


async def listed(ask: Asker, **variables: Any) -> list[dict[str, Any]]:
    answer = await ask(LIST, variables, **ROOT)
    assert answer.errors == []
    assert answer.data
    found: list[dict[str, Any]] = answer.data["webhooks"]
    return found


async def test_a_webhook_is_set_up_and_its_secret_shown_once(fresh_ask: Asker) -> None:
    saved = await save(fresh_ask)
    webhook = saved["webhook"]
    assert (webhook["url"], webhook["enabled"], webhook["failingSince"]) == (NEW["url"], True, None)
    assert webhook["events"] == ["ATTEMPT_RECORDED", "ALERT_FIRED"]
    assert len(base64.b64decode(saved["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert value(fresh_ask.database, SECRETS) == [saved["secret"]]
    (found,) = await listed(fresh_ask)
    assert found == {**webhook, "deliveries": []}
    answer = await fresh_ask(NODE, {"id": webhook["id"]}, **ROOT)
    assert answer.data == {"node": webhook}


async def test_it_is_changed_and_keeps_its_secret(fresh_ask: Asker) -> None:
    first = await save(fresh_ask)
    key = first["webhook"]["id"]
    execute(
        fresh_ask.database,
        """UPDATE webhooks SET is_enabled = false, disabled_at = now(), disabled_reason = 'x', failures = 9, failing_since = now(),
          held_until = now() + interval '1 hour'""",
    )
    changed = await save(fresh_ask, id=key, url="https://other.example/", events=["EXPORT_READY"])
    assert (changed["secret"], changed["webhook"]["id"]) == (None, key)
    assert (changed["webhook"]["url"], changed["webhook"]["events"]) == ("https://other.example/", ["EXPORT_READY"])
    assert (changed["webhook"]["enabled"], changed["webhook"]["disabledReason"]) == (True, None)
    assert rows(fresh_ask, "SELECT failures, failing_since, held_until FROM webhooks") == [(0, None, None)]
    assert value(fresh_ask.database, SECRETS) == [first["secret"]]
    off = await save(fresh_ask, id=key, enabled=False)
    assert off["webhook"]["enabled"] is False


async def test_a_secret_is_replaced(fresh_ask: Asker) -> None:
    saved = await save(fresh_ask)
    rotated = payload(await fresh_ask(ROTATE, {"input": {"id": saved["webhook"]["id"]}}, **ROOT))
    assert rotated["userErrors"] == []
    assert rotated["secret"] != saved["secret"]
    assert value(fresh_ask.database, SECRETS) == [rotated["secret"]]


async def test_with_a_key_it_is_set_up_once(fresh_ask: Asker) -> None:
    first, second = await asyncio.gather(*(save(fresh_ask, idempotencyKey="k") for _ in range(2)))
    again = await save(fresh_ask, idempotencyKey="k")
    assert first["webhook"]["id"] == second["webhook"]["id"] == again["webhook"]["id"]
    assert sorted([first["replayed"], second["replayed"]]) == [False, True]
    assert again["secret"] is None, "it is nowhere that it could be shown from"
    other = await fresh_ask(SAVE, {"input": {**NEW, "enabled": False, "idempotencyKey": "k"}}, **ROOT)
    assert [code for code, _, _ in told(other)] == ["IDEMPOTENCY_MISMATCH"]
    (secret,) = value(fresh_ask.database, SECRETS)
    assert secret in (first["secret"], second["secret"])
    kept = rows(fresh_ask, "SELECT answer::text || body::text FROM idempotency_keys")
    assert not any(secret in str(text) for (text,) in kept)


@pytest.mark.parametrize(
    ("values", "path", "rule"),
    [
        ({"url": "http://hooks.example/"}, "input.url", "FORMAT"),
        ({"url": "https://10.0.0.1/"}, "input.url", "FORMAT"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "input.url", "FORMAT"),
        ({"url": "https://user:pass@hooks.example/"}, "input.url", "FORMAT"),
        ({"url": "ftp://hooks.example"}, "input.url", "FORMAT"),
        ({"url": ""}, "input.url", "FORMAT"),
        ({"url": "https://hooks.example/\0"}, "input.url", "FORMAT"),
        ({"url": "https://hooks.example/\ud800"}, "input.url", "FORMAT"),
        ({"url": "https://hooks.example/" + "x" * 2000}, "input.url", "FORMAT"),
        ({"events": []}, "input.events", "REQUIRED"),
    ],
)
async def test_what_cannot_be_meant_is_refused(ask: Asker, values: dict[str, Any], path: str, rule: str) -> None:
    answer = await ask(SAVE, {"input": {**NEW, **values}}, **ROOT)
    assert told(answer) == [("VALIDATION", path, rule)]


async def test_there_are_twenty_at_most(fresh_ask: Asker) -> None:
    execute(
        fresh_ask.database,
        "INSERT INTO webhooks (organization_id, url, events) SELECT 1, 'https://x.example', '{x}' FROM generate_series(1, 20)",
    )
    answer = await fresh_ask(SAVE, {"input": NEW}, **ROOT)
    assert [(code, path) for code, path, _ in told(answer)] == [("INVALID_STATE", "input")]


async def test_it_is_deleted_with_what_waits(fresh_ask: Asker) -> None:
    saved = await save(fresh_ask)
    key = saved["webhook"]["id"]
    await fresh_ask(TEST, {"input": {"id": key}}, **ROOT)
    assert payload(await fresh_ask(DELETE, {"input": {"id": key}}, **ROOT))["deletedId"] == key
    assert await listed(fresh_ask) == []
    assert value(fresh_ask.database, "SELECT count(*) FROM webhook_deliveries") == 0
    assert value(fresh_ask.database, "SELECT count(*) FROM webhook_secrets") == 0
    for document in (DELETE, ROTATE, TEST):
        again = await fresh_ask(document, {"input": {"id": key}}, **ROOT)
        assert [(code, path) for code, path, _ in told(again)] == [("NOT_FOUND", "input.id")]
    gone = await fresh_ask(SAVE, {"input": {**NEW, "id": key}}, **ROOT)
    assert [(code, path) for code, path, _ in told(gone)] == [("NOT_FOUND", "input.id")]


async def test_a_test_waits_to_be_posted(fresh_ask: Asker) -> None:
    saved = await save(fresh_ask)
    key = saved["webhook"]["id"]
    execute(fresh_ask.database, "UPDATE webhooks SET held_until = now() + interval '1 hour'")
    tested = payload(await fresh_ask(TEST, {"input": {"id": key}}, **ROOT))
    assert (tested["delivery"]["event"], tested["delivery"]["state"], tested["delivery"]["tries"]) == (
        None,
        "PENDING",
        0,
    )
    assert value(fresh_ask.database, "SELECT held_until FROM webhooks") is None
    await save(fresh_ask, id=key, enabled=False)
    off = await fresh_ask(TEST, {"input": {"id": key}}, **ROOT)
    assert [code for code, _, _ in told(off)] == ["NOT_FOUND"]


async def test_what_became_of_messages_is_shown(fresh_ask: Asker) -> None:
    await save(fresh_ask)
    await save(fresh_ask)
    execute(
        fresh_ask.database,
        """INSERT INTO webhook_deliveries (organization_id, webhook_id, type, subject, data, next_try_at, delivered_at, failed_at,
          status, error, tries)
        SELECT 1, w.id, 'metrics.alert', 'alerts/1', d.* FROM webhooks w CROSS JOIN (VALUES
          ('{}'::jsonb, timestamptz '2026-04-01Z', NULL::timestamptz, NULL::timestamptz, NULL::int, 'There was no answer.', 2),
          (NULL, NULL, '2026-04-02Z', NULL, 204, NULL, 1), (NULL, NULL, NULL, '2026-04-03Z', 410, 'Gone.', 1)) AS d ORDER BY d.column7 DESC""",
    )
    for webhook in await listed(fresh_ask, first=2):
        assert [delivery["id"] for delivery in webhook["deliveries"]] == sorted(
            (delivery["id"] for delivery in webhook["deliveries"]), key=lambda id: rank(fresh_ask, id), reverse=True
        )
        assert len(webhook["deliveries"]) == 2
    deliveries = (await listed(fresh_ask))[0]["deliveries"]
    assert {(d["state"], d["status"], d["error"], d["tries"], d["event"]) for d in deliveries} == {
        ("PENDING", None, "There was no answer.", 2, "ALERT_FIRED"),
        ("DELIVERED", 204, None, 1, "ALERT_FIRED"),
        ("FAILED", 410, "Gone.", 1, "ALERT_FIRED"),
    }
    for first in (-1, 101):
        answer = await fresh_ask(LIST, {"first": first}, **ROOT)
        assert answer.codes
        assert set(answer.codes) == {"VALIDATION"}


def rank(ask: Asker, id: str) -> int:
    keys = rows(ask, "SELECT id FROM webhook_deliveries ORDER BY id")
    return [global_id("WebhookDelivery", key) for (key,) in keys].index(id)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["STUDENT", "TEACHER", "MANAGER", "SERVICE"])
async def test_they_are_for_those_who_operate(fresh_ask: Asker, role: str) -> None:
    key = (await save(fresh_ask))["webhook"]["id"]
    person = {"STUDENT": "ben", "TEACHER": "ada", "MANAGER": "mia", "SERVICE": "sync"}[role]
    assert (await fresh_ask(LIST, person=person, role=role)).codes == ["FORBIDDEN"]
    assert (await fresh_ask(NODE, {"id": key}, person=person, role=role)).codes == ["NOT_FOUND"]
    for document, values in ((SAVE, NEW), (DELETE, {"id": key}), (ROTATE, {"id": key}), (TEST, {"id": key})):
        answer = await fresh_ask(document, {"input": values}, person=person, role=role)
        assert [code for code, _, _ in told(answer)] == ["FORBIDDEN"]
    assert value(fresh_ask.database, "SELECT count(*) FROM webhooks") == 1


async def test_those_of_another_organization_are_not_there(fresh_ask: Asker) -> None:
    key = (await save(fresh_ask))["webhook"]["id"]
    south = {**ROOT, "organization": "south"}
    answer = await fresh_ask(LIST, **south)
    assert answer.data == {"webhooks": []}
    assert (await fresh_ask(NODE, {"id": key}, **south)).codes == ["NOT_FOUND"]
    for document, values in (
        (SAVE, {**NEW, "id": key}),
        (DELETE, {"id": key}),
        (ROTATE, {"id": key}),
        (TEST, {"id": key}),
    ):
        answer = await fresh_ask(document, {"input": values}, **south)
        assert [(code, path) for code, path, _ in told(answer)] == [("NOT_FOUND", "input.id")]
    assert len(await listed(fresh_ask)) == 1
