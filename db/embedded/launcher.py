"""Start child processes that run as an unprivileged user, show no secret in `ps`, and end with us."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from db.embedded.errors import EmbeddedError

UNPRIVILEGED = ("postgres", "_postgres", "nobody", "daemon")
KILL_AFTER_SECONDS = 30.0


@dataclass(frozen=True)
class ServerUser:
    """The user that the servers run as: ourselves, unless we are root, which PostgreSQL refuses."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()

    @classmethod
    def for_data(cls, data: Path) -> ServerUser:
        """Whom `data` belongs to, or is to belong to: if we are root, an unprivileged system user."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for owned in (data, data.parent):
            if owned.exists() and owned.stat().st_uid != 0:
                return cls(owned.stat().st_uid, owned.stat().st_gid)
        accounts = {account.pw_name: account for account in pwd.getpwall()}
        for name in UNPRIVILEGED:
            if name in accounts and accounts[name].pw_uid != 0:
                return cls(accounts[name].pw_uid, accounts[name].pw_gid)
        raise EmbeddedError(
            "PostgreSQL refuses to run as root and this system has neither a user postgres nor nobody: "
            "run Scoregraph as an ordinary user."
        )

    def make_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self.own(path)

    def own(self, path: Path) -> None:
        if self.is_other:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def path_to_here(self, directory: Path) -> str:
        """The name by which a process of this user, standing in `directory`, can open it.

        Another user may not walk through the folders above (a checkout in ``/root``), and it is not for us
        to open them. The kernel's link to the working directory needs no walk.
        """
        if self.is_other and sys.platform == "linux":
            return "/proc/self/cwd"
        return str(directory)


class Launcher:
    """Starts programs from one thread of its own, which lives until `close`.

    Linux ties "end with the parent" to the *thread* that forked: started from a short-lived one
    (``asyncio.to_thread``) the servers would go down with it.
    """

    def __init__(self, user: ServerUser) -> None:
        self.user = user
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-servers")

    def start(
        self, command: Sequence[str | Path], directory: Path, *, output: int | IO[Any], text: str = ""
    ) -> subprocess.Popen[str]:
        """Start `command` in `directory`; it reads `text`, which may be secret, from its standard input."""
        with _pipe_holding(text, self.user) as stdin:
            popen = partial(
                subprocess.Popen[str],
                [
                    *(sys.executable, "-I", "-S", str(Path(__file__).with_name("child.py"))),
                    *map(str, (os.getpid(), self.user.uid, self.user.gid)),
                    *map(str, command),
                ],
                cwd=directory,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                # A session of their own: Ctrl-C in the terminal is for us, and we stop them in order.
                start_new_session=True,
                # A clean environment: the operator's PGDATA, PGOPTIONS … are not meant for these servers.
                env={**_library_paths(), "PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            )
            return self._thread.submit(popen).result()

    def run(self, command: Sequence[str | Path], directory: Path, *, text: str = "") -> tuple[int, str]:
        """Run `command` to its end: exit status and output."""
        process = self.start(command, directory, output=subprocess.PIPE, text=text)
        try:
            said, _ = process.communicate()
        finally:
            if process.poll() is None:
                end(process)
        return process.returncode, said

    def close(self) -> None:
        self._thread.shutdown()


def end(process: subprocess.Popen[str]) -> None:
    """Stop a child in an orderly way and wait for it. One that hangs is killed: its data survive that."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(KILL_AFTER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str], *, seconds: float) -> bool:
    """Ask `ready` every few milliseconds until it says yes, the process has ended, or the time is over."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.01)
    return False


@contextmanager
def _pipe_holding(text: str, user: ServerUser) -> Iterator[int]:
    """A pipe, filled and closed: secrets reach a child without touching the disk or a command line."""
    reading, writing = os.pipe()
    try:
        with open(writing, "w", encoding="utf-8") as pipe:
            pipe.write(text)
        if user.is_other and sys.platform == "linux":
            os.fchown(reading, user.uid, user.gid)  # initdb opens it once more, as /dev/stdin
        yield reading
    finally:
        os.close(reading)


def _library_paths() -> dict[str, str]:
    """What some installations of Python need to find their own libraries."""
    return {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
