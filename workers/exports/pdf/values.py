"""Values as people read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

from workers.exports.content import Column, Kind

NOTHING = "–"


def written(value: Any, column: Column, zone: ZoneInfo) -> str:
    """A value of a column in words: 1,234.50, 87.5%, 1 h 05 min, 2026-03-01 14:05. NOTHING for None and for no number."""
    if value is None:
        return NOTHING
    return _WRITERS[column.kind](value, column, zone)


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """1 March 2026, 14:05 in the zone."""
    local = instant.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M}"


def _text(value: str, _column: Column, _zone: ZoneInfo) -> str:
    return value


def _integer(value: int, _column: Column, _zone: ZoneInfo) -> str:
    return _signed(f"{value:,}")


def _decimal(value: Decimal | float, column: Column, _zone: ZoneInfo) -> str:
    return _signed(f"{value:,.{column.digits}f}") if isfinite(value) else NOTHING


def _ratio(value: float, _column: Column, _zone: ZoneInfo) -> str:
    return _signed(f"{value:.1%}") if isfinite(value) else NOTHING


def _seconds(value: Decimal | float, _column: Column, _zone: ZoneInfo) -> str:
    if not isfinite(value):
        return NOTHING
    sign = "−" if value < 0 else ""
    # Rounded before it is split, so that no minute has sixty seconds.
    absolute = abs(float(value))
    tenths = round(absolute * 10)
    if tenths < 600:
        return f"{sign}{tenths / 10:g} s"
    minutes, seconds = divmod(round(absolute), 60)
    if minutes < 60:
        return f"{sign}{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:,} h {minutes:02d} min"


def _instant(value: datetime, _column: Column, zone: ZoneInfo) -> str:
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"


def _date(value: date, _column: Column, _zone: ZoneInfo) -> str:
    return value.isoformat()


def _flag(value: bool, _column: Column, _zone: ZoneInfo) -> str:
    return "Yes" if value else "No"


def _signed(number: str) -> str:
    return number.replace("-", "−")


_WRITERS: dict[Kind, Callable[[Any, Column, ZoneInfo], str]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.RATIO: _ratio,
    Kind.SECONDS: _seconds,
    Kind.INSTANT: _instant,
    Kind.DATE: _date,
    Kind.FLAG: _flag,
}
