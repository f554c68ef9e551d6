"""``scoregraph organization``: the tenants of an installation."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer
from sqlalchemy.exc import IntegrityError

from commands.database import as_worker
from commands.errors import USAGE, CommandError
from db.queries.setup import add_organization

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
    try:
        added = as_worker(partial(add_organization, slug=slug, name=name or slug, time_zone=time_zone))
    except IntegrityError as error:
        raise CommandError(_complaint(error, slug, time_zone), exit_code=USAGE) from None
    if not added:
        raise CommandError(f"There is an organization {slug} already.")
    typer.echo(f"Added. A token for its services: scoregraph token --org {slug} --user sync --role service")


def _complaint(error: IntegrityError, slug: str, time_zone: str) -> str:
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    match constraint:
        case "organizations_slug_check":
            return f"{slug!r} is no slug: write small letters, digits and hyphens, 63 at most."
        case "organizations_time_zone_check":
            return f"{time_zone!r} is no time zone: write one such as Europe/Madrid."
    return "The name must have 1 to 200 characters."
