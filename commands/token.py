"""``scoregraph token``: signs a token, for development and for services on one box."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from auth import Role, mint
from commands.errors import USAGE, CommandError
from commands.secret import with_signing_secret
from settings import Settings

app = typer.Typer(add_completion=False)

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@app.command(
    epilog="Examples: [bold]scoregraph token --org demo --user ada --role teacher[/] · "
    '[bold]curl -H "Authorization: Bearer $(scoregraph token --org demo --user ci --role service)" …[/]',
)
def token(
    org: Annotated[str, typer.Option(help="Slug of the organization.")],
    user: Annotated[str, typer.Option(help="External id of the person; of a service, any name.")],
    role: Annotated[Role, typer.Option(help="What the bearer may do.", case_sensitive=False)] = Role.STUDENT,
    group: Annotated[
        list[str] | None, typer.Option(help="External id of a group that a teacher is narrowed to; may be repeated.")
    ] = None,
    lifetime: Annotated[str, typer.Option(help="How long it lives: 30m, 12h, 7d.")] = "1h",
) -> None:
    """Sign a token with JWT_SECRET, or with the secret of the embedded servers' data directory.

    Prints the token alone, so that it can be piped. Whoever has it is that person until it expires.
    """
    settings = with_signing_secret(Settings())
    try:
        signed = mint(
            settings,
            organization=org,
            subject=user,
            role=role,
            group_ids=group or None,
            lifetime=lifetime_of(lifetime),
        )
    except (ValueError, OverflowError):
        raise CommandError(
            "The token would not be accepted: names have 1 to 200 characters, and a lifetime ends before the year 9999.",
            exit_code=USAGE,
        ) from None
    typer.echo(signed)


def lifetime_of(text: str) -> timedelta:
    """The duration that a text such as 30m, 12h or 7d means. Raises CommandError."""
    match = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text, re.ASCII)
    if match is None:
        raise CommandError(f"{text!r} is no lifetime: write 30m, 12h or 7d.", exit_code=USAGE)
    return timedelta(**{UNITS[match[2]]: int(match[1])})
