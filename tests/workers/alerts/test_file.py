"""The file of rules: what is taken, and the line of everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.delivery_targets import DeliveryChannel
from db.queries.alert_rules import AlertRule, AlertSeverity
from workers.alerts.file import MOST_BYTES, AlertsFileError, read_file, read_text
from workers.alerts.watch import SHIPPED

EMAIL, SLACK = DeliveryChannel.EMAIL, DeliveryChannel.SLACK


def problems(content: bytes | str) -> list[str]:
    with pytest.raises(AlertsFileError) as refused:
        read_text(content)
    return [str(problem) for problem in refused.value.problems]


def rule(**keys: str) -> str:
    """A file of one rule; its keys are in lines 3, 4, 5 and so on."""
    keys = {"condition": "requests > 1", "severity": "info", **keys}
    return "alerts:\n  - name: x\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())


def test_the_shape_that_operators_know() -> None:
    assert read_text(
        """
alerts:
  - name: high_error_rate
    condition: error_rate > 0.05
    severity: critical
    notification: email,slack

  - name: slow_response_time
    condition: avg_response_time > 2000
    severity: warning
    notification: slack
"""
    ) == [
        AlertRule("high_error_rate", "error_rate > 0.05", AlertSeverity.CRITICAL, 300, (EMAIL, SLACK)),
        AlertRule("slow_response_time", "avg_response_time > 2000", AlertSeverity.WARNING, 300, (SLACK,)),
    ]


def test_all_that_can_be_said() -> None:
    [taken] = read_text(
        """
alerts:
- {name: "Errors, and who fails ☂", severity: Info, for: 90, enabled: no, notification: [Slack, email, slack],
   summary: "Requests fail.", condition: "error_rate > 0.05
     and requests >= 20"}
"""
    )
    assert taken == AlertRule(
        "Errors, and who fails ☂",
        "error_rate > 0.05 and requests >= 20",
        AlertSeverity.INFO,
        90,
        (SLACK, EMAIL),
        "Requests fail.",
        is_enabled=False,
    )


@pytest.mark.parametrize(("written", "seconds"), [("0s", 0), ("30s", 30), ("5m", 300), ("2 h", 7200), ("7d", 604_800)])
def test_durations(written: str, seconds: int) -> None:
    assert read_text(rule(**{"for": written}))[0].for_seconds == seconds


@pytest.mark.parametrize("content", ["", "# nothing\n", "alerts:\n", "alerts: []\n", "---\nalerts: ~\n"])
def test_there_may_be_no_rules(content: str) -> None:
    assert read_text(content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a\n", "line 1: The file has keys: alerts."),
        ("alert: []\n", "line 1: The file has no such key; there are alerts."),
        ("alerts: 5\n", "line 1: `alerts` is a list of rules."),
        ("alerts:\n  - just words\n", "line 2: A rule has keys: name,"),
        ("alerts:\n  - name: [a\n", "line 3: This is no YAML: "),
        ("alerts:\n\t- name: a\n", "line 2: This is no YAML: found character '\\t' that cannot start any token."),
        ("alerts: []\n---\nalerts: []\n", "line 2: This is no YAML: but found another document."),
        ("alerts: !!python/object/apply:os.system ['true']\n", None),
        ("alerts: *nothing\n", "line 1: This is no YAML: found undefined alias 'nothing'."),
        (b"alerts:\n  - name: \xff\xfe\n", "It is no text in UTF-8."),
        ("alerts: \0", "It is no text in UTF-8."),
        ("[" * 5_000, "It is nested too deeply."),
        ("alerts:\n  - name: x\n    severity: info\n", "line 2: A rule needs `condition`."),
        (rule(conditions="requests > 1"), "line 5: A rule has no such key; there are name, condition,"),
        (rule() + "    severity: warning\n", "line 5: `severity` is said twice."),
        (rule(condition="requests > foo"), "line 3: There is no measure foo;"),
        (rule(condition="[requests]"), "line 3: This is no condition;"),
        (rule(severity="urgent"), "line 4: `severity` is one of info, warning, critical."),
        (rule(severity="~"), "line 4: `severity` is one of info, warning, critical."),
        (rule(notification="email,pigeon"), "line 5: `notification` is one of email, slack, telegram, webhook."),
        (rule(notification="{email: me}"), "line 5: `notification` is one of "),
        (rule(**{"for": "5 minutes"}), "line 5: `for` looks like 30s, 5m or 1h, and is a week at most."),
        (rule(**{"for": "-5m"}), "line 5: `for` looks like"),
        (rule(**{"for": "8d"}), "line 5: `for` looks like"),
        (rule(**{"for": "9" * 5_000}), "line 5: `for` looks like"),
        (rule(summary="''"), "line 5: `summary`: The text has 1 to 500 characters."),
        (rule(summary='"a\\0b"'), "line 5: `summary`: The text has a character that cannot be stored"),
        (rule(summary='"a\\nb"'), "line 5: `summary`: The text is one line of characters that can be seen."),
        (rule(enabled="perhaps"), "line 5: `enabled` is true or false."),
        (rule(**{"<<": "{severity: info}"}), "line 5: A rule has no such key;"),
        (rule() + rule().removeprefix("alerts:\n"), "line 5: Another rule has this name, in line 2."),
        (
            "alerts:\n" + "".join(f"  - {{name: n{number}}}\n" for number in range(201)),
            "line 2: There are more than 200",
        ),
    ],
)
def test_says_what_is_wrong_and_where(content: bytes | str, said: str | None) -> None:
    found = problems(content)
    assert said is None or found[0].startswith(said), found
    assert len(" ".join(found)) < 10_000


def test_says_all_that_is_wrong() -> None:
    first, second = rule(severity="urgent", condition="x > 1"), rule(enabled="maybe").removeprefix("alerts:\n")
    assert [found.split(":")[0] for found in problems(first + second.replace("name: x", "name: y"))] == [
        "line 3",
        "line 4",
        "line 8",
    ]


def test_a_file_that_is_none_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(AlertsFileError, match=r"It cannot be read: No such file or directory\."):
        read_file(tmp_path / "none.yaml")
    with pytest.raises(AlertsFileError, match=r"It cannot be read: Is a directory\."):
        read_file(tmp_path)
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(AlertsFileError, match="It has more than 262144 bytes"):
        read_file(large)


def test_aliases_of_aliases_cost_nothing() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "no such key" in problems("\n".join([*lines, "alerts: *a59"]))[0]


def test_the_one_that_comes_with_it_is_right() -> None:
    rules = read_file(SHIPPED)
    assert {"slow_tick", "worker_errors", "exports_stalled"} <= {each.name for each in rules}
    assert next(each.condition for each in rules if each.name == "slow_tick") == "worker_tick_seconds > 90"


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), st.text("alerts:- \n[]{}&*!|>'\"name", max_size=60)))
def test_whatever_is_in_it_is_taken_or_refused(content: bytes | str) -> None:
    try:
        rules = read_text(content)
    except AlertsFileError as refused:
        assert refused.problems  # noqa: PT017 - it need not be refused
    else:
        assert rules == []
