"""`scoregraph demo` as a process: what it prints, who may ask, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg
import pytest
import redis
from graphql import parse, validate

from commands.demo.welcome import QUERIES
from schema.graph import graph
from tests.commanding import complaint, scoregraph, start_scoregraph

OPTIONS = ("demo", "--json", "--no-data", "--no-trickle", "--port", "0")


class Demo:
    """A demo that is ready."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process = start_scoregraph(data_dir, *OPTIONS)
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        self.said: dict[str, Any] = json.loads(line)
        self.pids: dict[str, int] = self.said["pids"]

    def ask(self, query: str, token: str | None) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer: dict[str, Any] = httpx.post(self.said["graphql"], json={"query": query}, headers=headers).json()
        return answer

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
        """Sends a signal, waits, and closes what is open: exit status, the rest of both outputs."""
        self.process.send_signal(number)
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr

    def alive(self) -> list[str]:
        return [name for name, pid in self.pids.items() if psutil.pid_exists(pid)]

    def wait_until_gone(self, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while self.alive():
            assert time.monotonic() < deadline, f"still there: {self.alive()}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data directory for the whole module: the demo comes back to it."""
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture
def demo(data_dir: Path) -> Iterator[Demo]:
    demo = Demo(data_dir)
    yield demo
    if demo.process.poll() is None:
        demo.end()


def test_answers_to_each_token_and_leaves_nothing(demo: Demo) -> None:
    assert set(demo.said["tokens"]) == {"STUDENT", "TEACHER", "MANAGER", "ADMIN", "SERVICE"}
    for role, token in demo.said["tokens"].items():
        answer = demo.ask("{ viewer { role organization { slug } user { displayName } } }", token)
        assert answer["data"]["viewer"]["role"] == role
        assert answer["data"]["viewer"]["organization"]["slug"] == demo.said["people"][role]["organization"]
        assert (answer["data"]["viewer"]["user"] is None) == (role == "SERVICE")
    assert demo.ask("{ viewer { role } }", None)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    health = httpx.get(demo.said["health"])
    assert health.json() == {"status": "ok"}
    assert "server" not in health.headers
    assert "type Query" in httpx.get(demo.said["schema"]).text
    for url in (demo.said["database_url"], *demo.said["database_urls"].values()):
        psycopg.connect(url).close()
    with redis.Redis.from_url(demo.said["redis_url"]) as client:
        assert client.ping()
    assert demo.alive() == ["demo", "worker", "postgres", "valkey"]

    again = scoregraph(demo.data_dir, *OPTIONS)
    assert (again.returncode, again.stdout) == (1, "")
    assert complaint(again).startswith(f"The demo is already running (pid {demo.pids['demo']}) on {demo.said['url']}")

    token = scoregraph(demo.data_dir, "token", "--org", "empty", "--user", "student").stdout.strip()
    assert demo.ask("{ viewer { role } }", token) == {"data": {"viewer": {"role": "STUDENT"}}}
    assert scoregraph(demo.data_dir, "doctor").returncode == 0

    started = time.monotonic()
    status, stdout, stderr = demo.end(signal.SIGINT)
    assert time.monotonic() - started < 10
    assert (status, stdout) == (0, "")
    assert "Traceback" not in stderr
    demo.wait_until_gone(1)


def test_secrets_are_for_their_owner_alone(data_dir: Path) -> None:
    for name in ("jwt_secret", "demo.json", "worker.log", "passwords.json"):
        assert (data_dir / name).stat().st_mode & 0o077 == 0
    log = (data_dir / "worker.log").read_text()
    assert '"event":"worker_stopped"' in log
    passwords = json.loads((data_dir / "passwords.json").read_text()).values()
    assert not any(password in log for password in passwords)


def test_killed_it_takes_all_with_it_and_comes_back(data_dir: Path) -> None:
    first = Demo(data_dir)
    first.process.kill()
    first.process.communicate()
    first.wait_until_gone()
    second = Demo(data_dir)
    assert second.ask("{ viewer { role } }", second.said["tokens"]["ADMIN"])["data"]
    assert second.ask("{ viewer { role } }", first.said["tokens"]["ADMIN"])["data"], "the secret is kept"
    assert second.end(signal.SIGTERM)[0] == 0
    second.wait_until_gone(1)


@pytest.mark.parametrize(
    ("part", "sentence"), [("worker", "The worker ended by itself"), ("postgres", "Postgres ended by itself")]
)
def test_says_so_and_stops_when_a_part_ends(part: str, sentence: str, demo: Demo) -> None:
    os.kill(demo.pids[part], signal.SIGKILL)
    _, stderr = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 1
    assert sentence in stderr
    assert "Traceback" not in stderr
    demo.wait_until_gone(1)


def test_ctrl_c_while_it_starts(tmp_path: Path) -> None:
    process = start_scoregraph(tmp_path / "data", *OPTIONS)
    assert process.stderr
    assert "Creating" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (0, "")
    assert "Traceback" not in stderr
    mark = f"{(tmp_path / 'data').stat().st_ino:x}-data"
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_what_it_tells_people_to_ask_is_in_the_schema() -> None:
    for query in QUERIES.values():
        assert validate(graph.schema, parse(query)) == []
