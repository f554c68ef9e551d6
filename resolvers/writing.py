"""The one way in which resolvers change data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.transaction import write_transaction
from resolvers.context import Context

T = TypeVar("T")


async def write(context: Context, work: Callable[[AsyncConnection, Viewer], Awaitable[T]]) -> T:
    """Runs ``work`` in a transaction of the caller's (see ``write_transaction``), and waits until this process has heard of it:
    whoever is told that something was written gets no answer from before it.
    """
    done = await write_transaction(context.services.write_engine, context.caller, work)
    await context.services.changes.catch_up()
    return done
