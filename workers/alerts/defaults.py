"""The rules that there are without any file, from the settings."""

from __future__ import annotations

from collections.abc import Collection

from db.queries.alert_rules import DEFAULT_FOR_SECONDS, AlertRule, AlertSeverity
from settings import Settings


def default_rules(settings: Settings) -> list[AlertRule]:
    """A rule of the file that has the name of one of these takes its place."""
    return [
        AlertRule(
            "high_error_rate",
            # A single failure at night is no rate.
            f"error_rate > {settings.alert_error_rate:.15g} and requests >= 20",
            AlertSeverity.CRITICAL,
            DEFAULT_FOR_SECONDS,
            summary=f"More than {settings.alert_error_rate * 100:.3g} % of the requests fail.",
        ),
        AlertRule(
            "slow_response_time",
            f"response_time_p95_ms > {settings.alert_response_time_ms:.15g}",
            AlertSeverity.WARNING,
            DEFAULT_FOR_SECONDS,
            summary=f"5 % of the requests take more than {settings.alert_response_time_ms:.6g} ms.",
        ),
    ]


def with_defaults(settings: Settings, of_file: Collection[AlertRule]) -> list[AlertRule]:
    """All rules of the platform."""
    names = {rule.name for rule in of_file}
    return [*(rule for rule in default_rules(settings) if rule.name not in names), *of_file]
