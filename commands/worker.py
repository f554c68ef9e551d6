"""``scoregraph worker``: what happens beside the requests."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated

import structlog
import typer

from commands.servers import ready_servers
from commands.signals import on_stop_signal
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.main import work

app = typer.Typer(add_completion=False)
log = structlog.get_logger(__name__)


@app.command(
    epilog="Examples: [bold]scoregraph worker[/] · [bold]SCOREGRAPH_REFRESH_SECONDS=300 scoregraph worker[/]",
)
def worker(
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="Stop as well when standard input ends, so with whoever holds it.")
    ] = False,
) -> None:
    """Fold changes into the rollups, refresh materialized views, throw away what is old.

    Numbers that add up are exact without it; ranks and percentiles grow old. Several workers share the work.
    """
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    with ready_servers(settings, lambda line: log.info("starting", step=line)) as servers:
        asyncio.run(_work(servers.settings_for(DatabaseRole.WORKER), until_eof=until_eof))


async def _work(settings: Settings, *, until_eof: bool) -> None:
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    if until_eof:
        asyncio.get_running_loop().add_reader(sys.stdin, _stop_at_eof, stop)
    await work(settings, stop)


def _stop_at_eof(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        stop.set()
