"""Attempts: what people did."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from db.queries.attempts import AttemptRow, AttemptSelection, RevisionRow
from resolvers.attempts import AttemptOrder as Order
from resolvers.attempts import (
    AttemptOwner,
    resolve_attempt,
    resolve_attempts,
    resolve_attempts_of,
    resolve_revisions,
)
from resolvers.labs import resolve_lab
from resolvers.users import resolve_user
from schema import labs, users
from schema.attempt_enums import AttemptChange, AttemptOrderField, AttemptSource, AttemptStatus
from schema.costs import assumed
from schema.filters import DateTimeFilter, FloatFilter
from schema.measures import DAY
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    OrderDirection,
    connection_of,
    global_id,
    keys_of,
    page_of,
)
from schema.scalars import JSON
from schema.texts import checked_text

if TYPE_CHECKING:
    from schema.labs import Lab
    from schema.users import User

# What a revision shows of the row that it holds, by the names of the graph.
SNAPSHOT_FIELDS = {
    "status": "status", "success": "success", "startedAt": "started_at", "completedAt": "completed_at", "dueAt": "due_at",
    "completionTimeSeconds": "duration_seconds", "score": "score", "accuracy": "accuracy", "skillMatch": "skill_match",
    "difficulty": "difficulty", "hintsUsed": "hints_used", "errors": "errors", "memoryMib": "memory_mib",
    "cpuPercent": "cpu_percent", "metadata": "metadata", "source": "source", "sourceId": "source_id",
    "recordedAt": "recorded_at", "isCounted": "counted", "deletedAt": "deleted_at",
}  # fmt: skip


@strawberry.type(description="An error code, and how often it happened in one attempt.")
class AttemptErrorEntry:
    code: str = strawberry.field(description="The code, as the source reports it.")
    count: int = strawberry.field(description="How often.")


@strawberry.type(description="What an attempt used of the machine.")
class ResourceUsage:
    memory_mib: float | None = strawberry.field(description="Memory in MiB.")
    cpu_percent: float | None = strawberry.field(description="CPU in percent of one core.")


@strawberry.type(description="What an attempt was before a change.")
class AttemptRevision:
    row: strawberry.Private[RevisionRow]
    revision: int = strawberry.field(description="The revision that the snapshot shows.")
    change: AttemptChange = strawberry.field(description="What was done to it then.")
    at: datetime = strawberry.field(description="When.")
    reason: str | None = strawberry.field(description="Why, as whoever did it said.")

    @classmethod
    def from_row(cls, row: RevisionRow) -> Self:
        return cls(
            row=row, revision=row.revision, change=AttemptChange(row.change), at=row.changed_at, reason=row.reason
        )

    @strawberry.field(description="The attempt as it was: an object with the names of `Attempt`'s fields.")
    def snapshot(self) -> JSON:
        return JSON({name: self.row.snapshot.get(column) for name, column in SNAPSHOT_FIELDS.items()})

    @strawberry.field(description="Who did it; null for a system that stands for no person.")
    async def actor(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        if self.row.actor_id is None:
            return None
        return users.User.from_row(await resolve_user(info.context, key=self.row.actor_id))


@strawberry.type(description="One try of a person at a lab.")
class Attempt(Node):
    row: strawberry.Private[AttemptRow]
    assignment_id: strawberry.ID | None = strawberry.field(description="The assignment that it belongs to.")
    status: AttemptStatus = strawberry.field(description="How far it came.")
    success: bool | None = strawberry.field(description="Whether it succeeded; null while it is under way.")
    started_at: datetime | None = strawberry.field(description="When it was started, by the source's clock.")
    completed_at: datetime | None = strawberry.field(
        description="When it was handed in, by the source's clock: the instant that lateness is judged by."
    )
    due_at: datetime | None = strawberry.field(
        description="The person's deadline, as it was copied from the assignment."
    )
    recorded_at: datetime = strawberry.field(description="When it was recorded here.")
    completion_time_seconds: float | None = strawberry.field(description="How long it took, in seconds.")
    score: float | None = strawberry.field(description="Score 0–100.")
    accuracy: float | None = strawberry.field(description="Accuracy 0–1.")
    hints_used: int | None = strawberry.field(description="How many hints were used.")
    skill_match: float | None = strawberry.field(description="How well the lab matched the person's skills, 0–1.")
    difficulty: float | None = strawberry.field(description="Difficulty 0–10, as it was copied from the lab.")
    is_counted: bool = strawberry.field(
        description="Whether this is the attempt that the score counts: the person's first success in the lab."
    )
    source: AttemptSource = strawberry.field(description="Which way it came in.")
    source_id: str | None = strawberry.field(description="Its id in the source; unique for ever with the source.")
    revision: int = strawberry.field(description="1 at first, one more with every change.")
    deleted_at: datetime | None = strawberry.field(description="When it was deleted; it is in no measure then.")
    metadata: JSON | None = strawberry.field(description="Free-form data of the source.")

    @classmethod
    def from_row(cls, row: AttemptRow) -> Self:
        return cls(
            id=global_id("Attempt", row.id),
            row=row,
            assignment_id=None if row.assignment_id is None else global_id("Assignment", row.assignment_id),
            status=AttemptStatus(row.status),
            success=row.success,
            started_at=row.started_at,
            completed_at=row.completed_at,
            due_at=row.due_at,
            recorded_at=row.recorded_at,
            completion_time_seconds=_number(row.duration_seconds),
            score=_number(row.score),
            accuracy=_number(row.accuracy),
            hints_used=row.hints_used,
            skill_match=_number(row.skill_match),
            difficulty=_number(row.difficulty),
            is_counted=row.counted,
            source=AttemptSource(row.source),
            source_id=row.source_id,
            revision=row.revision,
            deleted_at=row.deleted_at,
            metadata=None if row.metadata is None else JSON(row.metadata),
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The attempt as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_attempt(info.context, key))

    @strawberry.field(description="Who did it.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")]:
        return users.User.from_row(await resolve_user(info.context, key=self.row.user_id))

    @strawberry.field(description="What was tried.")
    async def lab(self, info: Info) -> Annotated[Lab, strawberry.lazy("schema.labs")]:
        return labs.Lab.from_row(await resolve_lab(info.context, key=self.row.lab_id))

    @strawberry.field(
        description="The errors that happened, most frequent first, then by code.", directives=[assumed(5)]
    )
    def errors(self) -> list[AttemptErrorEntry]:
        counts = Counter(self.row.errors)
        ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [AttemptErrorEntry(code=code, count=count) for code, count in ordered]

    @strawberry.field(description="What it used of the machine; null where nothing was reported.")
    def resources(self) -> ResourceUsage | None:
        if self.row.memory_mib is None and self.row.cpu_percent is None:
            return None
        return ResourceUsage(memory_mib=_number(self.row.memory_mib), cpu_percent=_number(self.row.cpu_percent))

    @strawberry.field(
        description="Whether it was completed at or before the deadline; null without a deadline or while it is under way."
    )
    def on_time(self) -> bool | None:
        if self.row.due_at is None or self.row.completed_at is None:
            return None
        return self.row.completed_at <= self.row.due_at

    @strawberry.field(
        description="(Deadline − completion) in days of 24 hours: positive is early, −0.5 is 12 hours late; null as `onTime`."
    )
    def completion_speed_days(self) -> float | None:
        if self.row.due_at is None or self.row.completed_at is None:
            return None
        return (self.row.due_at - self.row.completed_at).total_seconds() / DAY

    @strawberry.field(description="Difficulty / 10, 0–1.")
    def difficulty_factor(self) -> float | None:
        return None if self.row.difficulty is None else float(self.row.difficulty) / 10

    @strawberry.field(
        description="What it was before each change, newest first. Needs VIEW_AUDIT_LOG.", directives=PAGED
    )
    async def revisions(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[AttemptRevision] | None:
        page = page_of(first, after, last, before, order="attemptRevisions", types=(int,))
        listing = await resolve_revisions(info.context, self.row.id, page)
        return connection_of(page, listing, "attemptRevisions", AttemptRevision.from_row)


@strawberry.input(description="How to sort attempts; the id breaks ties.")
class AttemptOrder:
    field: AttemptOrderField = strawberry.field(default=AttemptOrderField.COMPLETED_AT, description="What to sort by.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.DESC, description="Newest, or largest, first by default."
    )

    def to_order(self) -> Order:
        return Order(self.field, self.direction is OrderDirection.DESC)


@strawberry.input(description="Which attempts; conditions are combined with AND.")
class AttemptFilter:
    user_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Of any of these people.")
    group_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Of people who are members of any of these groups now."
    )
    lab_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="At any of these labs.")
    topic_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At labs of any of these topics."
    )
    level_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="At labs of any of these levels."
    )
    status: list[AttemptStatus] | None = strawberry.field(default=None, description="That came so far.")
    success: bool | None = strawberry.field(default=None, description="That succeeded, or finished without success.")
    completed_at: DateTimeFilter | None = strawberry.field(default=None, description="Finished in this interval.")
    recorded_at: DateTimeFilter | None = strawberry.field(default=None, description="Recorded in this interval.")
    score: FloatFilter | None = strawberry.field(default=None, description="With a score in this interval.")
    error_code: str | None = strawberry.field(default=None, description="In which this error happened.")
    source: list[AttemptSource] | None = strawberry.field(default=None, description="That came in any of these ways.")
    include_deleted: bool = strawberry.field(default=False, description="Also deleted ones.")

    def to_selection(self) -> AttemptSelection:
        """Raises Invalid, and NotFound for ids of another type."""
        completed, recorded = self.completed_at or DateTimeFilter(), self.recorded_at or DateTimeFilter()
        score = self.score or FloatFilter()
        return AttemptSelection(
            user_ids=keys_of("User", self.user_ids, "filter.userIds"),
            group_ids=keys_of("Group", self.group_ids, "filter.groupIds"),
            lab_ids=keys_of("Lab", self.lab_ids, "filter.labIds"),
            topic_ids=keys_of("Topic", self.topic_ids, "filter.topicIds"),
            level_ids=keys_of("Level", self.level_ids, "filter.levelIds"),
            statuses=None if self.status is None else tuple(status.value for status in self.status),
            success=self.success,
            completed_from=completed.gte,
            completed_before=completed.lt,
            recorded_from=recorded.gte,
            recorded_before=recorded.lt,
            least_score=score.gte,
            most_score=score.lte,
            error_code=checked_text(self.error_code, "filter.errorCode"),
            sources=None if self.source is None else tuple(source.value for source in self.source),
            include_deleted=self.include_deleted,
        )


Filter = Annotated[AttemptFilter | None, strawberry.argument(description="Which attempts; all by default.")]
OrderBy = Annotated[AttemptOrder | None, strawberry.argument(description="Newest completion first by default.")]


async def attempt_connection_of(
    info: Info,
    owner: AttemptOwner,
    key: int,
    filter: AttemptFilter | None,
    order_by: AttemptOrder | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[Attempt]:
    """A page of the attempts of a person or lab."""
    selection, order = _asked(filter, order_by)
    page = page_of(first, after, last, before, order=order.name, types=order.types)
    listing = await resolve_attempts_of(info.context, owner, key, selection, order, page)
    return connection_of(page, listing, order.name, Attempt.from_row)


@strawberry.type
class AttemptQuery:
    @strawberry.field(description="The attempts that the viewer may see.", directives=PAGED)
    async def attempts(
        self,
        info: Info,
        filter: Filter = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Attempt] | None:
        selection, order = _asked(filter, order_by)
        page = page_of(first, after, last, before, order=order.name, types=order.types)
        listing = await resolve_attempts(info.context, selection, order, page)
        return connection_of(page, listing, order.name, Attempt.from_row)


def _asked(filter: AttemptFilter | None, order_by: AttemptOrder | None) -> tuple[AttemptSelection, Order]:
    return filter.to_selection() if filter else AttemptSelection(), order_by.to_order() if order_by else Order()


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
