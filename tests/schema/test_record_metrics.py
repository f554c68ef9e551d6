"""Recording how services fare: all of a call or nothing of it, once for each key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.asking import Asker
from tests.schema.test_roster import ERRORS, SERVICE
from tests.schema.test_tracked_events import NESTED, instant, payload
from tests.workers.asking import value

RECORD = f"mutation ($input: RecordMetricsInput!) {{ recordMetrics(input: $input) {{ accepted replayed droppedKeys {ERRORS} }} }}"
SAMPLE = {"serviceName": "billing", "metricName": "cpu_percent", "value": 12.5}
REQUEST = {
    "serviceName": "billing",
    "endpoint": "/bills/{id}",
    "method": "GET",
    "statusCode": 200,
    "responseTimeMs": 12.5,
}


async def record(ask: Asker, samples: Any = (), requests: Any = (), key: str | None = None) -> dict[str, Any]:
    input = {"samples": list(samples), "requests": list(requests), "idempotencyKey": key}
    return payload(await ask(RECORD, {"input": input}, **SERVICE))


async def test_records_samples_and_adds_requests_up(fresh_ask: Asker) -> None:
    at = datetime.now(UTC).replace(second=1, microsecond=0) - timedelta(hours=1)
    times = [(at + timedelta(seconds=seconds)).isoformat() for seconds in (0, 58, 59)]
    done = await record(
        fresh_ask,
        [
            {**SAMPLE, "tags": {"host": "a", "client": {"IP": "::1"}}},
            {**SAMPLE, "value": -1e300, "at": instant(days=89)},
        ],
        [
            {**REQUEST, "at": times[0], "responseTimeMs": 10, "payloadBytes": "5000000000"},
            {**REQUEST, "at": times[1], "responseTimeMs": 20},
            {**REQUEST, "at": times[2]},
            {**REQUEST, "at": times[0], "statusCode": 500},
        ],
    )
    assert done == {"accepted": 6, "replayed": False, "droppedKeys": ["client.IP"], "userErrors": []}
    tags = "SELECT array_agg(tags ORDER BY value DESC) FROM system_metrics"
    assert value(fresh_ask.database, tags) == [{"host": "a", "client": {}}, {}]
    rows = (
        "SELECT array_agg(ARRAY[status_code, requests, total_microseconds, payloads, payload_bytes] ORDER BY at, status_code)"
        " FROM api_metrics"
    )
    assert value(fresh_ask.database, rows) == [
        [200, 2, 30_000, 1, 5_000_000_000],
        [500, 1, 12_500, 0, 0],
        [200, 1, 12_500, 0, 0],
    ]
    of = "SELECT array_agg(DISTINCT o.slug) FROM system_metrics m LEFT JOIN organizations o ON o.id = m.organization_id"
    assert value(fresh_ask.database, of) == ["north"]


async def test_a_key_counts_once(fresh_ask: Asker) -> None:
    sample = {**SAMPLE, "tags": {"ip": "secret address"}}
    first = await record(fresh_ask, [sample], [REQUEST], key="k")
    again = await record(fresh_ask, [sample], [REQUEST], key="k")
    assert (first["accepted"], again["accepted"], again["replayed"]) == (2, 0, True)
    assert "secret address" not in value(fresh_ask.database, "SELECT string_agg(k::text, '') FROM idempotency_keys k")
    other = await record(fresh_ask, [sample], [{**REQUEST, "statusCode": 404}], key="k")
    assert other["userErrors"][0]["firstDifference"] == ["input", "requests", "0", "status_code"]
    counts = "SELECT (SELECT count(*) FROM system_metrics) + (SELECT sum(requests) FROM api_metrics)"
    assert value(fresh_ask.database, counts) == 2


@pytest.mark.parametrize(
    ("bad", "field", "rule"),
    [
        ({"value": 1.1e300}, "value", "RANGE"),
        ({"serviceName": ""}, "serviceName", "LENGTH"),
        ({"metricName": "x" * 101}, "metricName", "LENGTH"),
        ({"metricName": "a\0"}, "metricName", "TEXT"),
        ({"at": instant(hours=-1)}, "at", "TIME"),
        ({"at": instant(days=91)}, "at", "RETENTION"),
        ({"tags": [1]}, "tags", "FORMAT"),
        ({"tags": {"a": "x" * 1024}}, "tags", "SIZE"),
        ({"tags": {"a": "\0"}}, "tags", "TEXT"),
        ({"tags": NESTED}, "tags", "DEPTH"),
        ({"endpoint": "x" * 256}, "endpoint", "LENGTH"),
        ({"method": ""}, "method", "LENGTH"),
        ({"statusCode": 99}, "statusCode", "RANGE"),
        ({"statusCode": 600}, "statusCode", "RANGE"),
        ({"responseTimeMs": -0.001}, "responseTimeMs", "RANGE"),
        ({"responseTimeMs": 1e9}, "responseTimeMs", "RANGE"),
        ({"payloadBytes": -1}, "payloadBytes", "RANGE"),
    ],
)
async def test_one_that_makes_no_sense_refuses_all(ask: Asker, bad: dict[str, Any], field: str, rule: str) -> None:
    if bad.keys() <= {"serviceName", "metricName", "value", "at", "tags"}:
        done, place = await record(ask, [SAMPLE, {**SAMPLE, **bad}], [REQUEST], key="k"), "samples"
    else:
        done, place = await record(ask, [SAMPLE], [REQUEST, {**REQUEST, **bad}], key="k"), "requests"
    (error,) = done["userErrors"]
    assert (error["path"], error["rule"], done["accepted"]) == (["input", place, "1", field], rule, 0)
    assert value(ask.database, "SELECT count(*) FROM system_metrics") == 0
    assert value(ask.database, "SELECT count(*) FROM api_metrics") == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf"), "1", None])
async def test_what_is_no_finite_number_is_refused(ask: Asker, number: Any) -> None:
    answer = await ask(RECORD, {"input": {"samples": [{**SAMPLE, "value": number}]}}, **SERVICE)
    assert answer.codes == ["VALIDATION"]


async def test_too_many_and_none(fresh_ask: Asker) -> None:
    done = await record(fresh_ask, [SAMPLE] * 2501, [REQUEST] * 2500)
    assert done["userErrors"][0]["rule"] == "SIZE"
    assert (await record(fresh_ask, [SAMPLE] * 2500, [REQUEST] * 2500))["accepted"] == 5000
    assert (await record(fresh_ask))["accepted"] == 0
    assert value(fresh_ask.database, "SELECT count(*) FROM system_metrics") == 2500


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER")])
async def test_it_needs_ingest(ask: Asker, person: str, role: str) -> None:
    done = payload(await ask(RECORD, {"input": {"samples": [SAMPLE]}}, person=person, role=role))
    assert (done["userErrors"][0]["code"], done["userErrors"][0]["permission"]) == ("FORBIDDEN", "INGEST")
