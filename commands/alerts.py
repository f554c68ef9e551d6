"""``scoregraph alerts``: what is wrong with a file of rules, what its conditions can be about, and which alerts there are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from commands.database import as_worker
from commands.errors import FAILED
from db.alerts.measures import MEASURES
from db.queries.alert_judging import Told, list_latest_alerts
from db.queries.alert_rules import AlertRule
from logs import configure_logging
from settings import Settings
from workers.alerts.defaults import with_defaults
from workers.alerts.file import AlertsFileError, read_file
from workers.alerts.prometheus import prometheus_rules
from workers.alerts.targets import without_target
from workers.alerts.watch import alerts_file

STYLES = {"INFO": "cyan", "WARNING": "yellow", "CRITICAL": "red"}

File = Annotated[
    Path | None, typer.Argument(help="A file of rules (default: ALERTS_FILE, else the one that comes with Scoregraph).")
]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Examples: [bold]scoregraph alerts check config/alerts.yaml[/] · [bold]scoregraph alerts list --firing[/]",
)


@app.callback()
def alerts() -> None:
    """Alerts about how the platform runs, and the rules that they come of."""
    configure_logging("ERROR", "console")  # what happens is printed


@app.command(epilog="Example: [bold]scoregraph alerts check config/alerts.yaml[/]")
def check(file: File = None) -> None:
    """Say whether workers can take a file of rules, and what is wrong with it where they cannot."""
    settings = Settings()
    rules = _read(settings, file)
    for rule in rules:
        for channel in without_target(settings, rule.channels):
            typer.echo(f"{rule.name}: no ALERT_… setting says where to send it by {channel.lower()}.", err=True)
    typer.echo(f"All is right: {len(rules)} {'rule' if len(rules) == 1 else 'rules'}.")


@app.command()
def measures() -> None:
    """List what conditions can be about."""
    table = Table("measure", "by", "what it is")
    for measure in MEASURES.values():
        table.add_row(measure.name, measure.by or "", Text(measure.description))
    Console().print(table)


@app.command(epilog="Example: [bold]scoregraph alerts prometheus > /etc/prometheus/rules/scoregraph.yaml[/]")
def prometheus(file: File = None) -> None:
    """Print the same rules, with those of the settings, as a rule file for Prometheus."""
    settings = Settings()
    typer.echo(prometheus_rules(with_defaults(settings, _read(settings, file))), nl=False)


@app.command("list", epilog="Example: [bold]scoregraph alerts list --firing --json | jq .rule[/]")
def list_(
    firing: Annotated[bool, typer.Option("--firing", help="Only those that fire now.")] = False,
    most: Annotated[int, typer.Option(help="How many, of the newest.", min=1, max=10_000)] = 50,
    json: Annotated[bool, typer.Option("--json", help="As JSON, an object a line.")] = False,
) -> None:
    """List alerts, the newest first."""
    found = as_worker(partial(list_latest_alerts, most=most, is_open=firing))
    if json:
        for alert in found:
            typer.echo(orjson.dumps(alert._asdict()).decode())
    elif found:
        _show(found)
    else:
        typer.echo("There are no alerts.", err=True)


def _read(settings: Settings, file: Path | None) -> list[AlertRule]:
    path = file or alerts_file(settings)
    try:
        return read_file(path)
    except AlertsFileError as error:
        for problem in error.problems:
            typer.echo(f"{path}:{problem.line or 1}: {problem.message}", err=True)
        raise typer.Exit(FAILED) from None


def _show(found: list[Told]) -> None:
    table = Table("id", "rule", "severity", "of", "value", "fired", "resolved")
    for alert in found:
        table.add_row(
            str(alert.id),
            Text(alert.rule),
            Text(alert.severity.lower(), style=STYLES[alert.severity]),
            Text(alert.subject or ""),
            f"{alert.value:.6g}",
            f"{alert.fired_at:%Y-%m-%d %H:%M:%S}",
            f"{alert.resolved_at:%Y-%m-%d %H:%M:%S}" if alert.resolved_at else "",
        )
    Console().print(table)
