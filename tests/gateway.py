"""The real gateway on a loopback port, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from auth import Role, mint
from commands.gateway import gateway
from commands.web_server import listen, url_of
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
def running_gateway(database: Database, servers: Servers, **changed: Any) -> Iterator[Gateway]:
    """Serves a database until the block ends, as `scoregraph serve` does. ``changed`` are settings by their field names."""
    given = {"database_url": database.url, "redis_url": servers.redis_url, "jwt_secret": SecretStr(SECRET)}
    settings = Settings(**{**given, **changed})
    server = gateway(settings)
    listening = listen("127.0.0.1", 0)
    url = url_of(listening)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield Gateway(url, settings)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive(), "the gateway does not stop"
