"""`scoregraph alerts` as an operator uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml

from tests.commanding import scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute

Alerts = Callable[..., CompletedProcess[str]]

ALERTS = """
INSERT INTO alert_rules (origin, name, condition, severity, for_seconds) VALUES ('FILE', 'dead', 'dead_letters > 0', 'CRITICAL', 0);
INSERT INTO alerts (rule_id, subject, severity, value, started_at, fired_at, resolved_at)
SELECT r.id, a.subject, r.severity, 2, '2026-03-01Z', a.fired, a.resolved FROM alert_rules r CROSS JOIN (VALUES
  ('over', timestamptz '2026-03-01Z', timestamptz '2026-03-02Z'), ('open', '2026-03-01Z', NULL), ('waits', NULL, NULL)
) AS a (subject, fired, resolved)
"""


@pytest.fixture
def alerts(tmp_path: Path) -> Alerts:
    def run(*arguments: str, **variables: str) -> CompletedProcess[str]:
        return scoregraph(tmp_path / "data", "alerts", *arguments, **variables)

    return run


def test_checks_a_file(alerts: Alerts, tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("alerts:\n  - {name: a, condition: requests > 1, severity: info, notification: slack}\n")
    good = alerts("check", str(file))
    assert (good.returncode, good.stdout) == (0, "All is right: 1 rule.\n")
    assert good.stderr == "a: no ALERT_… setting says where to send it by slack.\n"
    assert alerts("check", ALERTS_FILE=str(file), ALERT_SLACK_URL="https://hooks.example").stderr == ""
    file.write_text("alerts:\n  - name: a\n    condition: foo > 1\n    severity: info\n    for: never\n")
    bad = alerts("check", str(file))
    assert (bad.returncode, bad.stdout) == (1, "")
    first, second = bad.stderr.splitlines()
    assert first.startswith(f"{file}:3: There is no measure foo; there are ")
    assert second.startswith(f"{file}:5: `for` looks like")
    assert alerts("check", str(tmp_path / "none")).stderr.startswith(
        f"{tmp_path / 'none'}:1: It cannot be read: No such"
    )


def test_the_file_that_comes_with_it_is_the_default(alerts: Alerts) -> None:
    assert alerts("check").stdout.startswith("All is right: ")


def test_prints_rules_for_prometheus(alerts: Alerts, tmp_path: Path) -> None:
    file = tmp_path / "alerts.yaml"
    file.write_text("alerts:\n  - {name: on, condition: exports_pending > 5, severity: info}\n"
                    "  - {name: off, condition: requests > 1, severity: info, enabled: no}\n")  # fmt: skip
    printed = alerts("prometheus", str(file), ALERT_THRESHOLD_ERROR_RATE="0.2")
    [group] = yaml.safe_load(printed.stdout)["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [
        "ScoregraphHighErrorRate",
        "ScoregraphSlowResponseTime",
        "ScoregraphOn",
    ]
    assert "> 0.2)" in group["rules"][0]["expr"]


def test_lists_measures(alerts: Alerts) -> None:
    printed = alerts("measures").stdout
    assert "error_rate" in printed
    assert "oldest_job_seconds" in printed


def test_lists_alerts(alerts: Alerts, new_database: Callable[[], Database], servers: Servers) -> None:
    database = new_database()
    here = {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url}
    assert alerts("list", **here).stderr.endswith("There are no alerts.\n")
    execute(database, ALERTS)
    listed = [json.loads(line) for line in alerts("list", "--json", **here).stdout.splitlines()]
    assert [(alert["rule"], alert["subject"]) for alert in listed] == [("dead", "open"), ("dead", "over")]
    [firing] = [json.loads(line) for line in alerts("list", "--firing", "--json", **here).stdout.splitlines()]
    assert (firing["subject"], firing["severity"], firing["resolved_at"]) == ("open", "CRITICAL", None)
    table = alerts("list", **here).stdout
    assert "critical" in table
    assert "2026-03-02 00:00:00" in table
