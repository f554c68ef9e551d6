"""Time in the graph: instants, dates and zones as scalars, periods asked for and understood, buckets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from graphql import ValueNode, value_from_ast_untyped
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.types.scalar import ScalarDefinition

from execution.columns import column, in_line
from execution.live.noise import NOISE
from resolvers import periods
from resolvers.periods import CalendarPeriod, GapFill, PeriodError, PeriodSpec, Weekday, find_zone
from resolvers.periods import Grain as TimeGrain
from schema.enums import describe_enum

__all__ = [
    "SCALARS",
    "CalendarInput",
    "CalendarPeriod",
    "DateRangeInput",
    "DateTimeRangeInput",
    "GapFill",
    "Period",
    "PeriodInput",
    "TimeBucket",
    "TimeGrain",
    "TimeZone",
    "Weekday",
]

TimeZone = NewType("TimeZone", str)

# RFC 3339 without its "-00:00", which says that the zone is unknown.
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(?P<zone>[Zz]|\+[0-9]{2}:[0-9]{2}|-(?!00:00)[0-9]{2}:[0-9]{2})?"
)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


describe_enum(
    TimeGrain,
    "TimeGrain",
    "How long the buckets of a series are. All but hours follow the local calendar.",
    {
        "HOUR": "Hours of the local clock. An hour that is repeated when clocks go back makes two buckets.",
        "DAY": "Local days, of 23 or 25 hours where clocks change. A date that was skipped has none.",
        "WEEK": "Seven local days from `weekStart`.",
        "MONTH": "Calendar months.",
        "QUARTER": "Three calendar months, from January, April, July and October.",
        "YEAR": "Calendar years.",
    },
)
describe_enum(
    Weekday,
    "Weekday",
    "A day of the week.",
    {day.name: f"{day.name.capitalize()}." for day in Weekday},
)
describe_enum(
    GapFill,
    "GapFill",
    "What a series holds for a bucket in which nothing happened.",
    {
        "NONE": "No point: the series leaves the bucket out.",
        "NULL": "A point whose value is null.",
        "ZERO": "A point whose value is 0. Fit for counts, not for averages or rates.",
        "CARRY_FORWARD": "A point with the last value before it, null if none. Fit for running values.",
    },
)
describe_enum(
    CalendarPeriod,
    "CalendarPeriod",
    "A named stretch of the local calendar, whole: the current ones end in the future and are partial.",
    {
        "TODAY": "The current local day.",
        "YESTERDAY": "The local day before the current one.",
        "THIS_WEEK": "The week that holds the current day, from `weekStart`.",
        "LAST_WEEK": "The last whole week before the current one.",
        "THIS_MONTH": "The current calendar month.",
        "LAST_MONTH": "The last whole calendar month before the current one.",
    },
)


@strawberry.input(description="Instants [from, to): `from` is in it, `to` is the first instant that is not.")
class DateTimeRangeInput:
    from_: datetime = strawberry.field(name="from", description="The first instant, from the year 1970 on.")
    to: datetime = strawberry.field(description="The first instant left out, later than `from`.")


@strawberry.input(
    description="Local days [from, to): `from` is in it, `to` is the first day that is not. "
    "May 2026 is from 2026-05-01 to 2026-06-01."
)
class DateRangeInput:
    from_: date = strawberry.field(name="from", description="The first day, from the year 1970 on.")
    to: date = strawberry.field(description="The first day left out, later than `from`.")


@strawberry.input(
    one_of=True,
    description="A stretch of time, half-open: its end is the first instant that is not in it. "
    "Give exactly one field. Days, weeks and months are those of `CalendarInput.timeZone`, "
    "else those of the organization's zone.",
)
class PeriodInput:
    last_days: int | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"This many local days up to and including today, 1 to {periods.LONGEST_LAST_DAYS}. "
        "It ends with the current day, so it is partial. For whole periods use `calendar`.",
    )
    range: DateTimeRangeInput | None = strawberry.field(
        default=strawberry.UNSET, description="From one instant to another, which is left out."
    )
    dates: DateRangeInput | None = strawberry.field(
        default=strawberry.UNSET, description="From one local day to another, which is left out."
    )
    calendar: CalendarPeriod | None = strawberry.field(
        default=strawberry.UNSET, description="A named stretch of the calendar, as last week."
    )
    all_time: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="From 1970 to the end of the current local day. The only value is true.",
    )

    def to_spec(self) -> PeriodSpec:
        """Raises PeriodError."""
        if self.all_time is False:
            raise PeriodError("allTime can only be true. Leave it out and give another field.", "allTime")
        return PeriodSpec(
            last_days=None if self.last_days is strawberry.UNSET else self.last_days,
            range=(self.range.from_, self.range.to) if self.range else None,
            dates=(self.dates.from_, self.dates.to) if self.dates else None,
            calendar=self.calendar or None,
            all_time=bool(self.all_time),
        )


@strawberry.input(description="How days and weeks are told apart in this answer.")
class CalendarInput:
    time_zone: TimeZone | None = strawberry.field(
        default=None, description="Whose local days count; by default those of the organization."
    )
    week_start: Weekday | None = strawberry.field(
        default=None, description="The first day of a week, by default MONDAY."
    )


@strawberry.type(description="A period as it was understood: instants [from, to), and the calendar that was used.")
class Period:
    from_: datetime = strawberry.field(name="from", description="The first instant.", metadata=NOISE)
    to: datetime = strawberry.field(description="The first instant that is not in the period.", metadata=NOISE)
    time_zone: TimeZone = strawberry.field(
        description="The zone of its days: the one asked for, else that of the organization."
    )
    week_start: Weekday = strawberry.field(description="The first day of its weeks: the one asked for, else MONDAY.")
    days: int = strawberry.field(description="How many local days it touches, wholly or in part.")
    is_partial: bool = strawberry.field(description="Whether it ends in the future, so that values may yet change.")

    @classmethod
    def from_period(cls, period: periods.Period) -> Period:
        return cls(
            from_=period.start,
            to=period.end,
            time_zone=TimeZone(period.time_zone),
            week_start=period.week_start,
            days=period.days,
            is_partial=period.is_partial,
        )


Day = date


@strawberry.type(description="One piece of a series: instants [start, end) within the period.")
class TimeBucket:
    row: strawberry.Private[periods.Bucket]
    start: datetime = column("start", description="The first instant.")
    end: datetime = column("end", description="The first instant that is not in it: the start of the next.")
    date: Day | None = column("date", description="The local date of `start`; null for hours.")
    label: str = column(
        "label",
        description="Names the whole hour (2026-11-20T14:00+01:00), day (2026-11-20), week (2026-W47 if "
        "weeks start on Monday, else its first day), month (2026-11), quarter (2026-Q4) or year (2026).",
    )
    is_partial: bool = column(
        "is_partial",
        description="Whether the period cuts it or it ends in the future: do not compare it with others.",
    )

    @classmethod
    def from_bucket(cls, bucket: periods.Bucket) -> TimeBucket:
        return cls(row=bucket)


def _parse_instant(value: Any) -> datetime:
    written = INSTANT.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise StrawberryInputCoercionError(
            "DateTime is an RFC 3339 string with a zone: 2026-11-20T14:00:00Z or 2026-11-20T15:00:00+01:00."
        )
    if written["zone"] is None:
        raise StrawberryInputCoercionError(
            f"DateTime needs a zone: {value}Z means UTC, {value}+01:00 an hour ahead of it."
        )
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise StrawberryInputCoercionError(f"There is no such instant as {value}.") from error


def _serialize_instant(value: datetime) -> str:
    if value.utcoffset() is None:
        raise ValueError("An instant needs its zone.")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parse_date(value: Any) -> date:
    if not isinstance(value, str) or not DAY.fullmatch(value):
        raise StrawberryInputCoercionError("Date is a string such as 2026-11-20.")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise StrawberryInputCoercionError(f"There is no such day as {value}.") from error


@in_line("{0}.__class__ is date", "{0}.isoformat()", date=date)
def _serialize_date(value: date) -> str:
    if isinstance(value, datetime):
        raise TypeError("An instant is no date until a zone is chosen.")
    return value.isoformat()


def _parse_time_zone(value: Any) -> TimeZone:
    if not isinstance(value, str):
        raise StrawberryInputCoercionError("TimeZone is a string such as Europe/Madrid.")
    try:
        return TimeZone(find_zone(value).key)
    except PeriodError as error:
        raise StrawberryInputCoercionError(str(error)) from error


def _literal(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    """Reads a value that is written in the document, and says where it stands if it is refused."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except StrawberryInputCoercionError as error:
            raise StrawberryInputCoercionError(error.message, node) from error

    return parse_literal


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in RFC 3339 form, such as 2026-11-20T13:00:00.000Z. Answers are in UTC with "
        "milliseconds, cut off below. Inputs need a zone (Z or an offset); the fraction may be left out.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_serialize_instant,
        parse_value=_parse_instant,
        parse_literal=_literal(_parse_instant),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar, such as 2026-11-20, without time or zone.",
        serialize=_serialize_date,
        parse_value=_parse_date,
        parse_literal=_literal(_parse_date),
    ),
    TimeZone: strawberry.scalar(
        name="TimeZone",
        description="The IANA name of a time zone in its exact spelling, such as Europe/Madrid or UTC.",
        serialize=str,
        parse_value=_parse_time_zone,
        parse_literal=_literal(_parse_time_zone),
    ),
}
