"""Jobs: what waits, runs and has run, and having one done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

import strawberry

from db.queries.jobs import NEWEST_FIRST, JobKind, JobRow, JobStatus
from execution.columns import column
from resolvers.jobs import resolve_job, resolve_refresh_views, resolve_run_job
from resolvers.keyed_changes import Done
from resolvers.loaders.jobs import load_job_by_id
from resolvers.user_errors import Refused
from schema.costs import FEW
from schema.enums import describe_enum
from schema.relay import Info, Node, node_id
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION
from schema.user_errors import UserError, user_errors_of

ORDER = "jobs:NEWEST"
TYPES = (int,)
assert len(TYPES) == len(NEWEST_FIRST)

describe_enum(
    JobKind,
    "JobKind",
    "What a job does.",
    {
        "HOURLY_AGGREGATION": "Folds what is pending and refreshes every materialized view, due or not.",
        "DAILY_AGGREGATION": "Checks the sums of the last two days against the attempts, and mends what differs.",
        "WEEKLY_AGGREGATION": "Checks those of the last eight days.",
        "MONTHLY_AGGREGATION": "Checks those of the last 32 days, and everybody's totals.",
        "EXPORT": "Makes the file of an export.",
        "REPORT_CLEANUP": "Throws away files of exports that are old enough.",
        "REPORT_SCHEDULES": "Asks for the exports of schedules that are due.",
        "DELIVERY": "Delivers the file of an export.",
        "VIEW_REFRESH": "Refreshes materialized views by name; asked for by refreshViews.",
        "DATA_CLEANUP": "Throws away kept answers, finished jobs and lost workers that are old enough.",
        "CACHE_WARMING": "Reads what is read most, so that it is in memory.",
        "UNPARKING": "Records attempts that waited for their person or lab and need not any more.",
        "AWARDS": "Looks at everybody's badges and milestones anew, by all that they did.",
        "RETENTION": "Throws away events and metrics that are old enough, and makes room for new ones.",
        "ALERT_NOTICE": "Sends a notice of an alert by one channel.",
        "OTHER": "Something else: see the task.",
    },
)
describe_enum(
    JobStatus,
    "JobStatus",
    "Where a job is.",
    {
        "QUEUED": "It waits for a worker, perhaps to be tried again.",
        "RUNNING": "A worker is at it.",
        "SUCCEEDED": "It is done.",
        "FAILED": "It could not be done; see the error.",
        "CANCELLED": "Somebody stopped it.",
    },
)


@strawberry.type(description="A job of the workers. Forgotten a week after its end. For those who may OPERATE.")
class JobRun(Node):
    row: strawberry.Private[JobRow]
    id: strawberry.ID = node_id("JobRun")
    kind: JobKind = column(lambda kind: JobKind(kind), description="What it does.")
    task: str = column("task", description="The name that workers know it by.")
    queue: str = column("queue", description="The queue that it waits in; a worker works at some of them.")
    status: JobStatus = column(lambda status: JobStatus(status), description="Where it is.")
    tries: int = column("tries", description="How often it was begun.")
    queued_at: datetime = column("queued_at", description="When it was asked for.")
    started_at: datetime | None = column("started_at", description="When it was last begun.")
    finished_at: datetime | None = column("finished_at", description="When it ended; null while it can go on.")
    error: str | None = column("error", description="Why the last try failed, where it did.")

    @classmethod
    def from_row(cls, row: JobRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_job(info.context, key))


@strawberry.input(description="A job to be done soon.")
class RunJobInput:
    kind: JobKind = strawberry.field(
        description="Any but EXPORT, REPORT_SCHEDULES, DELIVERY, VIEW_REFRESH, ALERT_NOTICE and OTHER."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="Materialized views to be refreshed soon.")
class RefreshViewsInput:
    names: list[str] | None = strawberry.field(default=None, description="Which; all where it is left out.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The job that was asked for.")
class RunJobPayload:
    job: JobRun | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="The job that refreshes the views.")
class RefreshViewsPayload:
    job: JobRun | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class JobMutation:
    @strawberry.mutation(
        description="Has a job done soon. Where one of its kind waits already, that is the one. Needs OPERATE."
    )
    async def run_job(
        self, info: Info, input: Annotated[RunJobInput, strawberry.argument(description="Which.")]
    ) -> RunJobPayload:
        try:
            done = await resolve_run_job(info.context, input.kind, input.idempotency_key)
        except Refused as refused:
            return RunJobPayload(user_errors=user_errors_of(refused.errors))
        return RunJobPayload(job=await _job(info, done), replayed=done.replayed)

    @strawberry.mutation(
        description="Has materialized views refreshed soon, due or not; workers do it by themselves when they are due. Where the "
        "same waits already, that is the job. Needs OPERATE."
    )
    async def refresh_views(
        self, info: Info, input: Annotated[RefreshViewsInput, strawberry.argument(description="Which.")]
    ) -> RefreshViewsPayload:
        try:
            done = await resolve_refresh_views(info.context, input.names, input.idempotency_key)
        except Refused as refused:
            return RefreshViewsPayload(user_errors=user_errors_of(refused.errors))
        return RefreshViewsPayload(job=await _job(info, done), replayed=done.replayed)


async def _job(info: Info, done: Done) -> JobRun | None:
    # One that was asked for long ago may be forgotten.
    row = await info.context.load(load_job_by_id, done.ids[0])
    return JobRun.from_row(row) if row else None
