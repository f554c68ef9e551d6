"""The servers that are measured, each a process of its own that ends with the measurement."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
import psycopg
from pydantic import SecretStr

from auth import Role, mint
from commands.errors import CommandError
from settings import Settings

CHECKOUT = Path(__file__).absolute().parents[1]
START_SECONDS = 60.0
CLIENT = httpx.Client(timeout=60)
POOL_SIZE = 10
"""Connections to the database, of each server."""


@dataclass(frozen=True)
class Server:
    """``database_url`` is that of a superuser, by which the server's own connections are found."""

    name: str
    url: str
    token: str = field(repr=False)
    process: psutil.Process
    database_url: str | None = field(default=None, repr=False)

    def post(self, body: bytes) -> httpx.Response:
        """Raises CommandError without an answer."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        try:
            return CLIENT.post(self.url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise CommandError(f"{self.name} does not answer ({error}).") from error

    def ask(self, body: bytes) -> tuple[Any, int]:
        """The data of an answer without errors, and the bytes of the answer. Raises CommandError."""
        response = self.post(body)
        answer = response.json()
        if response.status_code != 200 or answer.get("errors"):
            raise CommandError(f"{self.name} answers {response.status_code}: {response.text[:500]}")
        return answer["data"], len(response.content)

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(process) for process in (self.process, *self.process.children(recursive=True)))

    def resident_bytes(self) -> int:
        return sum(p.memory_info().rss for p in (self.process, *self.process.children(recursive=True)))


def backend_seconds(server: Server) -> dict[int, float]:
    """CPU seconds that the database's processes of all connections to the server's database have used so far, by process id;
    none where they are not of this machine.
    """
    if server.database_url is None:
        return {}
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return {pid: cpu_seconds(psutil.Process(pid)) for (pid,) in pids if psutil.pid_exists(pid)}


def cpu_seconds(process: psutil.Process) -> float:
    """What it has used so far; 0 where it is gone."""
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


SECRET = secrets.token_urlsafe(48)
MANAGER = ("boss", Role.MANAGER)


def token_of(subject: str, role: Role) -> str:
    """A token that the gateways of this bench accept."""
    settings = Settings(jwt_secret=SecretStr(SECRET))
    return mint(settings, organization="bench", subject=subject, role=role, lifetime=timedelta(hours=24))


@contextmanager
def gateway(
    database_url: str, redis_url: str | None, *, cache_mb: int = 0, name: str = "scoregraph"
) -> Iterator[Server]:
    """Ours, with its own defaults but for the response cache. Asked as a manager."""
    port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "JWT_SECRET": SECRET,
        "DB_POOL_SIZE": str(POOL_SIZE),
        "SCOREGRAPH_CACHE_MB": str(cache_mb),
        # One caller asks for everybody here.
        "SCOREGRAPH_COST_PER_MINUTE": "MANAGER=999999999,SERVICE=999999999",
    } | ({"REDIS_URL": redis_url} if redis_url else {})
    command = (sys.executable, "-m", "cli", "serve", "--host", "127.0.0.1", "--port", str(port))
    url, token = f"http://127.0.0.1:{port}/graphql", token_of(*MANAGER)
    with running(name, command, environment, url, token, CHECKOUT) as process:
        yield Server(name, url, token, process, database_url)


@contextmanager
def running(
    name: str, command: Sequence[str], environment: Mapping[str, str], url: str, token: str, folder: Path
) -> Iterator[psutil.Process]:
    """The process, once it answers at the URL. Raises CommandError with the end of what it said otherwise."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("REDIS_URL", "JWT_JWKS_URL")}
    with TemporaryDirectory(prefix="scoregraph-bench-") as temporary, (Path(temporary) / "log").open("w+") as log:
        child = subprocess.Popen(command, cwd=folder, env={**inherited, **environment}, stdout=log, stderr=log)
        try:
            if not _answers(child, url, token):
                log.seek(0)
                raise CommandError(f"{name} did not start: {log.read()[-2000:]}")
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _answers(child: subprocess.Popen[bytes], url: str, token: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    headers = {"Authorization": f"Bearer {token}"}
    while child.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.post(url, json={"query": "{ __typename }"}, headers=headers).status_code == 200:
                return True
        time.sleep(0.1)
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
