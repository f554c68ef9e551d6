"""Recognise the server processes of a data directory, and end those that a killed Scoregraph left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

WAIT_SECONDS = 30.0


def instance_mark(data_dir: Path) -> str:
    """What all server processes of a data directory carry in their command line.

    Made from the inode: it stays when the directory is renamed, and differs in a copy. The working directory
    would tell as well, but root in a container may not ask for that of another user's process.
    """
    place = data_dir.stat()
    return f"scoregraph-{place.st_dev:x}-{place.st_ino:x}-data"


def is_marked(pid: int, mark: str) -> bool:
    """Whether a process is alive and carries the mark."""
    return mark in _command_line(pid)


def end_orphans(mark: str) -> None:
    """End the servers that were left behind, and wait until the last of their processes is gone.

    PostgreSQL must not be started again before: an old backend could still be writing.
    """
    orphans = [pid for pid in psutil.pids() if is_marked(pid, mark)]
    # A backend ends with its postmaster; one that has lost it works on until told.
    servers = [pid for pid in orphans if not _command_line(pid).startswith("postgres: ")]
    _signal(servers, mark, signal.SIGINT)
    _signal(orphans, mark, signal.SIGTERM)
    _signal(orphans, mark, signal.SIGKILL)


def _signal(pids: Sequence[int], mark: str, number: signal.Signals) -> None:
    """Send a signal to those that still live, and wait for them.

    A zombie has lost its command line and with it the mark: in a container without an init it would stay for ever.
    """
    for pid in pids:
        if is_marked(pid, mark):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
    deadline = time.monotonic() + WAIT_SECONDS
    while any(is_marked(pid, mark) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)


def _command_line(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
