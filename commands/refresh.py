"""``scoregraph refresh``: refreshes materialized views now."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from commands.database import engine_of, say_aside
from commands.errors import USAGE, CommandError
from commands.servers import ready_servers
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.fold import fold_pending
from workers.refresh import refresh_named

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: [bold]scoregraph refresh[/] · [bold]scoregraph refresh score_ranks lab_stats[/]",
)
def refresh(
    views: Annotated[
        list[str] | None, typer.Argument(help="Names of views; all without any.", metavar="[VIEW]…")
    ] = None,
) -> None:
    """Fold what is pending and refresh materialized views now, without blocking their readers.

    The worker does this by itself; use it after an import, or to see why a view fails.
    """
    settings = Settings()
    configure_logging("ERROR", "console")  # what happens is printed
    with ready_servers(settings, say_aside) as servers:
        failed = asyncio.run(refresh_now(servers.settings_for(DatabaseRole.WORKER), views or []))
    if failed:
        raise typer.Exit(1)


async def refresh_now(settings: Settings, names: list[str]) -> list[str]:
    """Folds and refreshes, saying each step; gives the views that could not be refreshed. Raises CommandError."""
    failed: list[str] = []

    def say(view: str, problem: str | None) -> None:
        typer.echo(f"{'✗' if problem else '✓'} {view}{f': {problem}' if problem else ''}")
        if problem:
            failed.append(view)

    async with engine_of(settings) as engine:
        await fold_pending(engine)
        try:
            await refresh_named(engine, names, say)
        except ValueError as error:
            raise CommandError(str(error), exit_code=USAGE) from None
    return failed
