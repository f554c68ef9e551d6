"""Executions that several callers wait for at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """One execution, begun at the position ``since`` in the log of changes. It goes on as long as somebody waits for it."""

    def __init__(self, flights: Flights[T], key: Hashable, work: Coroutine[Any, Any, T], since: int) -> None:
        self.since = since
        self._flights = flights
        self._key = key
        self._waiting = 0
        self._task = asyncio.create_task(work)
        self._task.add_done_callback(self._done)

    async def land(self) -> T:
        """Raises what the execution raises. Who is cancelled takes it from nobody else."""
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if not self._waiting:
                # Before it is cancelled, so that nobody joins it.
                self._flights.end(self._key, self)
                self._task.cancel()

    def _done(self, task: asyncio.Task[T]) -> None:
        self._flights.end(self._key, self)
        if not task.cancelled():
            task.exception()  # Nobody may be left who wants to know.


class Flights(Generic[T]):
    """Those under way."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Flight[T]] = {}

    def find(self, key: Hashable) -> Flight[T] | None:
        return self._by_key.get(key)

    def begin(self, key: Hashable, work: Coroutine[Any, Any, T], since: int = 0) -> Flight[T]:
        flight = self._by_key[key] = Flight(self, key, work, since)
        return flight

    def end(self, key: Hashable, flight: Flight[T]) -> None:
        """Nobody may join it any more."""
        if self._by_key.get(key) is flight:
            del self._by_key[key]
