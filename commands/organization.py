"""``scoregraph organization``: the tenants of an installation."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError

from commands.errors import USAGE, CommandError
from commands.servers import ready_servers
from db.engine import write_engine
from db.queries.setup import add_organization
from settings import DatabaseRole, Settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Example: [bold]scoregraph organization add northwind --time-zone Europe/Madrid[/]",
)


@app.callback()
def organizations() -> None:
    """Add an organization: the first step on an empty database, before anybody can have a token."""


@app.command(
    epilog="Example: [bold]scoregraph organization add northwind --name Northwind --time-zone Europe/Madrid[/]"
)
def add(
    slug: Annotated[str, typer.Argument(help="Its name in tokens: small letters, digits and hyphens.")],
    name: Annotated[str | None, typer.Option(help="Its name for people; the slug without one.")] = None,
    time_zone: Annotated[str, typer.Option(help="Where its days begin, such as Europe/Madrid.")] = "UTC",
) -> None:
    """Add an organization. Its people come by the API, with a token of role SERVICE or ADMIN."""
    settings = Settings()
    with ready_servers(settings, lambda line: typer.echo(line, err=True)) as servers:
        asyncio.run(_add(servers.settings_for(DatabaseRole.WORKER), slug, name or slug, time_zone))
    typer.echo(f"Added. A token for its services: scoregraph token --org {slug} --user sync --role service")


async def _add(settings: Settings, slug: str, name: str, time_zone: str) -> None:
    assert settings.database_url is not None
    engine = write_engine(settings.database_url, DatabaseRole.WORKER)
    try:
        async with engine.begin() as connection:
            added = await add_organization(connection, slug, name, time_zone)
    except IntegrityError as error:
        raise CommandError(_complaint(error, slug, time_zone), exit_code=USAGE) from None
    finally:
        await engine.dispose()
    if not added:
        raise CommandError(f"There is an organization {slug} already.")


def _complaint(error: IntegrityError, slug: str, time_zone: str) -> str:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    match constraint:
        case "organizations_slug_check":
            return f"{slug!r} is no slug: write small letters, digits and hyphens, 63 at most."
        case "organizations_time_zone_check":
            return f"{time_zone!r} is no time zone: write one such as Europe/Madrid."
    return "The name must have 1 to 200 characters."
