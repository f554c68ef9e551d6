"""The command: a step after the other, and everything undone in the end."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console

from auth import Role
from commands.demo.data import People, bring_up_to_date, empty_organization, filled_organizations, token_for
from commands.demo.lock import DemoLock
from commands.demo.running import run_demo
from commands.demo.welcome import Welcome
from commands.progress import Steps
from commands.secret import with_own_secret
from commands.servers import Servers, prepared
from commands.signals import STOPPING
from commands.web_server import listen, url_of
from db.embedded import Embedded
from logs import configure_logging
from settings import DatabaseRole, Settings

app = typer.Typer(add_completion=False)

# The demo is about its own servers, whatever the environment names for others.
OWN = {"database_url": None, "redis_url": None, "jwt_jwks_url": None}


@app.command(
    epilog="Examples: [bold]scoregraph demo[/] · [bold]scoregraph demo --port 9000 --data-dir /tmp/scoregraph[/] · "
    "[bold]scoregraph demo --json | jq .tokens.TEACHER[/]",
)
def demo(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any.", envvar="PORT", min=0, max=65535)
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where everything is kept.", envvar="SCOREGRAPH_DATA_DIR")
    ] = None,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="An organization with one person per role and nothing else.")
    ] = False,
    no_trickle: Annotated[bool, typer.Option("--no-trickle", help="No live attempts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON on standard output when ready.")] = False,
) -> None:
    """Start everything with a year of synthetic data, and hand out a token per role.

    PostgreSQL, Valkey, a worker and the gateway run until Ctrl-C, which leaves nothing behind but the data.
    """
    settings = Settings().model_copy(update=OWN)
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir})
    # What is worth knowing here is printed; the log is for what goes wrong.
    quiet = settings.log_level if "log_level" in settings.model_fields_set else "WARNING"
    configure_logging(quiet, "console")
    console = Console(stderr=as_json)
    # Until there is a loop, SIGTERM is as good as Ctrl-C, also where a shell started us in the background, deaf to it.
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)
    try:
        with ExitStack() as running:
            lock = DemoLock(settings.data_dir)
            running.callback(lock.release)
            listening = running.enter_context(listen(settings.host, settings.port if port is None else port))
            lock.note(url_of(listening))
            _run(settings, listening, running, console, no_data=no_data, no_trickle=no_trickle, as_json=as_json)
    except KeyboardInterrupt:
        pass
    console.print("Stopped.", style="dim")


def _run(
    settings: Settings,
    listening: socket.socket,
    running: ExitStack,
    console: Console,
    *,
    no_data: bool,
    no_trickle: bool,
    as_json: bool,
) -> None:
    def say(line: str) -> None:
        console.print(line, style="dim", highlight=False)

    embedded = Embedded(settings.data_dir, progress=say)
    running.callback(embedded.stop)
    endpoints = embedded.start()
    servers = prepared(settings, endpoints, say)
    people = _filled(servers, console, no_data=no_data)
    serving = with_own_secret(servers.settings_for(DatabaseRole.API), make=True)
    tokens = {role: token_for(serving, people, role) for role in people}

    def announce(pids: Mapping[str, int]) -> None:
        welcome = Welcome(url_of(listening), people, tokens, endpoints, pids)
        if as_json:
            typer.echo(welcome.as_json())
        else:
            welcome.print(console)

    say("Starting the worker and the gateway …")
    trickling = not (no_trickle or no_data)
    service_token = partial(token_for, serving, people, Role.SERVICE) if trickling else None
    uvloop.run(run_demo(serving, listening, endpoints, service_token, announce))


def _filled(servers: Servers, console: Console, *, no_data: bool) -> People:
    worker = servers.settings_for(DatabaseRole.WORKER)
    if no_data:
        return asyncio.run(empty_organization(worker))
    with Steps(console) as steps:
        people = filled_organizations(servers.owner_url, steps.advance)
    asyncio.run(bring_up_to_date(worker))
    return people
