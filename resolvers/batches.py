"""Loads in step: what many coroutines ask for is collected until all of them wait, then loaded at once.

The compiled executor runs a level's coroutines side by side without a task for each. A coroutine that needs a key yields
WAITING to whoever drives it; once all of them wait, ``run`` makes one call for each load and its arguments. Those that are a
``Batch`` make one statement together.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Hashable, Iterable, Mapping, Sequence
from typing import Any

from db.batch import Batch, read_together
from db.parts import Part, Query, Table
from db.snapshot import FATAL, Snapshot

WAITING = object()
"""What a coroutine yields to its driver while its keys are not loaded."""

Gather = Callable[[Table, Collection[Any]], list[Any]]
MOST_PARTS = 12
"""Of one statement: planning one takes time, too."""

Load = Callable[..., Awaitable[list[Any]]]
Name = tuple[Any, ...]
"""A load and its arguments."""


class Asked:
    """The keys asked of one load with one set of arguments, and what is known of them. ``following`` are loads that will be
    asked for by a column of its rows.
    """

    __slots__ = ("_tables", "_values", "arguments", "following", "has_failed", "keys", "known", "load")

    def __init__(self, load: Load, arguments: tuple[Hashable, ...]) -> None:
        self.load = load
        self.arguments = arguments
        self.keys: dict[Any, None] = {}
        # Never changed, only replaced: it may be the keys of a table.
        self.known: set[Any] = set()
        self.has_failed = False
        self.following: dict[tuple[str, Asked], None] = {}
        self._values: dict[Any, Any] = {}
        self._tables: list[tuple[Table, Collection[Any], Gather | None]] = []

    @property
    def values(self) -> dict[Any, Any]:
        """By key; an exception stands for a failure. Rows become values when somebody wants them so."""
        for place, (table, keys, gather) in enumerate(self._tables):
            if gather is not None:
                self._values.update(zip(keys, gather(table, keys), strict=True))
                self._tables[place] = table, keys, None
        return self._values

    @property
    def table(self) -> Table | None:
        """All that is known, if it came as one table."""
        is_one = len(self._tables) == 1 and len(self._tables[0][1]) == len(self.known)
        return self._tables[0][0] if is_one else None

    def knows(self, keys: Iterable[Any]) -> bool:
        return self.known.issuperset(keys)

    def learn(self, values: Mapping[Any, Any]) -> None:
        self._values.update(values)
        self._know(set(values))

    def fail(self, keys: Iterable[Any], error: Exception) -> None:
        self.has_failed = True
        self.learn(dict.fromkeys(keys, error))

    def learn_rows(self, table: Table, keys: Collection[Any], gather: Gather) -> None:
        self._tables.append((table, keys, gather))
        self._know(keys if isinstance(keys, set) else set(keys))

    def _know(self, keys: set[Any]) -> None:
        self.known = self.known | keys if self.known else keys


class Batches:
    """The loads of one operation, on the snapshot that ``snapshot`` gives."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._asked: dict[Name, Asked] = {}
        # An ordered set.
        self._waiting: dict[Asked, None] = {}

    def asked(self, load: Load, arguments: tuple[Hashable, ...] = ()) -> Asked:
        """What is asked of a load with these arguments."""
        name = (load, *arguments)
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = Asked(load, arguments)
        return asked

    def load(self, load: Load, key: Hashable, arguments: tuple[Hashable, ...]) -> Wanted:
        if key is None:
            # As elsewhere: aiodataloader refuses it, too.
            raise TypeError("A load needs a key.")
        asked = self.asked(load, arguments)
        if key not in asked.known:
            asked.keys[key] = None
            self._waiting[asked] = None
        return Wanted(asked, key)

    def want(self, asked: Asked, keys: Collection[Hashable]) -> AllKnown:
        """Asks for keys; to be awaited until all are known."""
        if not asked.knows(keys):
            asked.keys.update((key, None) for key in keys if key not in asked.known)
            self._waiting[asked] = None
        return AllKnown(asked, keys)

    def know(self, load: Load, values: Mapping[Any, Any]) -> None:
        """Takes these values for what the load would give."""
        self.asked(load).learn(values)

    @staticmethod
    def follow(parent: Asked, column: str, asked: Asked) -> None:
        """Whenever the one is loaded from now on, the other is loaded with it, by the values of a column of its rows."""
        if isinstance(parent.load, Batch) and isinstance(asked.load, Batch):
            parent.following[column, asked] = None

    async def run(self) -> None:
        """Loads everything that was asked for. Never raises what a load raises: that belongs to those who wait for it."""
        waiting, self._waiting = self._waiting, {}
        together = [asked for asked in waiting if isinstance(asked.load, Batch)]
        if together:
            await self._load_together(together)
        for asked in waiting:
            if asked.keys:
                await self._load(asked)

    async def _load(self, asked: Asked) -> None:
        keys = list(asked.keys)
        asked.keys = {}
        try:
            values = await asked.load(self._snapshot(), keys, *asked.arguments)
            asked.has_failed = asked.has_failed or any(isinstance(value, Exception) for value in values)
            asked.learn(dict(zip(keys, values, strict=True)))
        except Exception as error:
            asked.fail(keys, error)

    async def _load_together(self, together: list[Asked]) -> None:
        """Leaves what could not be loaded so to be loaded alone."""
        parts: list[Part] = []
        asked_by: list[Asked] = []
        try:
            for asked in together:
                self._plan((asked,), Part.of_keys(_query(asked), list(asked.keys)), asked_by, parts)
            found = await read_together(self._snapshot(), parts)
        except FATAL as error:
            for asked in together:
                asked.fail(asked.keys, error)
                asked.keys = {}
            return
        except Exception:
            # One of them failed, and should fail alone.
            return
        for asked in together:
            asked.keys = {}
        for asked, (table, keys) in zip(asked_by, found, strict=True):
            assert isinstance(asked.load, Batch)
            asked.learn_rows(table, keys, asked.load.gather)

    def _plan(self, path: tuple[Asked, ...], part: Part, asked_by: list[Asked], parts: list[Part]) -> None:
        """Adds a part and those that follow it, but none that follows itself."""
        place = len(parts)
        asked_by.append(path[-1])
        parts.append(part)
        for column, asked in path[-1].following:
            if asked not in path and column in part.query.columns and len(parts) < MOST_PARTS:
                self._plan((*path, asked), Part.following(_query(asked), parts, place, column), asked_by, parts)


def _query(asked: Asked) -> Query:
    assert isinstance(asked.load, Batch)
    return asked.load.query(*asked.arguments)


class Wanted:
    """One key that is, or will be, loaded."""

    __slots__ = ("_asked", "_key")

    def __init__(self, asked: Asked, key: Hashable) -> None:
        self._asked = asked
        self._key = key

    def __await__(self) -> Generator[Any, None, Any]:
        while self._key not in self._asked.known:
            yield WAITING
        value = self._asked.values[self._key]
        if isinstance(value, Exception):
            raise value
        return value


class AllKnown:
    """Until some keys are loaded."""

    __slots__ = ("_asked", "_keys")

    def __init__(self, asked: Asked, keys: Collection[Hashable]) -> None:
        self._asked = asked
        self._keys = keys

    def __await__(self) -> Generator[Any, None, None]:
        while not self._asked.knows(self._keys):
            yield WAITING


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
