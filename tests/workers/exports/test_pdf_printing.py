"""The process that lays out pages: it ends with whoever waits for it, and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.workers.exports.sample import Given, members, report
from workers.exports.content import Options
from workers.exports.pdf.file import write
from workers.exports.pdf.printing import PrintingFailed

# Leaves the worker's side of the order open, and says who prints.
WORKER = """
import asyncio
from tests.workers.exports.sample import report
from workers.exports.pdf import printing

async def work():
    async with printing._press() as press:
        print(press.pid, flush=True)
        await press.wait()

asyncio.run(work())
"""


def presses() -> list[psutil.Process]:
    """The processes that print for this one."""
    return [child for child in psutil.Process().children() if "press" in " ".join(child.cmdline())]


async def press() -> psutil.Process:
    """The one that prints, once it is there."""
    async with asyncio.timeout(30):
        while not (found := presses()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return found[0]


async def over(process: psutil.Process) -> None:
    """It has ended."""
    async with asyncio.timeout(30):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def begin(path: Path) -> asyncio.Task[object]:
    reader = Given({"Members": members(("Ben Bauer",) * 900)})
    return asyncio.ensure_future(write(report(), reader, Options(), path / "report.pdf"))


async def test_cancelled_it_leaves_nothing(tmp_path: Path) -> None:
    writing = begin(tmp_path)
    process = await press()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert not process.is_running()
    assert not presses()
    assert not os.listdir(tmp_path)


async def test_killed_it_is_a_failure_that_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    writing = begin(tmp_path)
    (await press()).send_signal(signal.SIGKILL)
    with pytest.raises(PrintingFailed, match="ended with -9"):
        await writing
    assert not os.listdir(tmp_path)


async def test_left_alone_by_a_worker_that_was_killed_it_ends(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert worker.stdout is not None
    process = psutil.Process(int(worker.stdout.readline()))
    worker.kill()
    worker.communicate()
    await over(process)
