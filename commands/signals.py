"""Ctrl-C and SIGTERM, heard by a running event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

STOPPING = (signal.SIGINT, signal.SIGTERM)


def on_stop_signal(stop: Callable[[], object]) -> None:
    """Calls ``stop`` at the first Ctrl-C or SIGTERM; a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        for number in STOPPING:
            loop.remove_signal_handler(number)
        stop()

    for number in STOPPING:
        loop.add_signal_handler(number, first)
