"""The same rules for Prometheus (https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules): the tree of each
condition, written in PromQL over what gateways and workers are scraped for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from db.alerts.conditions import Arithmetic, Comparison, Joined, Measured, Number, Test, Value, parse
from db.alerts.measures import MEASURES
from db.queries.alert_rules import AlertRule

HEAD = "# The rules of config/alerts.yaml and of the default settings, for `rule_files` of Prometheus. Made by `scoregraph alerts prometheus`.\n"


def prometheus_rules(rules: Iterable[AlertRule]) -> str:
    """A rule file of those that are enabled."""
    written = [_rule(rule) for rule in rules if rule.is_enabled]
    groups = {"groups": [{"name": "scoregraph", "rules": written}]}
    text: str = yaml.safe_dump(groups, sort_keys=False, allow_unicode=True, width=1_000)
    return HEAD + text


def promql(condition: str) -> str:
    """Gives a sample for each subject for which the condition holds. Raises ConditionError."""
    return _test(parse(condition).test)


def alert_name(name: str) -> str:
    """``exports_stalled`` is ScoregraphExportsStalled there."""
    return "Scoregraph" + "".join(word[:1].upper() + word[1:] for word in re.split(r"[^\w]|_", name) if word)


def _rule(rule: AlertRule) -> dict[str, object]:
    written: dict[str, object] = {"alert": alert_name(rule.name), "expr": promql(rule.condition)}
    if rule.for_seconds:
        written["for"] = f"{rule.for_seconds}s"
    written["labels"] = {"severity": rule.severity.value.lower()}
    by = parse(rule.condition).by
    # Braces would be read as a template.
    summary = (rule.summary or rule.name).replace("{", "(").replace("}", ")")
    written["annotations"] = {"summary": f"{summary} ({{{{ $labels.{by} }}}})" if by else summary}
    return written


def _test(test: Test) -> str:
    match test:
        case Joined(operator, parts):
            return f" {operator} ".join(f"({_test(part)})" for part in parts)
        case Comparison(operator, left, right):
            return f"{_value(left)} {operator} {_value(right)}"


def _value(value: Value) -> str:
    match value:
        case Number(number):
            return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
        case Measured(name):
            query = MEASURES[name].promql
            return query if re.fullmatch(r"\w+( by \(\w+\))? ?\([\w{}\[\]=\"]+\)", query) else f"({query})"
        case Arithmetic(operator, left, right):
            return f"({_value(left)} {operator} {_value(right)})"
