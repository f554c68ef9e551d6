"""``scoregraph migrate``: brings the database to this version."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.errors import CommandError
from commands.servers import found_servers
from db.embedded import read_endpoints
from db.engine import place_of
from db.migrate import migrate as migrate_database
from db.migrate import status_at
from settings import Settings

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: [bold]scoregraph migrate[/] · [bold]scoregraph migrate --status[/] (exit code 1 when something is due)",
)
def migrate(
    status: Annotated[bool, typer.Option("--status", help="Only tell where the database stands.")] = False,
) -> None:
    """Create or update roles, tables, views and row security.

    DATABASE_URL must be of a login that may create roles, or is a member of the three. Safe to run at any time and
    from several machines at once; a busy database is never blocked.
    """
    settings = Settings()
    if status and settings.database_url is None and read_endpoints(settings.data_dir) is None:
        # Looking must not make a database, nor change one.
        raise CommandError(
            f"No database of our own is running in {settings.data_dir}: it is brought up to date whenever it starts. "
            "Set DATABASE_URL to ask about another."
        )
    with found_servers(settings, lambda line: typer.echo(line, err=True)) as servers:
        if not status:
            migrate_database(servers.owner_url, typer.echo)
        found = status_at(servers.owner_url)
        place = place_of(servers.owner_url)
    if found.is_current:
        typer.echo(f"The database at {place} is up to date ({found.newest}).")
    else:
        typer.echo(f"The database at {place} is at {found.current or 'no revision'}, this is {found.newest}.")
        raise typer.Exit(1)
