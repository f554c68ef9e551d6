"""Loads in step: what many coroutines ask for is collected until all of them wait, then loaded at once.

The compiled executor runs a level's coroutines side by side without a task for each. A coroutine that needs a key yields
WAITING to whoever drives it; once all of them wait, ``run`` makes one call for each function and its arguments.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Iterable, Sequence
from typing import Any

WAITING = object()
"""What a coroutine yields to its driver while its keys are not loaded."""

Load = Callable[..., Awaitable[list[Any]]]


class Batch:
    """The keys asked of one function with one set of arguments, and their values: an exception stands for a failure."""

    __slots__ = ("asked", "values")

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.asked: dict[Any, None] = {}


class Batches:
    """The loads of one operation. ``call(load, keys, *arguments)`` makes one."""

    def __init__(self, call: Callable[..., Awaitable[list[Any]]]) -> None:
        self._call = call
        self._batches: dict[tuple[Any, ...], Batch] = {}
        self._waiting: dict[tuple[Any, ...], Batch] = {}

    def load(self, load: Load, key: Hashable, arguments: tuple[Hashable, ...]) -> Wanted:
        if key is None:
            # As elsewhere: aiodataloader refuses it, too.
            raise TypeError("A load needs a key.")
        name = (load, *arguments)
        batch = self._batches.get(name)
        if batch is None:
            batch = self._batches[name] = Batch()
        if key not in batch.values:
            batch.asked[key] = None
            self._waiting[name] = batch
        return Wanted(batch, key)

    def outcomes(self, load: Load, keys: Sequence[Hashable], arguments: tuple[Hashable, ...] = ()) -> Outcomes:
        """What is, or will be, loaded for keys."""
        name = (load, *arguments)
        batch = self._batches.get(name)
        if batch is None:
            batch = self._batches[name] = Batch()
        missing = dict.fromkeys(key for key in keys if key not in batch.values)
        if missing:
            batch.asked.update(missing)
            self._waiting[name] = batch
        return Outcomes(batch, keys)

    async def run(self) -> None:
        """Loads everything that was asked for. Never raises what a load raises: that belongs to those who wait for it."""
        waiting, self._waiting = self._waiting, {}
        for (load, *arguments), batch in waiting.items():
            keys, batch.asked = list(batch.asked), {}
            try:
                values = await self._call(load, keys, *arguments)
                batch.values.update(zip(keys, values, strict=True))
            except Exception as error:
                batch.values.update(dict.fromkeys(keys, error))


class Wanted:
    """One key that is, or will be, loaded."""

    __slots__ = ("_batch", "_key")

    def __init__(self, batch: Batch, key: Hashable) -> None:
        self._batch = batch
        self._key = key

    def __await__(self) -> Generator[Any, None, Any]:
        values = self._batch.values
        while self._key not in values:
            yield WAITING
        value = values[self._key]
        if isinstance(value, Exception):
            raise value
        return value


class Outcomes:
    """What is, or will be, loaded for some keys, in their order: an exception where that failed."""

    __slots__ = ("_batch", "_keys")

    def __init__(self, batch: Batch, keys: Sequence[Hashable]) -> None:
        self._batch = batch
        self._keys = keys

    def __await__(self) -> Generator[Any, None, list[Any]]:
        values = self._batch.values
        while not all(key in values for key in self._keys):
            yield WAITING
        return [values[key] for key in self._keys]


class AllWanted:
    """Several keys of one load, in their order."""

    __slots__ = ("_wanted",)

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        # Asked for before any is waited for.
        self._wanted = list(wanted)

    def __await__(self) -> Generator[Any, None, list[Any]]:
        found = []
        for one in self._wanted:
            found.append((yield from one.__await__()))
        return found


@types.coroutine
def in_step(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> Generator[Any, Any, list[Any]]:
    """What the coroutines return, run side by side by whoever drives the coroutine that awaits this: gather without tasks.
    The first exception is raised when all have gone as far as they could.
    """
    outcomes: list[Any] = [None] * len(coroutines)
    running = dict(enumerate(coroutines))
    failure: Exception | None = None
    try:
        while running:
            for position, coroutine in list(running.items()):
                try:
                    is_done, outcomes[position] = yield from advance(coroutine)
                except Exception as error:
                    is_done, failure = True, failure or error
                if is_done:
                    del running[position]
            if running:
                yield WAITING
    finally:
        for coroutine in running.values():
            coroutine.close()
    if failure is not None:
        raise failure
    return outcomes


def advance(coroutine: Coroutine[Any, Any, Any], yielded: Any = None) -> Generator[Any, Any, tuple[bool, Any]]:
    """Runs a coroutine until it is done (True and what it returns) or waits for loads (False). What else it waits for is
    passed on to the event loop; ``yielded`` is that, where the caller has taken the first step.
    """
    try:
        if yielded is None:
            yielded = coroutine.send(None)
        while yielded is not WAITING:
            try:
                yield yielded
            except BaseException as error:
                yielded = coroutine.throw(error)
            else:
                yielded = coroutine.send(None)
    except StopIteration as done:
        return True, done.value
    return False, None


@types.coroutine
def drive(
    coroutines: Sequence[Coroutine[Any, Any, Any]], batches: Batches
) -> Generator[Any, Any, tuple[list[Any], dict[int, Exception]]]:
    """What each coroutine returns (None where it failed), and the exceptions of those that failed, by position."""
    outcomes: list[Any] = [None] * len(coroutines)
    failures: dict[int, Exception] = {}
    running: list[tuple[int, Coroutine[Any, Any, Any]]] = list(enumerate(coroutines))
    try:
        while running:
            waiting = []
            for position, coroutine in running:
                try:
                    yielded = coroutine.send(None)
                    if yielded is not WAITING:
                        is_done, value = yield from advance(coroutine, yielded)
                        if is_done:
                            outcomes[position] = value
                            continue
                    waiting.append((position, coroutine))
                except StopIteration as done:
                    outcomes[position] = done.value
                except Exception as error:
                    failures[position] = error
            running = waiting
            if running:
                yield from batches.run().__await__()
    finally:
        for _, coroutine in running:
            coroutine.close()
    return outcomes, failures
