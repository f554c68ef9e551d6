"""``scoregraph worker``: what happens beside the requests."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import ExitStack
from functools import partial
from typing import Annotated

import structlog
import typer

from commands.documents.for_workers import exported_documents
from commands.errors import USAGE, CommandError
from commands.memory import spare_what_stays
from commands.servers import ready_servers
from commands.signals import on_stop_signal
from commands.web_server import listen, url_of
from commands.worker_web import worker_web
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.main import Worker
from workers.means import Queue

app = typer.Typer(add_completion=False)
log = structlog.get_logger(__name__)


@app.command(
    epilog="Examples: [bold]scoregraph worker[/] · [bold]scoregraph worker --queues exports,notify[/] · "
    "[bold]SCOREGRAPH_REFRESH_SECONDS=300 WORKER_PORT=3008 scoregraph worker[/]",
)
def worker(
    queues: Annotated[str, typer.Option(help=f"What to work at, separated by commas: {', '.join(Queue)}.")] = ",".join(
        Queue
    ),
    port: Annotated[
        int | None,
        typer.Option(
            help="Port for its health and metrics (default: WORKER_PORT, else none); 0 takes any.", min=0, max=65535
        ),
    ] = None,
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="Stop as well when standard input ends, so with whoever holds it.")
    ] = False,
) -> None:
    """Fold changes into the rollups, refresh materialized views, run jobs.

    Numbers that add up are exact without it; ranks and percentiles grow old, and files wait. Several workers share the work.
    """
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    chosen = chosen_queues(queues)
    port = settings.worker_port if port is None else port
    with ExitStack() as stack:
        listening = None if port is None else stack.enter_context(listen(settings.worker_host, port))
        servers = stack.enter_context(ready_servers(settings, lambda line: log.info("starting", step=line)))
        spare_what_stays()
        asyncio.run(_work(servers.settings_for(DatabaseRole.WORKER), chosen, listening, until_eof=until_eof))


def chosen_queues(names: str) -> set[Queue]:
    """Those named, separated by commas. Raises CommandError."""
    wanted = {name for part in names.split(",") if (name := part.strip())}
    if not wanted:
        raise CommandError(f"--queues names none of {', '.join(Queue)}.", exit_code=USAGE)
    if unknown := sorted(wanted - set(Queue)):
        raise CommandError(f"There is no queue {unknown[0]}; the queues are {', '.join(Queue)}.", exit_code=USAGE)
    return {Queue(name) for name in wanted}


async def _work(settings: Settings, queues: set[Queue], listening: socket.socket | None, *, until_eof: bool) -> None:
    stop = asyncio.Event()
    on_stop_signal(stop.set)
    if until_eof:
        asyncio.get_running_loop().add_reader(sys.stdin, _stop_at_eof, stop)
    worker = Worker(settings, queues, partial(exported_documents, settings))
    if listening is None:
        await worker.work(stop)
        return
    server = worker_web(settings, worker)
    log.info("listening", url=url_of(listening))
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await worker.work(stop)
    finally:
        server.should_exit = True
        await serving


def _stop_at_eof(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        stop.set()
