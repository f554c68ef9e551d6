"""``scoregraph events``: how far they have come, those that could not be taken, and trying these again."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

import typer

from commands.database import as_worker, engine_of, say_aside
from commands.errors import FAILED, CommandError
from commands.servers import ready_servers
from db.queries.dead_letters import LetterRow, get_problems, list_letters, replay_letters
from db.queries.operations import list_told_consumers
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.events.dead_letters import retry_due
from workers.events.happenings import Keeping

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Examples: [bold]scoregraph events status[/] · [bold]scoregraph events list[/] · [bold]scoregraph events replay 17 18[/]",
)


@app.callback()
def events() -> None:
    """See how far events have come and which could not be taken, and try these again once what kept them is mended."""
    configure_logging("ERROR", "console")  # what happens is printed


@app.command()
def status() -> None:
    """Show how far workers have come with each topic, and when they last said so."""
    consumers = as_worker(list_told_consumers)
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
    letters = as_worker(partial(list_letters, most=most))
    for letter in letters:
        typer.echo(_line(letter))
    if not letters:
        typer.echo("Every event was taken.")


@app.command(epilog="Examples: [bold]scoregraph events replay[/] · [bold]scoregraph events replay 17 18[/]")
def replay(
    ids: Annotated[list[int] | None, typer.Argument(help="Of dead ones; all without any.", metavar="[ID]…")] = None,
) -> None:
    """Try dead events again now, each person's in their order. One that fails is tried by the worker until it is dead again."""
    with ready_servers(Settings(), say_aside) as servers:
        problems = asyncio.run(_replay(servers.settings_for(DatabaseRole.WORKER), ids or None))
    unfinished = 0
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


async def _replay(settings: Settings, ids: list[int] | None) -> dict[int, str | None]:
    """What is wrong with each now, by its id."""
    async with engine_of(settings) as engine:
        async with engine.begin() as connection:
            replayed = await replay_letters(connection, ids)
        await retry_due(engine, Keeping.of(settings))
        async with engine.connect() as connection:
            return await get_problems(connection, replayed)
