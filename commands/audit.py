"""``scoregraph audit``: who changed, asked for and fetched what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from commands.database import as_worker
from db.queries.audit_log import AuditRow, list_latest_entries
from logs import configure_logging

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Example: [bold]scoregraph audit list --action downloadExport --since 2026-03-01[/]",
)


@app.callback()
def audit() -> None:
    """The audit trail: who changed, asked for and fetched what."""
    configure_logging("ERROR", "console")  # what happens is printed


@app.command("list", epilog="Example: [bold]scoregraph audit list --organization north --json | jq .action[/]")
def list_(
    organization: Annotated[str | None, typer.Option(help="Only of the one with this slug.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what was done by whom tokens name so.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as updateAttempt.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was done since (UTC).")] = None,
    most: Annotated[int, typer.Option(help="How many, of the newest.", min=1, max=100_000)] = 50,
    json: Annotated[bool, typer.Option("--json", help="As JSON, an object a line.")] = False,
) -> None:
    """List entries, the newest first: of all organizations, and what operators did by commands."""
    since = since.replace(tzinfo=UTC) if since else None
    asked = partial(list_latest_entries, most=most, organization=organization, actor=actor, action=action, since=since)
    _show(as_worker(asked), json=json)


def _show(entries: Sequence[AuditRow], *, json: bool) -> None:
    if json:
        for entry in entries:
            typer.echo(orjson.dumps(entry._asdict()).decode())
        return
    if not entries:
        typer.echo("There are no entries.", err=True)
        return
    table = Table("id", "at", "organization", "actor", "role", "action", "to", "ids", "request")
    for entry in entries:
        ids = ", ".join(map(str, entry.object_ids[:5])) + (", …" if len(entry.object_ids) > 5 else "")
        table.add_row(
            str(entry.id),
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            "" if entry.organization_id is None else str(entry.organization_id),
            Text(entry.actor),
            entry.role,
            entry.action,
            entry.object_type or "",
            ids,
            entry.request_id or "",
        )
    Console().print(table)
