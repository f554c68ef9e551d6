"""Badges and milestones, what they are given for, and how far people are."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.award_rules import AwardKind, AwardRule
from db.queries.awards import NEWEST_FIRST, AwardRow, DefinitionRow, ProgressRow, StreakKind, StreakRow
from execution.columns import by_key, column, row_reference, wanted
from resolvers.awards import (
    award_listing,
    resolve_award,
    resolve_definition,
    resolve_definitions,
    resolve_quarter,
)
from resolvers.errors import NotFound
from resolvers.loaders.awards import (
    load_awards_by_user,
    load_definition_by_id,
    load_holder_count_by_definition,
    load_progress_by_user,
    load_streaks_by_user,
)
from resolvers.loaders.users import load_user_by_id
from schema import users
from schema.costs import assumed, cost
from schema.enums import describe_enum
from schema.relay import Connection, Info, Node, connection_by_key, node_id, page_of

if TYPE_CHECKING:
    from schema.users import User

ORDER = "awards:NEWEST"
TYPES = (datetime, int)
assert len(TYPES) == len(NEWEST_FIRST)

describe_enum(
    AwardKind,
    "AwardKind",
    "What kind of award.",
    {"BADGE": "A present for what somebody did.", "MILESTONE": "How far somebody has come."},
)
describe_enum(
    AwardRule,
    "AwardRule",
    "What the threshold of an award counts.",
    {
        "TASKS": "Distinct tasks completed.",
        "TASKS_ON_TIME": "Distinct tasks completed by their deadlines.",
        "TASK_SCORE": "The score of a completed task, 0–100.",
        "STREAK": "Local days in a row on which an attempt was finished, with success or without.",
        "PERFECT_WEEK": "Tasks completed in a local week, Monday to Sunday, in which at least one had a deadline, each that had "
        "one met it, and nothing that was due was missed. Decided an hour after its end; once for each such week.",
    },
)
describe_enum(
    StreakKind,
    "StreakKind",
    "What follows each other.",
    {
        "DAILY_ACTIVITY": "Local days on which an attempt was finished, with success or without.",
        "PERFECT_WEEK": "Weeks for which the person was awarded a perfect one.",
    },
)


@strawberry.type(description="A badge or milestone that people of the organization can have, and what for.")
class BadgeDefinition(Node):
    row: strawberry.Private[DefinitionRow]
    id: strawberry.ID = node_id("BadgeDefinition")
    key: str = column("slug", description="Names it; unique in the organization.")
    kind: AwardKind = column(lambda kind: AwardKind(kind), description="A badge or a milestone.")
    name: str = column("name", description="Name as people read it.")
    description: str | None = column("description", description="What one has to do.")
    icon: str | None = column("icon", description="Name of a picture, for whoever shows it.")
    rule: AwardRule = column(lambda rule: AwardRule(rule), description="What is counted.")
    threshold: float = column(lambda threshold: float(threshold), description="How much of it one needs.")
    revocable: bool = column(
        "revocable",
        description="Whether it is taken back when what it was awarded for is no longer there; otherwise it is kept, with a note.",
    )
    is_active: bool = column(
        "is_active", description="Whether it is awarded. One that is not stays with those who have it."
    )

    @classmethod
    def from_row(cls, row: DefinitionRow) -> Self:
        return cls(row=row)

    @classmethod
    def of_found(cls, row: DefinitionRow | None) -> Self:
        """Raises NotFound where there is none."""
        if row is None:
            raise NotFound("definition")
        return cls.from_row(row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_definition(info.context, key))

    @strawberry.field(description="How many of the people whom the viewer may see have it.", directives=[cost(2)])
    async def holders(self, info: Info) -> int | None:
        return await info.context.load(load_holder_count_by_definition, self.row.id)


@strawberry.type(description="A milestone that a person has reached.")
class PerformanceMilestone(Node):
    row: strawberry.Private[AwardRow]
    id: strawberry.ID = node_id("PerformanceMilestone")
    milestone_type: str = column("slug", description="The key of its definition, such as 100_tasks or perfect_week.")
    name: str = column("name", description="Name as people read it.")
    description: str | None = column("description", description="What the person did.")
    achieved_value: float = column(
        lambda achieved_value: float(achieved_value), description="How much of what the rule counts they had."
    )
    achieved_at: datetime = column(
        "achieved_at",
        description="When what decided it was completed, not when it was heard of; the end of a perfect week.",
    )
    week: date | None = column(
        "window_start", description="The Monday of the week that it is for; null where it is for none."
    )
    revoked_at: datetime | None = column(
        "revoked_at", description="When it was taken back, because nothing speaks for it any more; null while it holds."
    )
    note: str | None = column("note", description="Why it was taken back, or was kept although nothing speaks for it.")
    definition: BadgeDefinition | None = row_reference(
        load_definition_by_id,
        "definition_id",
        lambda: BadgeDefinition,
        description="What it is given for.",
        or_null=True,
    )
    user: Annotated[User, strawberry.lazy("schema.users")] | None = row_reference(
        load_user_by_id, "user_id", lambda: users.User, description="Whose it is.", or_null=True
    )

    @classmethod
    def from_row(cls, row: AwardRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The milestone as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_award(info.context, AwardKind.MILESTONE, key))


@strawberry.type(description="A badge that a person has earned.")
class PerformanceBadge(Node):
    row: strawberry.Private[AwardRow]
    id: strawberry.ID = node_id("PerformanceBadge")
    name: str = column("name", description="Name as people read it.")
    description: str | None = column("description", description="What the person did.")
    icon: str | None = column("icon", description="Name of a picture, for whoever shows it.")
    criteria: AwardRule = column(lambda rule: AwardRule(rule), description="What was counted.")
    criteria_value: float = column(
        lambda achieved_value: float(achieved_value),
        description="How much of it the person had; 0 for one that was given by hand.",
    )
    is_active: bool = column(
        lambda revoked_at: revoked_at is None, description="Whether the person has it; false once revoked."
    )
    earned_at: datetime = column(
        "achieved_at",
        description="When what decided it was completed, not when it was heard of; the end of a perfect week; when it was given by hand.",
    )
    week: date | None = column(
        "window_start", description="The Monday of the week that it is for; null where it is for none."
    )
    revoked_at: datetime | None = column(
        "revoked_at",
        description="When it was taken back, by hand or because nothing speaks for it any more; null while it holds.",
    )
    note: str | None = column(
        "note", description="Why it was given by hand, was taken back, or was kept although nothing speaks for it."
    )
    definition: BadgeDefinition | None = row_reference(
        load_definition_by_id,
        "definition_id",
        lambda: BadgeDefinition,
        description="What it is given for.",
        or_null=True,
    )
    user: Annotated[User, strawberry.lazy("schema.users")] | None = row_reference(
        load_user_by_id, "user_id", lambda: users.User, description="Whose it is.", or_null=True
    )

    @strawberry.field(
        description="Who gave it by hand; null where the rules did, a service, or somebody whom the viewer may not see."
    )
    async def awarded_by(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.awarded_by) if self.row.awarded_by else None
        return users.User.from_row(row) if row else None

    @classmethod
    def from_row(cls, row: AwardRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The badge as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_award(info.context, AwardKind.BADGE, key))


@strawberry.type(description="Days or weeks that follow each other by the calendar of the person's time zone.")
class Streak:
    kind: StreakKind = strawberry.field(description="What follows each other.")
    current: int = strawberry.field(
        description="How many there are now. What is not done yet today, or this week, does not end it."
    )
    longest: int = strawberry.field(description="The most there ever were.")
    last_counted_on: date | None = strawberry.field(description="The last day that counts; null where there is none.")
    expires_at: datetime | None = strawberry.field(
        description="When the current one ends if nothing is added to it; null where there is none."
    )

    @classmethod
    def from_row(cls, row: StreakRow) -> Self:
        return cls(
            kind=StreakKind(row.kind),
            current=row.current,
            longest=row.longest,
            last_counted_on=row.last_day,
            expires_at=row.expires_at,
        )


@strawberry.type(description="How far a person is on the way to an award.")
class AwardProgress:
    definition: BadgeDefinition = strawberry.field(description="The award.")
    value: float = strawberry.field(
        description="How much there is of what the rule counts: all tasks, the best score, the current streak, the tasks of this "
        "week."
    )
    threshold: float = strawberry.field(description="How much one needs.")
    achieved_at: datetime | None = strawberry.field(
        description="When the person achieved it last; null where they do not have it."
    )

    @classmethod
    def from_row(cls, row: ProgressRow) -> Self:
        return cls(
            definition=BadgeDefinition.from_row(row.definition),
            value=float(row.value),
            threshold=float(row.definition.threshold),
            achieved_at=row.achieved_at,
        )


async def milestones_of(
    info: Info, include_revoked: bool, first: int | None, after: str | None, last: int | None, before: str | None
) -> Connection[PerformanceMilestone]:
    """A page of each person's milestones, the latest first: for a ``related`` field."""
    page = page_of(first, after, last, before, order=ORDER, types=TYPES)
    listing = award_listing(info.context, AwardKind.MILESTONE, include_revoked, page)
    arguments = AwardKind.MILESTONE, include_revoked, page, wanted(info)
    return connection_by_key(
        load_awards_by_user, *arguments, page=page, listing=listing, order=ORDER, node=PerformanceMilestone.from_row
    )


async def badges_of(
    info: Info, active_only: bool, first: int | None, after: str | None, last: int | None, before: str | None
) -> Connection[PerformanceBadge]:
    """A page of each person's badges, the latest first: for a ``related`` field."""
    page = page_of(first, after, last, before, order=ORDER, types=TYPES)
    listing = award_listing(info.context, AwardKind.BADGE, not active_only, page)
    arguments = AwardKind.BADGE, not active_only, page, wanted(info)
    return connection_by_key(
        load_awards_by_user, *arguments, page=page, listing=listing, order=ORDER, node=PerformanceBadge.from_row
    )


async def streaks_of(info: Info) -> list[Streak]:
    """Of each person, one of each kind: for a ``related`` field."""
    at = await resolve_quarter(info.context)
    return by_key(load_streaks_by_user, at, make=lambda rows, key: [Streak.from_row(row) for row in rows])


async def progress_of(info: Info) -> list[AwardProgress]:
    """Of each person, to each award that can be had: for a ``related`` field."""
    at = await resolve_quarter(info.context)
    return by_key(load_progress_by_user, at, make=lambda rows, key: [AwardProgress.from_row(row) for row in rows])


@strawberry.type
class AwardQuery:
    @strawberry.field(
        description="The badges and milestones that people of the organization can have, by kind, rule and threshold.",
        directives=[assumed(20)],
    )
    async def badge_definitions(
        self,
        info: Info,
        kind: Annotated[
            AwardKind | None, strawberry.argument(description="Only those of a kind; all by default.")
        ] = None,
    ) -> list[BadgeDefinition] | None:
        return [BadgeDefinition.from_row(row) for row in await resolve_definitions(info.context, kind)]
