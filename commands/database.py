"""What commands do in the database: on their servers, as a role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from commands.servers import Servers, ready_servers
from db.engine import write_engine
from settings import DatabaseRole, Settings

T = TypeVar("T")


@asynccontextmanager
async def engine_of(settings: Settings, role: DatabaseRole = DatabaseRole.WORKER) -> AsyncIterator[AsyncEngine]:
    """An engine for a while; ``settings`` are those of the role."""
    assert settings.database_url is not None
    engine = write_engine(settings.database_url, role)
    try:
        yield engine
    finally:
        await engine.dispose()


def in_transaction(servers: Servers, role: DatabaseRole, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What the work gives, once it is committed."""

    async def run() -> T:
        async with engine_of(servers.settings_for(role), role) as engine, engine.begin() as connection:
            return await work(connection)

    return asyncio.run(run())


def as_worker(work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """What the work gives, once it is committed, on servers that are started where they have to be."""
    with ready_servers(Settings(), say_aside) as servers:
        return in_transaction(servers, DatabaseRole.WORKER, work)


def say_aside(line: str) -> None:
    """On standard error, so that standard output holds what was asked for alone."""
    typer.echo(line, err=True)
