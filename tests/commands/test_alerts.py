"""`scoregraph alerts` as an operator uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml

from commands import alerts
from tests.commanding import scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute

ALERTS = """
INSERT INTO alert_rules (origin, name, condition, severity, for_seconds) VALUES ('FILE', 'dead', 'dead_letters > 0', 'CRITICAL', 0);
INSERT INTO alerts (rule_id, subject, severity, value, started_at, fired_at, resolved_at)
SELECT r.id, a.subject, r.severity, 2, '2026-03-01Z', a.fired, a.resolved FROM alert_rules r CROSS JOIN (VALUES
  ('over', timestamptz '2026-03-01Z', timestamptz '2026-03-02Z'), ('open', '2026-03-01Z', NULL), ('waits', NULL, NULL)
) AS a (subject, fired, resolved)
"""
NOWHERE = "a: no ALERT_… setting says where to send it by slack.\n"


def test_a_file_that_is_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("alerts:\n  - {name: a, condition: requests > 1, severity: info, notification: slack}\n")
    alerts.check(file)
    assert capsys.readouterr() == ("All is right: 1 rule.\n", NOWHERE)
    monkeypatch.setenv("ALERTS_FILE", str(file))
    monkeypatch.setenv("ALERT_SLACK_URL", "https://hooks.example")
    alerts.check()
    assert capsys.readouterr() == ("All is right: 1 rule.\n", "")


def test_a_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("alerts:\n  - name: a\n    condition: foo > 1\n    severity: info\n    for: never\n")
    with pytest.raises(typer.Exit) as ended:
        alerts.check(file)
    assert ended.value.exit_code == 1
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first.startswith(f"{file}:3: There is no measure foo; there are ")
    assert second.startswith(f"{file}:5: `for` looks like")


def test_rules_for_prometheus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text(
        "alerts:\n  - {name: on, condition: exports_pending > 5, severity: info}\n"
        "  - {name: off, condition: requests > 1, severity: info, enabled: no}\n"
    )
    monkeypatch.setenv("ALERT_THRESHOLD_ERROR_RATE", "0.2")
    alerts.prometheus(file)
    [group] = yaml.safe_load(capsys.readouterr().out)["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [
        "ScoregraphHighErrorRate",
        "ScoregraphSlowResponseTime",
        "ScoregraphOn",
    ]
    assert "> 0.2)" in group["rules"][0]["expr"]


def test_what_conditions_can_be_about(capsys: pytest.CaptureFixture[str]) -> None:
    alerts.measures()
    printed = capsys.readouterr().out
    assert "error_rate" in printed
    assert "oldest_job_seconds" in printed


def test_the_alerts_that_there_are(new_database: Callable[[], Database], servers: Servers, tmp_path: Path) -> None:
    database = new_database()
    here = {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url}
    execute(database, ALERTS)
    listed = scoregraph(tmp_path / "data", "alerts", "list", "--json", **here)
    found = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(alert["rule"], alert["subject"]) for alert in found] == [("dead", "open"), ("dead", "over")]
    table = scoregraph(tmp_path / "data", "alerts", "list", "--firing", **here).stdout
    assert "open" in table
    assert "2026-03-01 00:00:00" in table
    assert "over" not in table
