"""What ships for Prometheus and Grafana asks for what a real gateway and a real worker tell."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from commands.web_server import listen, url_of
from commands.worker_web import worker_web
from db.alerts.conditions import parse
from db.alerts.measures import MEASURES
from settings import Settings
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school
from tests.workers.asking import execute
from workers.alerts.defaults import with_defaults
from workers.alerts.file import read_file
from workers.alerts.prometheus import alert_name, prometheus_rules, promql
from workers.alerts.watch import SHIPPED
from workers.events import counting as events
from workers.exports import counting as exports
from workers.main import Worker
from workers.means import Queue

CONFIG = SHIPPED.parent
RULES = CONFIG / "prometheus" / "alerts.yaml"
DASHBOARDS = sorted((CONFIG / "grafana").glob("*.json"))
# What Prometheus itself adds to whatever it scrapes.
ADDED: Told = {"up": [{"job": "", "instance": ""}]}
ADDED_LABELS = {"job", "instance"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool"}
FUNCTIONS = {"sum", "max", "rate", "increase", "histogram_quantile", "topk", "vector"}
DEAD = """INSERT INTO dead_letters (topic, payload, digest, code, message, tries, failed_at)
VALUES ('lab-events', 'x', 'x', 'DATA', '', 5, now())"""
TICKED = """INSERT INTO jobs.workers (id, name, queues, started_at, heartbeat_at, last_tick_seconds)
VALUES (gen_random_uuid(), 'w', '{refresh}', now(), now() + interval '1 hour', 1)"""
LAG = "INSERT INTO jobs.consumers (group_id, topic, partition, lag, pending) VALUES ('g', 'lab-events', 0, 3, 1)"

Told = dict[str, list[dict[str, str]]]
"""The labels of samples, by their names."""


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    school = new_school(new_database, is_folded=True)
    execute(school, DEAD)
    execute(school, TICKED)
    execute(school, LAG)
    return school


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers) as running:
        yield running


@pytest.fixture(scope="module")
async def told(gateway: Gateway, school: Database) -> Told:
    """What a gateway and a worker tell once each has done a little of everything."""
    ask = {"query": "query Name { viewer { user { displayName } } }"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=gateway.headers("ada", "TEACHER")) as client:
        for _ in range(2):
            assert (await client.post("/graphql", json=ask)).status_code == 200
        assert "errors" in (await client.post("/graphql", json={"query": "{ nonsense }"})).json()
        execute(school, "UPDATE users SET display_name = 'Ada' WHERE external_id = 'ada'")
        await client.post("/graphql", json=ask)
        await client.get("/health/ready")
        of_gateway = (await client.get("/metrics/prometheus")).text
    return samples(of_gateway) | samples(await _told_by_worker(school))


async def _told_by_worker(school: Database) -> str:
    settings = Settings(DATABASE_URL=school.url)
    worker = Worker(settings, [Queue.NOTIFY])
    worker.figures.note_tick(91.0, True)
    worker.figures.note_job("exports:make", "FAILED", 1.0)
    events.count("lab-events", events.Result.TAKEN)
    events.LATENCY.labels("lab-events").observe(0.1)
    exports.count_ready("CSV", 1.0)
    stop = asyncio.Event()
    with listen("127.0.0.1", 0) as listening:
        server = worker_web(settings, worker)
        serving = asyncio.create_task(server.serve([listening]))
        working = asyncio.create_task(worker.work(stop))
        try:
            async with httpx.AsyncClient(base_url=url_of(listening)) as client:
                while not server.started:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                return (await client.get("/metrics/prometheus")).text
        finally:
            stop.set()
            await working
            server.should_exit = True
            await serving


def samples(text: str) -> Told:
    found: Told = {}
    for family in text_string_to_metric_families(text):
        # One that has not been counted yet is promised, too.
        found.setdefault(family.name + ("_total" if family.type == "counter" else ""), [])
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


@dataclass(frozen=True)
class Selector:
    """Of a query: which samples, the labels that it needs of them, and the values that it asks for."""

    name: str
    labels: set[str]
    values: dict[str, str]


def selectors(query: str) -> Iterator[Selector]:
    """What a query of PromQL asks for."""
    query = re.sub(r"\[[\w$]+\]", "", query)
    grouping = r"\b(?:by|on|without|ignoring) \(([^)]*)\)"
    grouped = {label for labels in re.findall(grouping, query) for label in re.split(r",\s*", labels)}
    for name, matchers in re.findall(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})?", re.sub(grouping, " ", query)):
        if name not in WORDS | FUNCTIONS:
            given = re.findall(r'(\w+)(=~|!=|!~|=)"([^"]*)"', matchers)
            labels = {label for label, _, _ in given} | grouped
            yield Selector(name, labels - ADDED_LABELS, {label: value for label, sign, value in given if sign == "="})


def check(query: str, told: Told) -> None:
    known = {**told, **ADDED}
    found = list(selectors(query))
    assert found, query
    for asked in found:
        assert asked.name in known, f"nothing is called {asked.name}: {query}"
        samples = known[asked.name]
        assert asked.labels <= {label for labels in samples for label in labels}, query
        assert any(asked.values.items() <= labels.items() for labels in samples), query


def shipped_rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def queries(dashboard: Path) -> Iterator[str]:
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def test_the_rules_for_prometheus_are_those_of_the_file() -> None:
    rules = with_defaults(Settings(), read_file(SHIPPED))
    assert RULES.read_text() == prometheus_rules(rules), (
        "run `scoregraph alerts prometheus > config/prometheus/alerts.yaml`"
    )
    assert [rule["alert"] for rule in shipped_rules()] == [alert_name(rule.name) for rule in rules]


def test_the_rules_have_the_shape_that_prometheus_takes() -> None:
    assert list(yaml.safe_load(RULES.read_text())) == ["groups"]
    for rule in shipped_rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
        assert re.fullmatch(r"[0-9]+s", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("measure", sorted(MEASURES))
async def test_every_measure_is_told_to_prometheus(told: Told, measure: str) -> None:
    query = promql(f"{measure} > 0")
    check(query, told)
    by = parse(f"{measure} > 0").by
    assert (f"by ({by})" in query) is (by is not None)


@pytest.mark.parametrize("name", [rule["alert"] for rule in shipped_rules()])
async def test_every_rule_asks_for_what_is_told(told: Told, name: str) -> None:
    check(next(rule["expr"] for rule in shipped_rules() if rule["alert"] == name), told)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
async def test_every_panel_asks_for_what_is_told(told: Told, dashboard: Path) -> None:
    for query in queries(dashboard):
        check(query, told)


@pytest.mark.parametrize(
    "query", ["sum(rate(no_such_thing[5m]))", 'jobs_total{tusk="x"}', "max by (quoo) (jobs_waiting)"]
)
async def test_what_is_not_told_is_found_out(told: Told, query: str) -> None:
    with pytest.raises(AssertionError):
        check(query, told)


def test_the_dashboards_are_four_and_can_be_told_apart() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert [path.stem for path in DASHBOARDS] == ["events", "gateway", "platform", "workers"]
    assert [board["uid"] for board in boards] == [f"scoregraph-{path.stem}" for path in DASHBOARDS]
    for board in boards:
        panels = board["panels"]
        assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
        assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
        places = [(p["x"], p["y"], p["w"], p["h"]) for p in (panel["gridPos"] for panel in panels)]
        cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
        assert len(cells) == len(set(cells)), "no panel covers another"
        assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("exports_pending > 5", "max(exports_pending) > 5"),
        (
            "not (exports_pending > 5 or exports_failed != 0.25)",
            "(max(exports_pending) <= 5) and (max(exports_failed) == 0.25)",
        ),
        ("exports_pending - exports_failed * 2 > 0", "(max(exports_pending) - (max(exports_failed) * 2)) > 0"),
        ("dead_letters > -1", "max by (topic) (dead_letters) > (0 - 1)"),
    ],
)
def test_conditions_as_promql(condition: str, written: str) -> None:
    assert promql(condition) == written
