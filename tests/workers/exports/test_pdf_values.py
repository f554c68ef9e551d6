from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from workers.exports.content import Column, Kind
from workers.exports.pdf.values import NOTHING, written


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (Kind.TEXT, "-5", "-5"),
        (Kind.INTEGER, -1_234_567, "−1,234,567"),
        (Kind.DECIMAL, Decimal("1234.5"), "1,234.50"),
        (Kind.DECIMAL, Decimal("NaN"), NOTHING),
        (Kind.DECIMAL, float("inf"), NOTHING),
        (Kind.RATIO, 0.875, "87.5%"),
        (Kind.RATIO, float("nan"), NOTHING),
        (Kind.SECONDS, 0, "0 s"),
        (Kind.SECONDS, 59.94, "59.9 s"),
        (Kind.SECONDS, 59.96, "1 min 00 s"),
        (Kind.SECONDS, 3_599.6, "1 h 00 min"),
        (Kind.SECONDS, Decimal("5000.2"), "1 h 23 min"),
        (Kind.SECONDS, -90, "−1 min 30 s"),
        (Kind.INSTANT, datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "2026-03-29 03:30"),
        (Kind.DATE, date(2026, 3, 1), "2026-03-01"),
        (Kind.FLAG, False, "No"),
        (Kind.FLAG, None, NOTHING),
    ],
)
def test_values_are_written_for_people(kind: Kind, value: Any, words: str) -> None:
    assert written(value, Column("a", "A", kind), ZoneInfo("Europe/Madrid")) == words
