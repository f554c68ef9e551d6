"""A worker's rules: written down when it starts, the last good ones where the file is bad, and judged on its way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from commands.web_server import listen, url_of
from commands.worker_web import worker_web
from settings import Settings
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers.alerts.watch import Watch
from workers.main import Worker
from workers.means import Queue

RULES = """SELECT json_agg(json_build_array(origin, name, condition) ORDER BY name) FROM alert_rules WHERE removed_at IS NULL"""
GOOD = "alerts:\n  - {name: dead, condition: dead_letters > 0, severity: info, for: 0s}\n"
DEFAULTS = [
    ["DEFAULT", "high_error_rate", "error_rate > 0.05 and requests >= 20"],
    ["DEFAULT", "slow_response_time", "response_time_p95_ms > 2000"],
]
DEAD = ["FILE", "dead", "dead_letters > 0"]


def settings_with(file: Path, content: str | None, **settings: Any) -> Settings:
    """``content`` None: the file is left as it is."""
    if content is not None:
        file.write_text(content)
    return Settings(ALERTS_FILE=str(file), **settings)


async def started(engine: AsyncEngine, file: Path, content: str | None, **settings: Any) -> Watch:
    """The alerts of a worker that starts with a file, after a round."""
    watch = Watch(settings_with(file, content, **settings))
    await watch.look(engine)
    return watch


async def test_the_rules_of_the_file_and_of_the_settings(school: Database, engine: AsyncEngine, tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    watch = await started(engine, file, GOOD)
    assert watch.complaint is None
    assert value(school, RULES) == [DEAD, *DEFAULTS]
    ids = "SELECT array_agg(id ORDER BY id) FROM alert_rules"
    before = value(school, ids)
    await started(engine, file, GOOD, ALERT_THRESHOLD_ERROR_RATE="0.2")
    assert value(school, RULES)[1] == ["DEFAULT", "high_error_rate", "error_rate > 0.2 and requests >= 20"]
    assert value(school, ids) == before, "they are the same rules, with what is said of them"


async def test_a_rule_of_the_file_takes_the_place_of_one_of_the_settings(
    school: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    own = "alerts:\n  - {name: high_error_rate, condition: error_rate > 0.5, severity: info, enabled: false}\n"
    await started(engine, tmp_path / "a.yaml", own)
    assert value(school, RULES) == [["FILE", "high_error_rate", "error_rate > 0.5"], DEFAULTS[1]]
    assert value(school, "SELECT count(*) FROM alert_rules WHERE judged_at IS NOT NULL") == 1
    await started(engine, tmp_path / "a.yaml", "")
    assert value(school, RULES) == DEFAULTS


async def test_a_rule_that_is_gone_from_the_file_ends_its_alerts(
    school: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    execute(
        school,
        "INSERT INTO dead_letters (topic, payload, digest, code, message, tries, failed_at) VALUES ('t', 'x', 'x', '', '', 5, now())",
    )
    await started(engine, tmp_path / "a.yaml", GOOD)
    firing = "SELECT count(*) FROM alerts WHERE resolved_at IS NULL"
    assert value(school, firing) == 1
    await started(engine, tmp_path / "a.yaml", "")
    assert (value(school, firing), value(school, "SELECT count(*) FROM alerts")) == (0, 1)
    await started(engine, tmp_path / "a.yaml", GOOD)
    assert value(school, firing) == 1


@pytest.mark.parametrize("bad", ["alerts: 5\n", None])
async def test_the_last_good_rules_stay(school: Database, engine: AsyncEngine, tmp_path: Path, bad: str | None) -> None:
    file = tmp_path / "alerts.yaml"
    await started(engine, file, GOOD)
    watch = await started(
        engine, file if bad else tmp_path / "gone" / "alerts.yaml", bad, ALERT_THRESHOLD_RESPONSE_TIME="10"
    )
    assert watch.complaint is not None
    assert watch.complaint.startswith(
        "alerts.yaml: line 1: `alerts` is a list" if bad else "alerts.yaml: It cannot be read"
    )
    slow = ["DEFAULT", "slow_response_time", "response_time_p95_ms > 10"]
    assert value(school, RULES) == [DEAD, DEFAULTS[0], slow]


async def test_organizations_keep_their_own(school: Database, engine: AsyncEngine, tmp_path: Path) -> None:
    execute(
        school,
        "INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds)"
        " SELECT id, 'SAVED', 'dead', 'dead_letters > 7', 'INFO', 0 FROM organizations WHERE slug = 'north'",
    )
    await started(engine, tmp_path / "a.yaml", GOOD)
    await started(engine, tmp_path / "a.yaml", "")
    assert value(school, RULES) == [["SAVED", "dead", "dead_letters > 7"], *DEFAULTS]


async def test_several_workers_that_start_at_once(school: Database, engine: AsyncEngine, tmp_path: Path) -> None:
    await asyncio.gather(*(started(engine, tmp_path / f"{n}.yaml", GOOD) for n in range(4)))
    assert value(school, RULES) == [DEAD, *DEFAULTS]


async def test_a_worker_judges_and_its_health_says_what_is_wrong(school: Database, tmp_path: Path) -> None:
    bad = tmp_path / "alerts.yaml"
    bad.write_text("alerts:\n  - name: x\n    condition: nonsense > 1\n    severity: info\n")
    settings = Settings(DATABASE_URL=school.url, ALERTS_FILE=str(bad))
    worker = Worker(settings, [Queue.NOTIFY])
    stop = asyncio.Event()
    with listen("127.0.0.1", 0) as listening:
        server = worker_web(settings, worker)
        serving = asyncio.create_task(server.serve([listening]))
        working = asyncio.create_task(worker.work(stop))
        try:
            async with httpx.AsyncClient(base_url=url_of(listening)) as client:
                async with asyncio.timeout(20):
                    while not value(school, "SELECT bool_or(judged_at IS NOT NULL) FROM alert_rules"):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                ready = (await client.get("/health/ready")).json()
                metrics = (await client.get("/metrics/prometheus")).text
        finally:
            stop.set()
            await working
            server.should_exit = True
            await serving
    check = ready["checks"]["alerts"]
    assert check["status"] == "degraded"
    assert check["reason"].startswith("alerts.yaml: line 3: There is no measure nonsense;")
    assert 'alerts_firing{severity="critical"} 0.0' in metrics
    assert "exports_stalled_seconds 0.0" in metrics
