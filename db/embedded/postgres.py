"""The embedded PostgreSQL: made once, started in well under a second, stopped with a checkpoint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from db.embedded.errors import EmbeddedError
from db.embedded.launcher import Launcher, end, wait_until
from db.embedded.programs import Programs
from db.embedded.state import LOOPBACK, open_log

MAJOR_VERSION = "18"
DATABASE = "scoregraph"
SUPERUSER = "scoregraph_admin"
START_SECONDS = 300.0  # recovery after a crash replays at most max_wal_size, on slow disks too

# Over TCP with a password only: there is no socket, and no "trust" for anybody.
HOST_BASED_ACCESS = f"host all all {LOOPBACK}/32 scram-sha-256\n"

SETTINGS = f"""\
# Written by Scoregraph at each start. Settings of your own: ALTER SYSTEM SET ...
listen_addresses = '{LOOPBACK}'
port = {{port}}
unix_socket_directories = ''
password_encryption = scram-sha-256
max_connections = 100

# A small box that also runs the gateway and a worker.
shared_buffers = 256MB
effective_cache_size = 1GB
maintenance_work_mem = 64MB
random_page_cost = 1.1
jit = off   # compiling costs more than our statements take

# Safe against a crash; no standby reads this log, so it holds nothing for one.
fsync = {{durable}}
full_page_writes = {{durable}}
synchronous_commit = on
wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
max_wal_size = 1GB

timezone = UTC
log_timezone = UTC
lc_messages = C

# A file per weekday, overwritten a week later. Statements stay out: they could hold personal data.
logging_collector = on
log_directory = log
log_filename = 'postgresql-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_min_messages = warning
log_min_error_statement = panic
log_checkpoints = off
"""


class Postgres:
    """The server of one data directory."""

    def __init__(self, data_dir: Path, programs: Programs, launcher: Launcher, *, durable: bool) -> None:
        self.data = data_dir / "postgres"
        self._start_log = data_dir / "postgres.log"
        self._programs = programs
        self._launcher = launcher
        self._durable = durable
        self._process: subprocess.Popen[str] | None = None

    @staticmethod
    def exists(data_dir: Path) -> bool:
        """Whether there is a database of the right version; complains about anything else in its place."""
        data = data_dir / "postgres"
        try:
            found = (data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            if data.exists():
                raise EmbeddedError(f"{data} is in the way, it holds no database: move it elsewhere.") from None
            return False
        except NotADirectoryError:
            raise EmbeddedError(f"{data} is in the way, it is no directory: move it elsewhere.") from None
        if found != MAJOR_VERSION:
            raise EmbeddedError(
                f"The database in {data} was made by PostgreSQL {found}, this is PostgreSQL {MAJOR_VERSION}: "
                f"dump it with the Scoregraph that made it, move {data_dir} away, and restore the dump here."
            )
        return True

    def create(self, password: str) -> None:
        """Make the cluster and its database. It gets its name last: half-made by a crash, it has another."""
        making = self.data.with_name("postgres.new")
        shutil.rmtree(making, ignore_errors=True)
        self._launcher.user.make_directory(making)
        here = self._launcher.user.path_to_here(making)
        # Sorting by code point, the same on every machine. The wheel is built without ICU.
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        access = (f"--username={SUPERUSER}", "--pwfile=/dev/stdin", "--auth=scram-sha-256")
        speed = () if self._durable else ("--no-sync",)
        self._run(
            [self._programs.initdb, "-D", here, *locale, *access, *speed, "--no-instructions"],
            making,
            password,
        )
        self._run(
            [self._programs.postgres, "--single", "-D", here, "postgres"],
            making,
            f"CREATE DATABASE {DATABASE}",
        )
        self._write(making / "pg_hba.conf", HOST_BASED_ACCESS)
        making.rename(self.data)
        _sync_directory(self.data.parent)

    def _run(self, command: list[str | Path], directory: Path, text: str) -> None:
        status, said = self._launcher.run(command, directory, text=text + "\n")
        if status != 0 or "ERROR:" in said:
            shutil.rmtree(directory, ignore_errors=True)
            raise EmbeddedError(
                f"PostgreSQL could not make its database in {self.data} ({_complaint(said) or status}): "
                "make room or choose another place with SCOREGRAPH_DATA_DIR."
            )

    def launch(self, port: int, mark: str) -> int:
        """Start the server without waiting for it; its pid. None of an earlier run may be alive any more."""
        durable = "on" if self._durable else "off"
        self._write(self.data / "postgresql.conf", SETTINGS.format(port=port, durable=durable))
        # Left by a crash. In a new container another process may have its pid: that would stop PostgreSQL.
        self._pid_file.unlink(missing_ok=True)
        here = self._launcher.user.path_to_here(self.data)
        command = (self._programs.postgres, "-D", here, f"--cluster_name={mark}")
        with open_log(self._start_log, "w") as log:
            self._process = self._launcher.start(command, self.data, output=log)
        return self._process.pid

    def wait(self) -> None:
        """Wait until connections are answered, recovery after a crash included."""
        assert self._process, "launched before it is waited for"
        if not wait_until(self._is_ready, self._process, seconds=START_SECONDS):
            complaint, log = self._reason()
            raise EmbeddedError(f"PostgreSQL did not start ({complaint}): correct that; its log is {log}.")

    def _reason(self) -> tuple[str, Path]:
        """Why it did not start, and the log that says so: the collector takes over in mid-start."""
        collected = sorted((self.data / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        for log in (self._start_log, *collected[-1:]):
            this_start = log.read_text(errors="replace").rpartition("starting PostgreSQL")[2]
            if complaint := _complaint(this_start):
                return complaint.replace("/proc/self/cwd", str(self.data)), log
        return "it gave no reason", self._start_log

    def _is_ready(self) -> bool:
        assert self._process
        try:
            lines = self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"

    def stop(self) -> None:
        if self._process:
            end(self._process)
            self._process = None

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _write(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self._launcher.user.own(path)


def _complaint(said: str) -> str | None:
    """The first line in which a server program says what is wrong."""
    found = re.search(r"(?:FATAL|PANIC|ERROR|error|fatal):\s+(.*)", said)
    return found and found[1]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
