"""The embedded Valkey: change feed, limits, and the streams on which events come in."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from db.embedded.errors import EmbeddedError
from db.embedded.launcher import Launcher, end, wait_until
from db.embedded.programs import Programs
from db.embedded.state import LOOPBACK, open_log

START_SECONDS = 60.0
LOG_BYTES = 1_000_000

# Append-only file, no snapshots: an event that was accepted into a stream outlives a killed server.
# Most of the traffic is pub/sub, which is never written.
CONFIGURATION = f"""\
bind {LOOPBACK}
port {{port}}
protected-mode yes
requirepass {{password}}
save ""
appendonly yes
appendfsync {{sync}}
loglevel warning
"""


class Valkey:
    """The server of one data directory."""

    def __init__(self, data_dir: Path, programs: Programs, launcher: Launcher, *, durable: bool) -> None:
        self._directory = data_dir / "valkey"
        self._log = data_dir / "valkey.log"
        self._programs = programs
        self._launcher = launcher
        self._durable = durable
        self._process: subprocess.Popen[str] | None = None

    def launch(self, port: int, password: str, mark: str) -> int:
        """Start the server without waiting for it; its pid."""
        if not self._directory.exists():
            self._launcher.user.make_directory(self._directory)
        sync = "everysec" if self._durable else "no"
        configuration = CONFIGURATION.format(port=port, password=password, sync=sync)
        # The configuration with its password arrives on standard input: it is neither on disk nor in `ps`.
        command = (self._programs.valkey, "-", "--proc-title-template", f"{{title}} {{listen-addr}} {mark}")
        grown = self._log.exists() and self._log.stat().st_size > LOG_BYTES
        with open_log(self._log, "w" if grown else "a") as log:
            self._process = self._launcher.start(command, self._directory, output=log, text=configuration)
        return self._process.pid

    def wait(self, port: int, password: str) -> None:
        """Wait until it answers to the password, stored streams loaded."""
        assert self._process, "launched before it is waited for"
        if not wait_until(lambda: _answers(port, password), self._process, seconds=START_SECONDS):
            raise EmbeddedError(f"Valkey did not start: see {self._log}, or set REDIS_URL to a server of your own.")

    def stop(self) -> None:
        if self._process:
            end(self._process)
            self._process = None


def _answers(port: int, password: str) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            with connection.makefile("rb") as answer:
                return b"+PONG" in answer.read()
    except OSError:
        return False
