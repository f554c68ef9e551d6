"""The gateway: the application on the web server."""

from __future__ import annotations

from app import create_app
from commands.http_protocol import Patience
from commands.web_server import WebServer, connections_up_to, web_server
from settings import Settings


def gateway(settings: Settings) -> WebServer:
    """A gateway ready to serve. Raises auth.ConfigurationError."""
    patience = Patience(
        head=settings.header_timeout,
        body=settings.body_timeout,
        reader=settings.body_timeout,
        connections=connections_up_to(settings.max_connections),
    )
    app = create_app(settings)
    return web_server(app, patience, app.state.live.stop, app.state.front.whole)
