"""What is asked of each kind of report, as it is kept in JSON: whoever writes it down and whoever makes the report check it alike.

Ids are those of rows. Without a period, all time is meant; without a time zone, the organization's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
MOST_TOPICS = 200
NOT_PLACES = {"Factory", "localtime"}


class ExportKind(StrEnum):
    """What a report is about."""

    GROUP_REPORT = "GROUP_REPORT"
    USER_PERFORMANCE = "USER_PERFORMANCE"
    LEADERBOARD = "LEADERBOARD"
    ATTEMPTS = "ATTEMPTS"
    LAB_REPORT = "LAB_REPORT"
    DOCUMENT = "DOCUMENT"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_PLACES)


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("There is no such time zone. Use an IANA name, such as Europe/Madrid.")
    return name


Id = Annotated[int, Field(ge=1, lt=2**63)]
TopicIds = Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_TOPICS)]
Zone = Annotated[str, AfterValidator(_known_zone)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ExportPeriod(_Model):
    """Instants [from, to)."""

    from_: AwareDatetime = Field(alias="from", ge=EARLIEST, le=LATEST)
    to: AwareDatetime = Field(ge=EARLIEST, le=LATEST)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("to must be after from.")
        return self


class ExportParameters(_Model):
    """What every kind takes."""

    period: ExportPeriod | None = None
    time_zone: Zone | None = None
    locale: Locale = "en"


class GroupReportParameters(ExportParameters):
    """``topic_ids``: which topics are shown; those with attempts by default."""

    group_id: Id
    topic_ids: TopicIds | None = None


class UserPerformanceParameters(ExportParameters):
    """``topic_ids``: which topics are shown; those with attempts by default."""

    user_id: Id
    topic_ids: TopicIds | None = None


class LeaderboardParameters(ExportParameters):
    """``scope_id`` is the id of the group, topic, level or lab; an organization's board is the requester's own."""

    scope: LeaderboardScope
    scope_id: Id | None = None
    metric: LeaderboardMetric = LeaderboardMetric.SCORE
    ranking: RankingMethod = RankingMethod.COMPETITION

    @model_validator(mode="after")
    def _names_one_board(self) -> Self:
        if (self.scope_id is None) != (self.scope is LeaderboardScope.ORGANIZATION):
            raise ValueError("Every scope but ORGANIZATION needs a scopeId.")
        return self


class AttemptsParameters(ExportParameters):
    """Conditions are combined with AND; ``group_id`` means its present members."""

    group_id: Id | None = None
    user_id: Id | None = None
    lab_id: Id | None = None
    topic_ids: TopicIds | None = None


class LabReportParameters(ExportParameters):
    lab_id: Id


class DocumentParameters(ExportParameters):
    """``document_id`` is the hash of a registered document, whose variables may be any JSON. It takes no period."""

    document_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    variables: dict[str, Any] = Field(default_factory=dict)


class DocumentGone(Exception):
    """A document, or what it asks for, is not there for the requester, or not any more."""


PARAMETERS: dict[ExportKind, type[ExportParameters]] = {
    ExportKind.GROUP_REPORT: GroupReportParameters,
    ExportKind.USER_PERFORMANCE: UserPerformanceParameters,
    ExportKind.LEADERBOARD: LeaderboardParameters,
    ExportKind.ATTEMPTS: AttemptsParameters,
    ExportKind.LAB_REPORT: LabReportParameters,
    ExportKind.DOCUMENT: DocumentParameters,
}
