"""The web server: Uvicorn with our limits, on a socket that is ours before anything heavy is started."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from app import create_app
from commands.complaints import CommandError
from settings import Settings

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
GRACEFUL_SECONDS = 5
"""How long requests at hand may take when the gateway is told to stop; subscriptions are closed then."""


class Gateway(uvicorn.Server):
    """Leaves signals to the command that runs it: it stops when ``should_exit`` is set. ``ready`` is set when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def gateway(settings: Settings) -> Gateway:
    """A gateway ready to serve. Raises auth.ConfigurationError."""
    return Gateway(
        uvicorn.Config(
            create_app(settings),
            loop="uvloop",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Clients that come early wait. Raises CommandError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except socket.gaierror:
        raise CommandError(f"{host} is no address of this machine: set HOST to one.") from None
    except OverflowError:
        raise CommandError(f"There is no port {port}: choose one up to 65535.") from None
    except OSError as error:
        raise CommandError(_complaint(error, host, port)) from None


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104
        host = "localhost"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _complaint(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is in use: stop what listens there, or choose another with --port."
        case errno.EACCES:
            return f"Port {port} is not for ordinary users: choose one above 1023 with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine: set HOST to one."
    return f"{host}:{port} cannot be listened on ({error.strerror})."
