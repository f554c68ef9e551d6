"""The real gateway on a loopback port, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import uvicorn
from pydantic import SecretStr

from app import create_app
from auth import Role, mint
from settings import Settings
from tests.conftest import Database, Servers

SECRET = "a secret of the tests, long enough for HS256"


@dataclass(frozen=True)
class Gateway:
    url: str
    settings: Settings

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/graphql"

    def token(
        self, person: str, role: str, organization: str = "north", lifetime: timedelta = timedelta(hours=1)
    ) -> str:
        return mint(self.settings, organization=organization, subject=person, role=Role(role), lifetime=lifetime)

    def headers(self, person: str, role: str, organization: str = "north") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(person, role, organization)}"}


@contextmanager
def running_gateway(database: Database, servers: Servers) -> Iterator[Gateway]:
    """Serves a database until the block ends."""
    settings = Settings(database_url=database.url, redis_url=servers.redis_url, jwt_secret=SecretStr(SECRET))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings), log_level="error", lifespan="on", ws="websockets-sansio")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield Gateway(f"http://127.0.0.1:{listener.getsockname()[1]}", settings)
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
