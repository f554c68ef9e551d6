"""``scoregraph events``: how far they have come, those that could not be taken, and trying these again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from commands.errors import FAILED, CommandError
from commands.servers import ready_servers
from db.engine import write_engine
from db.queries.dead_letters import LetterRow, get_problems, list_letters, replay_letters
from db.queries.operations import ConsumerRow, list_told_consumers
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.events.dead_letters import retry_due
from workers.events.happenings import Keeping

T = TypeVar("T")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Examples: [bold]scoregraph events status[/] · [bold]scoregraph events list[/] · [bold]scoregraph events replay 17 18[/]",
)


@app.callback()
def events() -> None:
    """See how far events have come and which could not be taken, and try these again once what kept them is mended."""


@app.command()
def status() -> None:
    """Show how far workers have come with each topic, and when they last said so."""

    async def read(engine: AsyncEngine) -> list[ConsumerRow]:
        async with engine.connect() as connection:
            return await list_told_consumers(connection)

    consumers = _run(read)
    for consumer in consumers:
        at = consumer.position
        taken = f"{at.last_event_at:%Y-%m-%d %H:%M:%S}Z" if at.last_event_at else "never"
        offset = "" if at.committed_offset is None else f"  offset {at.committed_offset:,}"
        typer.echo(
            f"{at.topic}/{at.partition}  {at.group_id}{offset}  {at.lag:,} to be taken, {at.pending:,} at hand  last taken: {taken}"
            f"  as of {consumer.observed_at:%Y-%m-%d %H:%M:%S}Z"
        )
    if not consumers:
        typer.echo("No worker has listened in the last week.")


@app.command("list")
def list_(
    most: Annotated[int, typer.Option("--most", min=1, max=10_000, help="How many, oldest first.")] = 100,
) -> None:
    """Show events that are dead, and those that wait to be tried again."""

    async def read(engine: AsyncEngine) -> list[LetterRow]:
        async with engine.connect() as connection:
            return await list_letters(connection, most)

    letters = _run(read)
    for letter in letters:
        typer.echo(_line(letter))
    if not letters:
        typer.echo("Every event was taken.")


@app.command(epilog="Examples: [bold]scoregraph events replay[/] · [bold]scoregraph events replay 17 18[/]")
def replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Of dead ones; all without any.", metavar="[ID]…")] = None,
) -> None:
    """Try dead events again now, each person's in their order. One that fails is tried by the worker until it is dead again."""

    async def work(engine: AsyncEngine) -> dict[int, str | None]:
        async with engine.begin() as connection:
            replayed = await replay_letters(connection, ids or None)
        await retry_due(engine, Keeping.of(Settings()))
        async with engine.connect() as connection:
            return await get_problems(connection, replayed)

    unfinished = 0
    problems = _run(work)
    for key, code in sorted(problems.items()):
        unfinished += code is not None
        typer.echo(f"{'✗' if code else '✓'} {key}{f': {code}' if code else ''}")
    if missing := sorted(set(ids or ()) - set(problems)):
        raise CommandError(f"There is no dead event {missing[0]}.")
    if not problems:
        typer.echo("No event is dead.")
    if unfinished:
        raise typer.Exit(FAILED)


def _line(letter: LetterRow) -> str:
    if letter.failed_at is not None:
        when = f"dead since {letter.failed_at:%Y-%m-%d %H:%M:%S}Z"
    else:
        when = f"waiting for {letter.next_try_at:%Y-%m-%d %H:%M:%S}Z"
    what = " ".join(filter(None, (letter.organization, letter.topic, letter.event_type, letter.event_id)))
    return f"{letter.id}  {what}  {when}, {letter.tries} tries  {letter.code}: {letter.message}"


def _run(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    settings = Settings()
    configure_logging("ERROR", "console")  # What happens is printed.
    with ready_servers(settings, lambda line: typer.echo(line, err=True)) as servers:
        return asyncio.run(_with_engine(servers.settings_for(DatabaseRole.WORKER), work))


async def _with_engine(settings: Settings, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    assert settings.database_url is not None
    engine = write_engine(settings.database_url, DatabaseRole.WORKER)
    try:
        return await work(engine)
    finally:
        await engine.dispose()
