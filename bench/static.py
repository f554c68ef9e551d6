"""``python -m bench.static PORT FOLDER``: each file of the folder as a static route, on the web server of the gateway."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from commands.http_protocol import Patience
from commands.web_server import listen, web_server
from settings import Settings


def static_app(folder: Path) -> Starlette:
    return Starlette(
        routes=[Route(f"/{path.name}", _answer(path.read_bytes()), methods=["POST"]) for path in folder.iterdir()]
    )


def _answer(body: bytes) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return Response(body, media_type="application/json")

    return answer


if __name__ == "__main__":
    settings = Settings()
    patience = Patience(settings.header_timeout, settings.body_timeout, settings.body_timeout, settings.max_connections)
    server = web_server(static_app(Path(sys.argv[2])), patience)
    uvloop.run(server.serve([listen("127.0.0.1", int(sys.argv[1]))]))
