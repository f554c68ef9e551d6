"""How the platform fares, against the same worked out in plain Python over the same rows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean, median, quantiles
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db.request_sums import RequestKey, RequestSums
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.schema.test_alerts import FILLED
from tests.schema.test_roster import ROOT
from tests.schema.test_tracked_events import payload
from tests.school import new_school
from tests.workers.asking import execute

MANAGER = {"person": "mia", "role": "MANAGER"}
MADRID = ZoneInfo("Europe/Madrid")
# Clocks went back on 25 October: a day of 25 hours.
START, END = datetime(2026, 10, 20, 22, tzinfo=UTC), datetime(2026, 10, 30, 23, tzinfo=UTC)
PERIOD = {"dates": {"from": "2026-10-21", "to": "2026-10-31"}}
DAYS = [f"2026-10-{day}" for day in range(21, 31)]
TYPES = ("user_login", "lab_opened", "page_viewed", "report.read")


@dataclass(frozen=True)
class Event:
    person: str | None
    type: str
    at: datetime

    @property
    def day(self) -> str:
        return self.at.astimezone(MADRID).date().isoformat()


@dataclass(frozen=True)
class Platform:
    ask: Asker
    events: list[Event]
    samples: list[tuple[str, str, float, datetime]]
    requests: list[tuple[str, str, int, float, datetime]]

    async def __call__(self, selection: str, **caller: str) -> Any:
        answer = await self.ask(f"{{ platform {{ {selection} }} }}", **(caller or MANAGER))
        return payload(answer)


def drawn_events(draw: random.Random) -> list[Event]:
    """Some at the edges of days, hours, and the period; in visits, of people and of nobody."""
    events = [Event("ben", "user_login", at + timedelta(microseconds=us)) for at in (START, END) for us in (-1, 0)]
    midnight = datetime(2026, 10, 25, 23, tzinfo=UTC)
    events += [Event("cleo", "user_login", midnight + timedelta(microseconds=us)) for us in (-1, 0)]
    for _ in range(300):
        person = draw.choice(["ada", "ben", "cleo", "dan", "gus", None])
        at = START + draw.random() * (END - START)
        for _ in range(draw.randint(1, 6)):
            events.append(Event(person, draw.choices(TYPES, (5, 3, 2, 1))[0], at))
            # Of exactly half an hour is a pause within a session still.
            at += draw.choice([timedelta(minutes=draw.uniform(0, 45)), timedelta(minutes=30)])
    return [Event(event.person, event.type, event.at.replace(microsecond=event.at.microsecond)) for event in events]


@pytest.fixture(scope="module")
async def platform(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Platform]:
    draw = random.Random(11)
    database = new_school(new_database)
    events = drawn_events(draw)
    samples = [
        (
            draw.choice("ab"),
            "response_time",
            round(draw.expovariate(1 / 80), 3),
            START + draw.random() * timedelta(days=2),
        )
        for _ in range(500)
    ]
    requests = [
        (
            draw.choice("ab"),
            draw.choice(["/x", "/y"]),
            draw.choices([200, 404, 500], (8, 1, 1))[0],
            draw.expovariate(1 / 60),
            at,
        )
        for at in (START + draw.random() * timedelta(days=2) for _ in range(800))
    ]
    with database.connect(None) as admin:
        people = dict(admin.execute("SELECT external_id, id FROM users WHERE organization_id = 1").fetchall())
        with admin.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO user_events (organization_id, user_id, event_type, occurred_at) VALUES (1, %s, %s, %s)",
                [(people.get(event.person), event.type, event.at) for event in events],
            )
            cursor.executemany(
                "INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at) VALUES (1, %s, %s, %s, %s)",
                samples,
            )
            cursor.executemany(
                "INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, at, requests,"
                " total_microseconds, buckets, counts, payloads, payload_bytes) VALUES (1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                rows_of(requests),
            )
            # The same of another organization, seen by nobody here.
            cursor.execute(
                "INSERT INTO user_events (organization_id, event_type, occurred_at, user_id)"
                " SELECT 2, event_type, occurred_at, (SELECT id FROM users WHERE organization_id = 2 LIMIT 1) FROM user_events"
            )
            for table in ("system_metrics", "api_metrics"):
                cursor.execute(
                    f"CREATE TEMP TABLE copied AS SELECT * FROM {table}; UPDATE copied SET organization_id = 2"
                )
                cursor.execute(f"INSERT INTO {table} SELECT * FROM copied; DROP TABLE copied")
    asker = Asker(database, servers)
    yield Platform(asker, events, samples, requests)
    await asker.aclose()


def rows_of(requests: list[tuple[str, str, int, float, datetime]]) -> list[Any]:
    minutes: defaultdict[datetime, RequestSums] = defaultdict(RequestSums)
    for service, endpoint, status, milliseconds, at in requests:
        sums = minutes[at.replace(second=0, microsecond=0)]
        sums.of(RequestKey(service, endpoint, "GET", status)).add(milliseconds, 100 if status == 200 else None)
    return [row for minute, sums in minutes.items() for row in sums.take(minute)]


def logins(platform: Platform, since: datetime = START, until: datetime = END) -> list[Event]:
    return [event for event in platform.events if event.type == "user_login" and since <= event.at < until]


async def test_daily_active_users(platform: Platform) -> None:
    found = await platform(
        'userMetrics(period: {dates: {from: "2026-10-21", to: "2026-10-31"}}) { dailyActive { bucket { date } value } }'
    )
    by_day = defaultdict(set)
    for event in logins(platform):
        by_day[event.day] |= {event.person} - {None}
    points = found["userMetrics"]["dailyActive"]
    assert [point["bucket"]["date"] for point in points] == DAYS
    assert [point["value"] for point in points] == [len(by_day[day]) for day in DAYS]


PERIOD_TEXT = 'period: {dates: {from: "2026-10-21", to: "2026-10-31"}}'


async def test_user_metrics(platform: Platform) -> None:
    found = await platform(
        f"userMetrics({PERIOD_TEXT}) {{ weeklyActive monthlyActive registrations logins loginFrequency medianSessionSeconds"
        " featureUsage { eventType events users } period { from to days } freshness { source } }"
    )
    metrics = found["userMetrics"]
    assert metrics["weeklyActive"] == len(
        {event.person for event in logins(platform, END - timedelta(days=7))} - {None}
    )
    assert metrics["monthlyActive"] == len(
        {event.person for event in logins(platform, END - timedelta(days=30))} - {None}
    )
    assert (metrics["registrations"], metrics["freshness"], metrics["period"]["days"]) == (0, {"source": "LIVE"}, 10)
    own = logins(platform)
    assert metrics["logins"] == str(len(own))
    people = {event.person for event in own} - {None}
    assert metrics["loginFrequency"] == pytest.approx(len([event for event in own if event.person]) / len(people))
    assert metrics["medianSessionSeconds"] == pytest.approx(median_session(platform.events))
    used = Counter(event.type for event in platform.events if START <= event.at < END)
    by = {
        kind: len({e.person for e in platform.events if e.type == kind and START <= e.at < END} - {None})
        for kind in used
    }
    assert metrics["featureUsage"] == [
        {"eventType": kind, "events": str(count), "users": by[kind]}
        for kind, count in sorted(used.items(), key=lambda item: (-item[1], item[0]))
    ]


def median_session(events: list[Event]) -> float:
    lengths = []
    for person in {event.person for event in events} - {None}:
        times = sorted(event.at for event in events if event.person == person and START <= event.at < END)
        session = times[:1]
        for before, after in pairwise([*times, datetime.max.replace(tzinfo=UTC)]):
            if after - before > timedelta(minutes=30):
                if len(session) > 1:
                    lengths.append((session[-1] - session[0]).total_seconds())
                session = []
            session.append(after)
    return median(lengths)


@pytest.mark.parametrize("types", [None, ["lab_opened", "nothing"]])
async def test_business_metrics(platform: Platform, types: list[str] | None) -> None:
    document = f"query ($types: [String!]) {{ platform {{ businessMetrics(eventTypes: $types, {PERIOD_TEXT}) {{ eventType total points {{ value bucket {{ date }} }} }} }} }}"
    found = payload(await platform.ask(document, {"types": types}, **MANAGER))["businessMetrics"]
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for event in platform.events:
        if START <= event.at < END and event.type in (types or TYPES):
            counts[event.type][event.day] += 1
    assert [metric["eventType"] for metric in found] == sorted(counts, key=lambda kind: (-counts[kind].total(), kind))
    for metric in found:
        assert metric["total"] == str(counts[metric["eventType"]].total())
        assert [point["bucket"]["date"] for point in metric["points"]] == DAYS
        assert [point["value"] for point in metric["points"]] == [counts[metric["eventType"]][day] for day in DAYS]


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "AVG": fmean, "MIN": min, "MAX": max, "SUM": sum, "COUNT": len, "P50": median,
    "P95": lambda values: quantiles(values, n=100, method="inclusive")[94] if len(values) > 1 else values[0],
    "P99": lambda values: quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0],
}  # fmt: skip


@pytest.mark.parametrize("statistic", STATISTICS)
async def test_system_metrics(platform: Platform, statistic: str) -> None:
    found = await platform(
        f'systemMetrics(metric: "response_time", {PERIOD_TEXT}, grain: HOUR, statistic: {statistic}) {{ serviceName value bucket {{ start }} }}'
    )
    hours = defaultdict(list)
    for service, _, number, at in platform.samples:
        hours[service, at.replace(minute=0, second=0, microsecond=0)].append(number)
    points = found["systemMetrics"]
    assert [(point["serviceName"], datetime.fromisoformat(point["bucket"]["start"])) for point in points] == sorted(
        hours
    )
    expected = [STATISTICS[statistic](hours[key]) for key in sorted(hours)]
    assert [point["value"] for point in points] == pytest.approx(expected)


async def test_system_metrics_of_one_service(platform: Platform) -> None:
    found = await platform(
        f'systemMetrics(metric: "response_time", service: "a", {PERIOD_TEXT}, grain: MONTH) {{ serviceName value }}'
    )
    own = [number for service, _, number, _ in platform.samples if service == "a"]
    assert found["systemMetrics"] == [{"serviceName": "a", "value": pytest.approx(fmean(own))}]
    for document in (
        f'systemMetrics(metric: "x", {PERIOD_TEXT}) {{ value }}',
        f'systemMetrics(metric: "response_time", service: "c", {PERIOD_TEXT}) {{ value }}',
    ):
        assert (await platform(document))["systemMetrics"] == []


@pytest.mark.parametrize("order", ["REQUESTS", "P95", "ERROR_RATE"])
async def test_api_metrics(platform: Platform, order: str) -> None:
    found = (
        await platform(
            f"apiMetrics({PERIOD_TEXT}, orderBy: {order}) {{ serviceName endpoint method requests avgResponseTimeMs p95ResponseTimeMs"
            " errorRate statusCodes { status count } avgPayloadBytes }"
        )
    )["apiMetrics"]
    by = defaultdict(list)
    for service, endpoint, status, milliseconds, _ in platform.requests:
        by[service, endpoint].append((status, milliseconds))
    assert {(metric["serviceName"], metric["endpoint"]) for metric in found} == set(by)
    for metric in found:
        own = by[metric["serviceName"], metric["endpoint"]]
        statuses = Counter(status for status, _ in own)
        assert (metric["method"], metric["requests"]) == ("GET", str(len(own)))
        assert metric["statusCodes"] == [
            {"status": status, "count": str(count)} for status, count in sorted(statuses.items())
        ]
        assert metric["errorRate"] == pytest.approx(statuses[500] / len(own))
        assert metric["avgResponseTimeMs"] == pytest.approx(fmean(ms for _, ms in own), abs=0.001)
        true = sorted(ms for _, ms in own)[-(-95 * len(own) // 100) - 1]
        assert true <= metric["p95ResponseTimeMs"] <= true * 1.1
        assert metric["avgPayloadBytes"] == 100
    key = {"REQUESTS": "requests", "P95": "p95ResponseTimeMs", "ERROR_RATE": "errorRate"}[order]
    ranked = [float(metric[key]) for metric in found]
    assert ranked == sorted(ranked, reverse=True)
    assert await platform(f"apiMetrics({PERIOD_TEXT}, orderBy: {order}, first: 1) {{ endpoint }}") == {
        "apiMetrics": [{"endpoint": found[0]["endpoint"]}]
    }


async def test_summary(platform: Platform) -> None:
    found = (
        await platform(
            f"summary({PERIOD_TEXT}) {{ requests errorRate avgResponseTimeMs p95ResponseTimeMs activeUsers unhealthyServices }}"
        )
    )["summary"]
    times = sorted(ms for *_, ms, _ in platform.requests)
    assert found["requests"] == str(len(times))
    assert found["errorRate"] == pytest.approx(
        sum(status == 500 for _, _, status, _, _ in platform.requests) / len(times)
    )
    assert found["avgResponseTimeMs"] == pytest.approx(fmean(times), abs=0.001)
    assert times[759] <= found["p95ResponseTimeMs"] <= times[759] * 1.1
    assert found["activeUsers"] == len({event.person for event in logins(platform)} - {None})
    assert found["unhealthyServices"] == 0


async def test_where_there_is_nothing(ask: Asker) -> None:
    found = payload(
        await ask(
            "{ platform { summary { requests errorRate avgResponseTimeMs p95ResponseTimeMs activeUsers unhealthyServices }"
            ' services { status } apiMetrics { endpoint } systemMetrics(metric: "x") { value } businessMetrics { total }'
            " userMetrics(period: {lastDays: 2}) { dailyActive { value } weeklyActive logins loginFrequency medianSessionSeconds"
            " featureUsage { users } } } }",
            **MANAGER,
        )
    )
    assert found["summary"] == {
        "requests": "0",
        "errorRate": None,
        "avgResponseTimeMs": None,
        "p95ResponseTimeMs": None,
        "activeUsers": 0,
        "unhealthyServices": 0,
    }
    assert found["userMetrics"] == {
        "dailyActive": [{"value": 0}, {"value": 0}],
        "weeklyActive": 0,
        "logins": "0",
        "loginFrequency": None,
        "medianSessionSeconds": None,
        "featureUsage": [],
    }
    assert [found[name] for name in ("services", "apiMetrics", "systemMetrics", "businessMetrics")] == [[], [], [], []]


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("sync", "SERVICE")])
async def test_it_needs_view_platform(ask: Asker, person: str, role: str) -> None:
    answer = await ask("{ platform { services { status } } }", person=person, role=role)
    assert (answer.data, answer.codes) == ({"platform": None}, ["FORBIDDEN"])


@pytest.mark.parametrize(
    "field",
    [
        "apiMetrics(first: 0) { endpoint }",
        "apiMetrics(first: 201) { endpoint }",
        'apiMetrics(service: "\\u0000") { endpoint }',
        'systemMetrics(metric: "\\u0000") { value }',
        'systemMetrics(metric: "x", period: {allTime: true}, grain: HOUR) { value }',
        "businessMetrics(period: {lastDays: 367}) { total }",
        "businessMetrics(eventTypes: [" + '"x",' * 51 + "]) { total }",
        "userMetrics(period: {lastDays: 367}) { dailyActive { value } }",
        "userMetrics { featureUsage(first: -1) { users } }",
        "summary(period: {lastDays: 0}) { requests }",
    ],
)
async def test_what_cannot_be_meant_is_refused(ask: Asker, field: str) -> None:
    assert (await ask(f"{{ platform {{ {field} }} }}", **MANAGER)).codes == ["VALIDATION"]


HEALTH = """
INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)
SELECT organization, service, metric, value, now() - ago FROM (VALUES
  (1, 'slow', 'response_time', 3000, interval '1 minute'), (1, 'slow', 'response_time', 1500, interval '50 minutes'),
  (1, 'slow', 'response_time', 1, interval '61 minutes'),
  (1, 'fine', 'response_time', 10, interval '1 minute'), (1, 'fine', 'cpu_percent', 20, interval '1 minute'),
  (1, 'fine', 'cpu_percent', 40, interval '2 minutes'), (1, 'fine', 'cpu_percent', 99, interval '6 minutes'),
  (1, 'fine', 'memory_mib', 512, interval '1 minute'), (1, 'fine', 'db_pool_usage', 0.5, interval '1 minute'),
  (1, 'silent', 'cpu_percent', 1, interval '6 minutes'), (1, 'gone', 'cpu_percent', 1, interval '25 hours'),
  (1, 'early', 'cpu_percent', 1, interval '-4 minutes'), (1, 'wrong', 'error_rate', 0.06, interval '1 minute'),
  (2, 'foreign', 'cpu_percent', 1, interval '1 minute'), (NULL, 'gateway', 'cpu_percent', 1, interval '1 minute')
) AS v (organization, service, metric, value, ago);
INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, requests, total_microseconds, buckets, counts, at)
SELECT 1, 'failing', '/', 'GET', status, requests, 1000 * requests, '{0}', ARRAY[requests], now() - interval '1 minute'
FROM (VALUES (200, 90), (503, 10)) AS v (status, requests)
"""


async def test_services_by_what_they_told_lately(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, HEALTH)
    document = (
        "{ platform { summary { unhealthyServices } services"
        " { serviceName status requestCount avgResponseTimeMs errorRate cpuPercent memoryMib dbPoolUsage } } }"
    )
    found = payload(await fresh_ask(document, **MANAGER))
    services = {service.pop("serviceName"): [*service.values()] for service in found["services"]}
    assert services == {
        "early": ["OK", "0", None, None, 1, None, None],
        "failing": ["DEGRADED", "100", 1, 0.1, None, None, None],
        "fine": ["OK", "1", 10, None, 30, 512, 0.5],
        "silent": ["DOWN", "0", None, None, None, None, None],
        "slow": ["DEGRADED", "2", 2250, None, None, None, None],
        "wrong": ["DEGRADED", "0", None, 0.06, None, None, None],
    }
    assert found["summary"] == {"unhealthyServices": 4}
    # Who operates the platform sees the platform, too; nobody sees another organization.
    names = {service["serviceName"] for service in payload(await fresh_ask(document, **ROOT))["services"]}
    assert names == {*services, "gateway"}


async def test_what_is_worrying_is_what_alerts_are_about(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, HEALTH)
    thresholds = {"alert_error_rate": 0.2, "alert_response_time_ms": 2250}
    services = fresh_ask.services
    fresh_ask.services = replace(services, settings=services.settings.model_copy(update=thresholds))
    document = "{ platform { services { serviceName status checks { name } } } }"
    found = payload(await fresh_ask(document, **MANAGER))["services"]
    assert {service["serviceName"] for service in found if service["status"] != "OK"} == {"silent"}
    assert all(service["checks"] == [] for service in found)


async def test_firing_alerts_are_those_that_nobody_has_taken_note_of(fresh_ask: Asker) -> None:
    document = "{ platform { summary { requests firingAlerts } } }"
    assert payload(await fresh_ask(document, **ROOT))["summary"]["firingAlerts"] == 0
    execute(fresh_ask.database, FILLED)
    assert payload(await fresh_ask(document, **ROOT))["summary"]["firingAlerts"] == 2
    execute(
        fresh_ask.database,
        "UPDATE alerts SET acknowledged_at = now() WHERE subject = 'open' AND organization_id IS NULL",
    )
    assert payload(await fresh_ask(document, **ROOT))["summary"]["firingAlerts"] == 1
    refused = await fresh_ask(document, **MANAGER)
    assert refused.codes == ["FORBIDDEN"]
    assert refused.data == {"platform": {"summary": {"requests": "0", "firingAlerts": None}}}


async def test_many_services_have_to_be_named(fresh_ask: Asker) -> None:
    execute(
        fresh_ask.database,
        "INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)"
        " SELECT 1, 's' || n, 'm', n, now() FROM generate_series(1, 11) AS n",
    )
    document = 'query ($service: String) { platform { systemMetrics(metric: "m", service: $service) { value } } }'
    assert (await fresh_ask(document, **MANAGER)).codes == ["VALIDATION"]
    assert payload(await fresh_ask(document, {"service": "s3"}, **MANAGER)) == {"systemMetrics": [{"value": 3}]}
