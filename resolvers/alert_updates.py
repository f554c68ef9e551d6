"""Alerts as they come and go, for those who follow them."""

from __future__ import annotations

from collections.abc import Iterable

from db.queries.alerts import AlertRow

TAGS = ("alerts",)
"""What tells that an alert has fired, was taken note of, or is resolved."""


def fired_since(before: Iterable[AlertRow] | None, now: Iterable[AlertRow]) -> list[AlertRow]:
    """Those of ``now`` that did not fire before; all of them where it is not known what did."""
    known = {row.id for row in before or ()}
    return [row for row in now if row.id not in known]


def gone_since(before: Iterable[AlertRow] | None, now: Iterable[AlertRow]) -> list[int]:
    """The ids of those that fired before and do not fire now."""
    open_now = {row.id for row in now}
    return [row.id for row in before or () if row.id not in open_now]
