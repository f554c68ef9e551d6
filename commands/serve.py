"""``scoregraph serve``: the gateway."""

from __future__ import annotations

import socket
from typing import Annotated

import structlog
import typer
import uvloop

from commands.gateway import gateway
from commands.memory import spare_what_stays
from commands.secret import with_own_secret
from commands.servers import ready_servers
from commands.signals import on_stop_signal
from commands.web_server import listen, url_of
from logs import configure_logging
from settings import DatabaseRole, Settings

app = typer.Typer(add_completion=False)
log = structlog.get_logger(__name__)


@app.command(
    epilog="Examples: [bold]scoregraph serve[/] · [bold]DATABASE_URL=postgresql://… JWT_JWKS_URL=https://… "
    "scoregraph serve --host 0.0.0.0 --port 80[/]",
)
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", envvar="HOST")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes any.", envvar="PORT", min=0, max=65535)
    ] = None,
) -> None:
    """Answer GraphQL requests over HTTP and WebSocket.

    Start as many as you like on one database; `scoregraph worker` belongs beside them.
    """
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    with (
        listen(host or settings.host, settings.port if port is None else port) as listening,
        ready_servers(settings, lambda line: log.info("starting", step=line)) as servers,
    ):
        serving = servers.settings_for(DatabaseRole.API)
        if servers.endpoints is not None:
            serving = with_own_secret(serving, make=True)
        uvloop.run(_serve(serving, listening))


async def _serve(settings: Settings, listening: socket.socket) -> None:
    server = gateway(settings)
    spare_what_stays()

    def stop() -> None:
        server.should_exit = True

    on_stop_signal(stop)
    log.info("serving", url=url_of(listening))
    await server.serve([listening])
    log.info("stopped")
