"""The documents that are registered, as this process knows them: all names, and the texts that were asked for last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from db.changes import Changes
from db.engine import DatabaseUnavailable, ReadPool
from db.queries.trusted_documents import CHANGE_TAG, get_document_body, get_document_names
from execution.text_store import TextStore

MOST_BYTES = 16 * 1024 * 1024
LONGEST_TRUST = 60.0
"""Seconds after which the names are read again though no change was told."""
PAUSE = 1.0
"""Seconds between two tries to read the names while the database does not answer."""

log = structlog.get_logger(__name__)


class RegisteredDocuments:
    """A made-up name costs no statement: all names are known. They are read again when a change is told.

    While the change feed is down it wakes its listeners every few seconds, so nothing is believed for longer than that.
    """

    def __init__(self, pool: ReadPool, changes: Changes, *, most_bytes: int = MOST_BYTES) -> None:
        self._pool = pool
        self._changes = changes
        # A text never changes under its hash; whether it may still run is for the names to say.
        self._texts = TextStore(most_bytes)
        self._names: Mapping[str, str] | None = None
        self._is_stale = True
        self._due_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def id_of(self, name: str) -> str | None:
        """The hash of the document called so. Raises DatabaseUnavailable where nothing is known yet."""
        return (await self._known_names()).get(name)

    def has(self, id: str) -> bool:
        """Whether a document is registered, going by what was read last."""
        return id in (self._names or ())

    async def text_of(self, name: str) -> str | None:
        """The document called so. Raises DatabaseUnavailable."""
        id = await self.id_of(name)
        if id is None:
            return None
        text = self._texts.get(id)
        if text is None:
            text = await get_document_body(self._pool, id)
            if text is not None:
                self._texts.keep(id, text)
        return text

    async def aclose(self) -> None:
        for task in (self._reading, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _known_names(self) -> Mapping[str, str]:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="scoregraph documents")
        if self._is_stale or time.monotonic() >= self._due_at:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            # Shielded: one impatient caller must not take the answer from the others.
            await asyncio.shield(self._reading)
        assert self._names is not None
        return self._names

    async def _read(self) -> None:
        # Before reading, so that a change that is told meanwhile is not taken for read.
        self._is_stale = False
        try:
            self._names = await get_document_names(self._pool)
        except DatabaseUnavailable:
            if self._names is None:
                self._is_stale = True
                raise
            log.warning("documents_not_read", known=len(self._names))
            self._due_at = time.monotonic() + PAUSE
        else:
            self._due_at = time.monotonic() + LONGEST_TRUST

    async def _watch(self) -> None:
        async with self._changes.listen([CHANGE_TAG]) as changes:
            while True:
                self._is_stale = True
                await changes.next()
