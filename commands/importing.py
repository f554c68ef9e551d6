"""``scoregraph import``: a subcommand for each source of data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from commands.progress import Steps
from commands.servers import ready_servers
from importers.oulad import import_oulad
from settings import Settings

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Bring data in from elsewhere.",
    epilog="Example: [bold]scoregraph import oulad ~/oulad --org my-university[/]",
)


@app.callback()
def sources() -> None:
    """Bring data in from elsewhere."""


@app.command(epilog="Example: [bold]scoregraph import oulad ~/oulad[/]")
def oulad(
    directory: Annotated[
        Path, typer.Argument(help="Folder with the CSV files of the data set.", exists=True, file_okay=False)
    ],
    org: Annotated[
        str, typer.Option(help="Slug of the organization to fill; made if there is none.")
    ] = "open-university",
) -> None:
    """Import the Open University Learning Analytics Dataset (32,593 students, 22 courses).

    Reads and checks everything before it writes anything; running it again adds what is missing and changes nothing else.
    """
    settings = Settings()
    console = Console(stderr=True)
    with ready_servers(settings, lambda line: console.print(line, style="dim")) as servers, Steps(console) as steps:
        summary = import_oulad(servers.owner_url, directory, organization=org, progress=steps.advance)
    for what, count in asdict(summary).items():
        typer.echo(f"{count:>10,} {what.replace('_', ' ')}")
