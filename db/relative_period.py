"""A stretch of time that goes along with the calendar, as it is kept with what is made again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from db.calendar import CalendarPeriod, Weekday, calendar_period, last_days, local_day, utc

LONGEST_LAST_DAYS = 3_700


class RelativePeriod(BaseModel):
    """Exactly one of both. ``last_days`` ends with the current day; weeks begin on Monday."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    last_days: Annotated[int, Field(ge=1, le=LONGEST_LAST_DAYS)] | None = None
    calendar: CalendarPeriod | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.last_days is None) == (self.calendar is None):
            raise ValueError("Give either lastDays or calendar.")
        return self

    def instants(self, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        """What it means at an instant in a zone: [start, end) in UTC."""
        today = local_day(utc(now), zone)
        if self.last_days is not None:
            return last_days(self.last_days, today, zone)
        assert self.calendar is not None
        return calendar_period(self.calendar, today, Weekday.MONDAY, zone)
