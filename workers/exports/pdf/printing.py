"""Has pages laid out by a process of its own, which ends with them.

Fonts, charts and layouts take 150 to 400 MB that no library gives back: a worker that prints stays as small as before. The
process writes nothing but its answer, to a pipe, and ends when its standard input does: cancelled, killed, or left alone by
a worker that was killed, it leaves nothing.
"""

from __future__ import annotations

import asyncio
import pickle
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from workers.exports.content import Report
from workers.exports.pdf.tables import Table

MOST_SECONDS = 120.0
"""A thousand rows take one or two."""

SIZE_BYTES = 8
"""How an order begins: with how long the rest of it is."""

_ROOT = Path(__file__).parents[3]
_PRESS = "workers.exports.pdf.press"

# One at a time, so that the memory for one is enough.
_printing = asyncio.Lock()


class Pages(NamedTuple):
    """A PDF. ``are_accessible``: whether it is PDF/UA-1."""

    content: bytes
    are_accessible: bool


class PrintingFailed(Exception):
    """No pages came of it."""


async def printed(report: Report, tables: list[Table]) -> Pages:
    """Raises PrintingFailed."""
    async with _printing, _press() as press:
        assert press.stdin is not None
        assert press.stdout is not None
        order = pickle.dumps((report, tables))
        try:
            async with asyncio.timeout(MOST_SECONDS):
                # Standard input stays open: that it ends is how the process learns that nobody waits any more.
                press.stdin.write(len(order).to_bytes(SIZE_BYTES) + order)
                with suppress(ConnectionError):
                    await press.stdin.drain()
                answer = await press.stdout.read()
                status = await press.wait()
        except TimeoutError:
            raise PrintingFailed(f"It took more than {MOST_SECONDS:.0f} seconds.") from None
    if status != 0:
        raise PrintingFailed(f"The process that prints ended with {status}.")
    return Pages(answer[1:], answer[:1] == b"\x01")


@asynccontextmanager
async def _press() -> AsyncIterator[asyncio.subprocess.Process]:
    press = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from {_PRESS} import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # What is typed into the worker's terminal is for the worker.
        start_new_session=True,
    )
    try:
        yield press
    finally:
        if press.returncode is None:
            with suppress(ProcessLookupError):
                press.kill()
            await asyncio.shield(press.wait())
