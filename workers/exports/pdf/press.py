"""The process that prints one report: see ``printing``, which starts it."""

from __future__ import annotations

import os
import pickle
import sys
from threading import Thread
from typing import BinaryIO

from workers.exports.pdf.pages import render
from workers.exports.pdf.printing import SIZE_BYTES


def main() -> None:
    """Reads a report and its tables from standard input, and writes its pages to standard output: a byte that says whether
    they are accessible, and the PDF.
    """
    with os.fdopen(os.dup(0), "rb", buffering=0) as orders:
        order = _read(orders, int.from_bytes(_read(orders, SIZE_BYTES)))
    Thread(target=_end_with_standard_input, daemon=True).start()
    # It comes from the worker, by a pipe that nobody else has.
    report, tables = pickle.loads(order)  # noqa: S301
    pages = render(report, tables)
    sys.stdout.buffer.write(bytes([pages.are_accessible]) + pages.content)
    sys.stdout.buffer.flush()


def _read(orders: BinaryIO, size: int) -> bytes:
    read = bytearray()
    while len(read) < size:
        more = orders.read(size - len(read))
        if not more:
            sys.exit(1)
        read += more
    return bytes(read)


def _end_with_standard_input() -> None:
    # No stream of Python's: its lock would be in the way of an end in order.
    os.read(0, 1)
    os._exit(1)
