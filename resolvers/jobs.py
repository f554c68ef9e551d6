"""Jobs, for those who may OPERATE. Nobody is told when one goes on: an answer about jobs is not kept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.keyset import Listing, Page
from db.queries.jobs import RUNNABLE, JobKind, JobRow, JobStatus, count_jobs, list_jobs, request_refresh, run_job
from db.queries.operations import list_views
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.keyed_changes import Done, change
from resolvers.loaders.jobs import load_job_by_id
from resolvers.permissions import Permission
from resolvers.user_errors import Refused, ValidationError


async def resolve_job(context: Context, key: int) -> JobRow:
    """Raises NotFound, also without OPERATE: what jobs there are is nobody else's business."""
    await context.snapshot.at()
    row = await context.load(load_job_by_id, key)
    if row is None:
        raise NotFound("job")
    return row


async def resolve_jobs(context: Context, kind: JobKind | None, status: JobStatus | None, page: Page) -> Listing[JobRow]:
    """A page, newest first. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    snapshot = context.snapshot
    await snapshot.at()

    async def count(bound: int | None) -> int:
        return await count_jobs(snapshot, kind, status, bound)

    rows = await list_jobs(snapshot, kind, status, page)
    return Listing.of(page, [(row, (row.id,)) for row in rows], count)


async def resolve_run_job(context: Context, kind: JobKind, key: str | None) -> Done:
    """Has a job done soon; the one that waits already will do. Raises Refused, Unauthenticated."""

    def body() -> dict[str, str]:
        if kind not in RUNNABLE:
            known = ", ".join(sorted(RUNNABLE))
            raise Refused(
                ValidationError(f"Such a job cannot be run at will; {known} can.", ("input", "kind"), "RANGE")
            )
        return {"kind": kind.value}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        return [await run_job(connection, kind)]

    return await change(context, Permission.OPERATE, "runJob", key, body, work, kind=kind.value)


async def resolve_refresh_views(context: Context, names: Sequence[str] | None, key: str | None) -> Done:
    """Has views refreshed soon, due or not; all of them where none is named. Raises Refused, Unauthenticated."""
    await context.viewer()
    known = [view.name for view in await list_views(context.snapshot)]
    wanted = list(known if names is None else names)

    def body() -> dict[str, list[str]]:
        if not wanted:
            raise Refused(
                ValidationError("Name one or more views, or leave names out.", ("input", "names"), "REQUIRED")
            )
        errors = [
            ValidationError(
                f"There is no such view; there are {', '.join(known)}.", ("input", "names", str(position)), "RANGE"
            )
            for position, name in enumerate(wanted)
            if name not in known
        ]
        if errors:
            raise Refused(*errors[:10])
        return {"names": sorted(set(wanted))}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        return [await request_refresh(connection, wanted)]

    return await change(context, Permission.OPERATE, "refreshViews", key, body, work, names=sorted(set(wanted)))
