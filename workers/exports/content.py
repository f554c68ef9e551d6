"""What is in a file, whatever its format: tables that are read while they are written, and what a page shows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What the values of a column are; any may be None.

    TEXT str, INTEGER int, DECIMAL Decimal or float, RATIO float of 0 to 1, SECONDS float or Decimal, INSTANT aware datetime,
    DATE date, FLAG bool.
    """

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    RATIO = "ratio"
    SECONDS = "seconds"
    INSTANT = "instant"
    DATE = "date"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` is for machines (snake_case), ``title`` for people. ``digits`` after the point, of a DECIMAL. What ``is_minor`` goes
    first where there is no room for all, on pages.
    """

    name: str
    title: str
    kind: Kind
    digits: int = 2
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the columns of a SELECT in their order, with its values ($1, $2, …). It is run as the requester."""

    title: str
    columns: tuple[Column, ...]
    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A figure that is to be seen first: already written for people, as is the ``note`` on what it is of."""

    label: str
    value: str
    note: str = ""


class ChartKind(StrEnum):
    """LINE or COLUMNS over time, or BARS side by side."""

    LINE = "line"
    COLUMNS = "columns"
    BARS = "bars"


@dataclass(frozen=True, slots=True)
class Chart:
    """``points`` are labels and values in their order; None is a gap."""

    kind: ChartKind
    title: str
    points: Sequence[tuple[str, float | None]]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """``filters`` says in words what was asked for, by name. Times are shown in ``time_zone``. The first of ``sheets`` is what
    the file is about; a format that holds one table holds that. ``export_id`` is what the product knows the file by.
    """

    title: str
    subtitle: str
    as_of: datetime
    time_zone: str
    requested_by: str
    filters: dict[str, str]
    sheets: tuple[Sheet, ...]
    cards: tuple[Card, ...] = ()
    charts: tuple[Chart, ...] = ()
    locale: str = "en"
    export_id: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: rows of the first sheet, bytes, and text cells that were changed so that no program takes them for
    formulas. ``truncated``: cells that were cut because the format holds no longer ones. ``manifest`` says all that, and
    what the file is of.
    """

    rows: int
    bytes: int
    sha256: str
    manifest: dict[str, Any]
    neutralized: int = 0
    truncated: int = 0


class TooLarge(Exception):
    """A file would be larger than is allowed; what was written of it is gone."""


class Dialect(StrEnum):
    """EXCEL for people (UTF-8 with BOM, CRLF, comma, no formulas), EXCEL_SEMICOLON the same with semicolons and decimal commas,
    RFC4180 for machines: raw values, and times in ISO 8601.
    """

    EXCEL = "EXCEL"
    EXCEL_SEMICOLON = "EXCEL_SEMICOLON"
    RFC4180 = "RFC4180"


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be written, and how many bytes it may have."""

    dialect: Dialect = Dialect.EXCEL
    most_bytes: int = 50 * 1024 * 1024
