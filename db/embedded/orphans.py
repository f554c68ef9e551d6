"""Recognise the server processes of a data directory, and end those that a killed Scoregraph left behind."""

from __future__ import annotations

import signal
from collections.abc import Iterable
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
    orphans = [process for process in psutil.process_iter() if is_marked(process.pid, mark)]
    # A backend ends with its postmaster; one that has lost it works on until told.
    servers = [orphan for orphan in orphans if not _command_line(orphan.pid).startswith("postgres: ")]
    _signal(servers, signal.SIGINT)
    _signal(orphans, signal.SIGTERM)
    _signal(orphans, signal.SIGKILL)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those that still live, and wait for them."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    psutil.wait_procs(processes, timeout=WAIT_SECONDS)


def _command_line(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""
