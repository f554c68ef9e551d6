"""Who asks for a report, and what is said on every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from db.export_parameters import ExportParameters
from db.queries.exports.subjects import Subject, get_names
from db.snapshot import Snapshot
from db.statement import Statement
from workers.exports.content import Card, Chart, Column, Report, Sheet
from workers.exports.kinds.errors import NotFound

Filters = dict[str, str]


@dataclass(frozen=True, slots=True)
class Asking:
    """A snapshot that the requester entered. ``start`` and ``end`` are None for all time."""

    snapshot: Snapshot
    as_of: datetime
    time_zone: str
    start: datetime | None
    end: datetime | None
    locale: str
    sees_all: bool
    role: str
    organization_id: int
    requested_by: str

    @classmethod
    async def of(cls, snapshot: Snapshot, parameters: ExportParameters) -> Self:
        """Raises UnknownCaller."""
        viewer = await snapshot.viewer()
        requested_by = viewer.role.capitalize()
        if viewer.user_id is not None:
            requested_by = (await get_names(snapshot, Subject.USER, [viewer.user_id])).get(viewer.user_id, requested_by)
        period = parameters.period
        return cls(
            snapshot=snapshot,
            as_of=await snapshot.at(),
            time_zone=parameters.time_zone or await snapshot.time_zone(),
            start=period.from_ if period else None,
            end=period.to if period else None,
            locale=parameters.locale,
            sees_all=viewer.sees_all,
            role=viewer.role,
            organization_id=viewer.organization_id,
            requested_by=requested_by,
        )

    @property
    def in_period(self) -> bool:
        return self.start is not None

    async def name(self, subject: Subject, key: int) -> str:
        """Raises NotFound, also for what the requester may not see."""
        return (await self.names(subject, [key]))[0]

    async def names(self, subject: Subject, keys: Sequence[int]) -> list[str]:
        """Of each; topics by title. Raises NotFound, also for what the requester may not see."""
        found = await get_names(self.snapshot, subject, keys)
        if len(found) < len(set(keys)):
            raise NotFound(subject)
        return list(found.values())

    async def topics_shown(self, topic_ids: Sequence[int] | None) -> Filters:
        """The filter that says which topics are in a report about more than topics. Raises NotFound."""
        return {} if topic_ids is None else {"Topics shown": ", ".join(await self.names(Subject.TOPIC, topic_ids))}

    def period_in_words(self) -> str:
        """Whole local days by their dates, anything else by its instants."""
        if self.start is None or self.end is None:
            return "All time"
        zone = ZoneInfo(self.time_zone)
        first, end = self.start.astimezone(zone), self.end.astimezone(zone)
        if first.time() == end.time() == time():
            last = end.date() - timedelta(days=1)
            return f"{first:%Y-%m-%d}" if last == first.date() else f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return f"{first:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}"

    def report(
        self,
        title: str,
        filters: Filters,
        sheets: Sequence[Sheet],
        cards: Sequence[Card] = (),
        charts: Sequence[Chart] = (),
    ) -> Report:
        return Report(
            title=title,
            subtitle=self.period_in_words(),
            as_of=self.as_of,
            time_zone=self.time_zone,
            requested_by=self.requested_by,
            filters={**filters, "Period": self.period_in_words()},
            sheets=tuple(sheets),
            cards=tuple(cards),
            charts=tuple(charts),
            locale=self.locale,
        )


def sheet(title: str, columns: Sequence[Column], statement: Statement, values: dict[str, Any]) -> Sheet:
    """The columns are those of the statement, in its order."""
    return Sheet(title, tuple(columns), statement.sql, tuple(statement.arguments(values)))
