"""The command: every finding on a line, what to do below those that are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from commands.doctor.finding import Finding
from commands.doctor.machine import machine_findings
from commands.doctor.postgres import postgres_findings
from commands.doctor.redis import redis_findings
from db.embedded import ADMIN, read_endpoints
from settings import Settings

app = typer.Typer(add_completion=False)


@app.command(
    epilog="Examples: [bold]scoregraph doctor[/] · [bold]scoregraph doctor --json | jq '.findings[] | select(.ok | not)'[/]",
)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """Check this installation, and say what to do about what is wrong.

    Changes nothing. Exit code 1 when something is wrong.
    """
    findings = list(_findings(Settings()))
    healthy = all(finding.ok for finding in findings)
    if as_json:
        typer.echo(orjson.dumps({"healthy": healthy, "findings": [asdict(finding) for finding in findings]}))
    else:
        _print(findings)
    if not healthy:
        raise typer.Exit(1)


def _findings(settings: Settings) -> Iterator[Finding]:
    endpoints = None if settings.database_url else read_endpoints(settings.data_dir)
    yield from machine_findings(settings, endpoints)
    database_url = endpoints.database_urls[ADMIN] if endpoints else settings.database_url
    if database_url is not None:
        yield from postgres_findings(database_url)
        yield from redis_findings(settings.redis_url or (endpoints.redis_url if endpoints else None))


def _print(findings: list[Finding]) -> None:
    console = Console(highlight=False)
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
        console.print(f"{mark} [bold]{escape(finding.check)}[/]  {escape(finding.found)}", soft_wrap=True)
        if finding.advice:
            console.print(f"    {escape(finding.advice)}", style="yellow", soft_wrap=True)
    wrong = sum(not finding.ok for finding in findings)
    console.print("\nEverything is well." if not wrong else f"\n{wrong} of {len(findings)} findings are wrong.")
