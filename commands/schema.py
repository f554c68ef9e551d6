"""``scoregraph schema``: the contract as text."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer

from commands.errors import USAGE, CommandError
from schema.graph import graph

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: [bold]scoregraph schema[/] · [bold]scoregraph schema --output schema/schema.graphql[/] · "
    "[bold]scoregraph schema --check schema/schema.graphql[/]",
)
def schema(
    check: Annotated[
        Path | None, typer.Option(help="Compare with this file; exit code 1 and a diff when it is stale.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
) -> None:
    """Print the GraphQL schema in its definition language (SDL)."""
    if check and output:
        raise CommandError("Give --check or --output, not both.", exit_code=USAGE)
    printed = graph.printed.rstrip("\n") + "\n"
    if check:
        _compare(printed, check)
    elif output:
        output.write_text(printed, encoding="utf-8")
    else:
        typer.echo(printed, nl=False)


def _compare(printed: str, path: Path) -> None:
    found = path.read_text(encoding="utf-8")
    if found == printed:
        return
    diff = difflib.unified_diff(
        found.splitlines(keepends=True), printed.splitlines(keepends=True), str(path), "the schema of this code"
    )
    typer.echo("".join(diff), nl=False)
    raise CommandError(f"{path} is stale: run `scoregraph schema --output {path}`.")
