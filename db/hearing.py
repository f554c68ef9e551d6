"""Hears what PostgreSQL tells on a channel, over one connection, and knows whether it does."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from settings import DatabaseRole

HEARTBEAT_SECONDS = 1.0
PATIENCE_SECONDS = 2.0
"""How long the connection may take to answer before it is given up."""
TRUST_SECONDS = 3.0
"""How long after a sign of life nothing is thought to have been missed."""
PROOF = "proof:"

OUTAGE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What ends hearing."""


class NotDelivered(OSError):
    """The connection is one over which notifications do not come, as behind a pooler that lends it from transaction to
    transaction.
    """


class Hearing:
    """One attempt to hear: ``run`` it once. ``told`` gets each payload, in the order of the commits."""

    def __init__(self, database_url: str, channel: str, told: Callable[[str], None]) -> None:
        self._dsn = urlunsplit(urlsplit(database_url)._replace(scheme="postgresql"))
        self._channel = channel
        self._told = told
        self._proof = PROOF + secrets.token_hex(8)
        self._is_proven = False
        self._is_over = False
        self._asked = asyncio.Event()
        self._next_sign: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._trusted_until = 0.0

    @property
    def is_trusted(self) -> bool:
        """Whether everything committed up to a moment ago was heard: until TRUST_SECONDS after the last sign of life."""
        return time.monotonic() < self._trusted_until

    async def run(self, begun: Callable[[], None], lost: Callable[[], None]) -> None:
        """Hears until the connection is lost, then raises one of OUTAGE. ``begun`` is called when hearing begins, ``lost`` as
        soon as it ends.
        """
        connection = None
        try:
            connection = await self._connect()
            connection.add_termination_listener(lambda _: self._end(lost))
            await connection.add_listener(self._channel, self._notified)
            await self._prove()
            await self._sign_of_life(connection)
            begun()
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await self._asked.wait()
                await self._sign_of_life(connection)
        finally:
            # Also where it never began: somebody may wait for it.
            self._end(lost)
            if connection is not None:
                connection.terminate()

    async def catch_up(self) -> None:
        """Returns when every change is heard that was committed before the call; at once when hearing is over."""
        if not self._is_over:
            self._asked.set()
            # Shielded: one impatient caller must not take it from the others.
            await asyncio.shield(self._next_sign)

    async def _connect(self) -> asyncpg.Connection[asyncpg.Record]:
        settings = {
            "role": str(DatabaseRole.API),
            "application_name": "scoregraph changes",
            "idle_session_timeout": "0",
        }
        return await asyncpg.connect(self._dsn, server_settings=settings, timeout=5)

    async def _prove(self) -> None:
        """Sees that what another connection tells arrives. Raises NotDelivered."""
        other = await self._connect()
        try:
            await other.execute(f"SELECT pg_notify('{self._channel}', '{self._proof}')")
        finally:
            await other.close()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self._is_proven:
            if time.monotonic() > give_up:
                raise NotDelivered("The database connection does not deliver notifications.")
            await asyncio.sleep(0.002)

    async def _sign_of_life(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """A round trip: before the server says that it is done it sends what it has to tell, and it has everything that was
        committed before it was asked.
        """
        self._asked.clear()
        sign, self._next_sign = self._next_sign, asyncio.get_running_loop().create_future()
        asked_at = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await connection.execute("SELECT 1")
            self._trusted_until = asked_at + TRUST_SECONDS
        finally:
            if not sign.done():
                sign.set_result(None)

    def _notified(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        told = str(payload)
        if not told.startswith(PROOF):
            self._told(told)
        elif told == self._proof:
            self._is_proven = True

    def _end(self, lost: Callable[[], None]) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._trusted_until = 0.0
        self._asked.set()
        if not self._next_sign.done():
            self._next_sign.set_result(None)
        lost()
