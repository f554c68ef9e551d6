"""``scoregraph jobs``: what waits, runs and has run, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.database import as_worker
from commands.errors import USAGE, CommandError
from db.queries.audit_log import OPERATOR, Actor, Deed, leave_trace
from db.queries.jobs import (
    RUNNABLE,
    JobRow,
    JobStatus,
    StateError,
    ask_for_job,
    cancel_job,
    get_job,
    list_latest_jobs,
    retry_job,
)
from logs import configure_logging

STYLES = {"RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "CANCELLED": "yellow"}
LARGEST_ID = 2**63 - 1

Json = Annotated[bool, typer.Option("--json", help="As JSON, an object a line.")]
Id = Annotated[int, typer.Argument(help="The job's id, as the list shows it.", min=1, max=LARGEST_ID)]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Examples: [bold]scoregraph jobs list --status FAILED[/] · [bold]scoregraph jobs run data_cleanup[/]",
)


@app.callback()
def jobs() -> None:
    """Jobs of the workers: what waits, runs and has run in the last week."""
    configure_logging("ERROR", "console")  # what happens is printed


@app.command("list", epilog="Example: [bold]scoregraph jobs list --status FAILED --json | jq .error[/]")
def list_(
    status: Annotated[JobStatus | None, typer.Option(help="Only those.", case_sensitive=False)] = None,
    most: Annotated[int, typer.Option(help="How many, of the newest.", min=1, max=10_000)] = 50,
    json: Json = False,
) -> None:
    """List jobs, the newest first."""
    _show(as_worker(lambda connection: list_latest_jobs(connection, status, most)), json=json)


@app.command(epilog=f"Example: [bold]scoregraph jobs run {min(RUNNABLE).lower()}[/]")
def run(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(sorted(RUNNABLE)).lower()}.")], json: Json = False
) -> None:
    """Have a job done soon. Where one of its kind waits already, that is the one."""
    if kind.upper() not in RUNNABLE:
        known = ", ".join(sorted(RUNNABLE)).lower()
        raise CommandError(f"There is no job {kind} to run; there are {known}.", exit_code=USAGE)

    async def ask(connection: AsyncConnection) -> JobRow | None:
        id = await ask_for_job(connection, kind.upper())
        await trace(connection, "runJob", [id], kind=kind.upper())
        return await get_job(connection, id)

    _show_one(as_worker(ask), json=json)


@app.command(epilog="Example: [bold]scoregraph jobs retry 42[/]")
def retry(id: Id, json: Json = False) -> None:
    """Put a job that failed back into its queue."""

    async def ask(connection: AsyncConnection) -> JobRow | None:
        job = await retry_job(connection, id)
        if job is not None:
            await trace(connection, "retryJob", [id])
        return job

    try:
        job = as_worker(ask)
    except StateError as error:
        raise CommandError(f"Job {id} has not failed: it is {error.status}.") from None
    except IntegrityError:
        raise CommandError(f"Job {id} is not needed: another one like it waits already.") from None
    _show_one(job, json=json)


@app.command(epilog="Example: [bold]scoregraph jobs cancel 42[/]")
def cancel(id: Id, json: Json = False) -> None:
    """Take a job out of its queue, or have the worker that runs it stop it."""

    async def ask(connection: AsyncConnection) -> JobRow | None:
        job = await cancel_job(connection, id)
        if job is not None:
            await trace(connection, "cancelJob", [id])
        return job

    try:
        job = as_worker(ask)
    except StateError as error:
        raise CommandError(f"Job {id} is over: it is {error.status}.") from None
    _show_one(job, json=json)


async def trace(connection: AsyncConnection, action: str, ids: list[int], **details: object) -> None:
    await leave_trace(connection, Actor(None, "scoregraph jobs", None, OPERATOR), Deed(action, "JobRun", ids, details))


def _show_one(job: JobRow | None, *, json: bool) -> None:
    if job is None:
        raise CommandError("There is no such job.")
    _show([job], json=json)


def _show(jobs: Sequence[JobRow], *, json: bool) -> None:
    if json:
        for job in jobs:
            typer.echo(orjson.dumps(job._asdict()).decode())
        return
    if not jobs:
        typer.echo("There are no jobs.", err=True)
        return
    table = Table("id", "kind", "queue", "status", "tries", "queued", "seconds", "error")
    for job in jobs:
        table.add_row(
            str(job.id),
            Text(job.task if job.kind == "OTHER" else job.kind.lower()),
            Text(job.queue),
            Text(job.status, style=STYLES.get(job.status, "")),
            str(job.tries),
            f"{job.queued_at:%Y-%m-%d %H:%M:%S}",
            _seconds(job.started_at, job.finished_at),
            Text(job.error or ""),
        )
    Console().print(table)


def _seconds(started_at: datetime | None, finished_at: datetime | None) -> str:
    return f"{(finished_at - started_at).total_seconds():.2f}" if started_at and finished_at else ""
