"""The web server: Uvicorn with our limits, on a socket that is ours before anything heavy is started."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from commands.errors import CommandError
from commands.http_protocol import Patience, Whole, http_protocol
from commands.socket_protocol import SocketProtocol

MAX_WEBSOCKET_MESSAGE_BYTES = 1024 * 1024
GRACEFUL_SECONDS = 8
"""How long requests at hand may take when the gateway is told to stop; subscriptions are closed at once. Containers are
killed after ten.
"""

GIVE_UP_SECONDS = 60
"""How long the kernel keeps what a client does not take, also of a connection that is closed on our side."""

OWN_FILES = 256
"""What a process needs beside its clients: connections to the servers, assets, the log."""


class WebServer(uvicorn.Server):
    """Leaves signals to the command that runs it: it stops when ``should_exit`` is set. ``ready`` is set when it answers.

    ``stopping`` is called before it waits for what is at hand: answers without end have to be ended by whoever gives them.
    """

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_server(
    app: ASGIApp, patience: Patience, stopping: Callable[[], None] = lambda: None, whole: Whole | None = None
) -> WebServer:
    """Uvicorn with what it may do named here, whatever its defaults and the environment's are. ``whole`` answers what the
    application need not be run for.
    """
    return WebServer(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=http_protocol(patience, whole),
            ws=SocketProtocol,
            ws_max_size=MAX_WEBSOCKET_MESSAGE_BYTES,
            # Those of graphql-transport-ws do the same, and are seen by the client.
            ws_ping_interval=None,
            # One answer goes to many: compressing it for each of them costs far more than sending it.
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        ),
        stopping,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any that is free. Clients that come early wait. Raises CommandError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=2048)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; the connections inherit it
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GIVE_UP_SECONDS * 1000)
        return listening
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


def connections_up_to(wanted: int) -> int:
    """As many of them as there can be open files for; the limit of the process is raised where that is allowed."""
    limit, ceiling = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    needed = wanted + OWN_FILES
    if limit < needed:
        limit = needed if ceiling == resource.RLIM_INFINITY else min(needed, ceiling)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, ceiling))
    return max(1, min(wanted, limit - OWN_FILES))


def _complaint(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is in use: stop what listens there, or choose another with --port."
        case errno.EACCES:
            return f"Port {port} is not for ordinary users: choose one above 1023 with --port."
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine: set HOST to one."
    return f"{host}:{port} cannot be listened on ({error.strerror})."
