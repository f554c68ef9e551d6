"""Fills the demonstration in a process of its own: the gateway does not keep the memory that a year of attempts takes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection

from commands.complaints import complaint_of
from commands.errors import CommandError
from importers.demo_data import fill_demo

Progress = Callable[[str, int, int], None]


def fill_in_child(owner_url: str, progress: Progress) -> None:
    """Fills what is not there yet. Raises CommandError where that fails."""
    spawning = get_context("spawn")
    receiving, sending = spawning.Pipe(duplex=False)
    child = spawning.Process(target=_fill, args=(owner_url, sending), daemon=True)
    child.start()
    sending.close()
    problem: str | None = None
    try:
        while True:
            match receiving.recv():
                case str() as problem:
                    pass
                case stage, done, total:
                    progress(stage, done, total)
    except EOFError:
        child.join()
    finally:
        child.terminate()
        child.join()
    if problem or child.exitcode:
        raise CommandError(problem or f"The demonstration could not be filled in (exit status {child.exitcode}).")


def _fill(owner_url: str, sending: Connection) -> None:
    # Ctrl-C in the terminal is for the parent, who ends us; without one the next report of progress fails.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        fill_demo(owner_url, progress=lambda stage, done, total: sending.send((stage, done, total)))
    except Exception as error:
        complaint = complaint_of(error)
        if complaint is None:
            raise
        sending.send(complaint.sentence)
