"""``scoregraph bench``: seeds databases to measure on, and measures."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.databases import Databases, kept_databases, seed_databases
from bench.duel import Plan
from bench.events import measure_events
from bench.exports import measure_exports
from bench.foundation import measure_foundation
from bench.gateway import MEASUREMENTS, measure_gateway
from bench.jobs import measure_jobs
from bench.report import REPORT, save
from commands.errors import USAGE, CommandError
from commands.progress import Steps
from commands.servers import require_current

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Example: [bold]scoregraph bench seed && scoregraph bench peers[/]",
)
console = Console(stderr=True)

ROUNDS_TO_SAVE = 5

DataDir = Annotated[Path, typer.Option(help="Where the seeded databases are kept.", metavar="DIR")]
DEFAULT_DIR = Path(".scoregraph-bench")


@app.callback()
def bench() -> None:
    """Measure speed: against PostGraphile on the same database, and against what was promised.

    Ratios come from things measured side by side in one run; figures go to bench/RESULTS.md and bench/results.json.
    """
    # Whoever stops it stops the servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@app.command("seed", epilog="Example: [bold]scoregraph bench seed[/] (about 15 minutes and 6 GB)")
def seed_command(
    attempts: Annotated[int, typer.Option(help="Attempts of the large database.", min=100_000)] = 5_000_000,
    data_dir: DataDir = DEFAULT_DIR,
) -> None:
    """Fill databases to measure on, and keep them: 20,000 people, 600 groups, 20 topics, 200 labs, a year of attempts.

    What is there already is left as it is.
    """
    with Steps(console) as steps:
        seed_databases(data_dir, attempts, steps.advance)
    typer.echo(f"The databases are in {data_dir}.", err=True)


@app.command(
    "peers",
    epilog="Examples: [bold]scoregraph bench peers[/] · [bold]scoregraph bench peers --only q2 --rounds 1 --seconds 1[/]",
)
def peers_command(
    only: Annotated[
        str, typer.Option(help=f"Which measurements, separated by commas: {', '.join(MEASUREMENTS)}.", metavar="NAMES")
    ] = ",".join(MEASUREMENTS),
    rounds: Annotated[int, typer.Option(help="Rounds that count, after one that warms up.", min=1)] = 5,
    seconds: Annotated[int, typer.Option(help="Length of a round, for each server.", min=1)] = 3,
    connections: Annotated[int, typer.Option(help="Connections of the load.", min=1)] = 8,
    data_dir: DataDir = DEFAULT_DIR,
    database_url: Annotated[
        str | None,
        typer.Option(help="Another seeded database instead, as a superuser; only its schema `peers` is changed."),
    ] = None,
    redis_url: Annotated[str | None, typer.Option(help="Valkey or Redis beside it.")] = None,
) -> None:
    """Measure the gateway, side by side with PostGraphile on the same database where that answers the same questions.

    With 5 rounds or more the figures are saved, with fewer they are only shown.
    """
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in MEASUREMENTS]:
        raise CommandError(
            f"There is no measurement {unknown[0]}: choose from {', '.join(MEASUREMENTS)}.", exit_code=USAGE
        )
    if database_url is not None:
        require_current(database_url)
    databases = nullcontext(Databases(database_url, None, redis_url)) if database_url else kept_databases(data_dir)
    with databases as found_databases:
        found = measure_gateway(found_databases, names, Plan(rounds, seconds, connections), _say)
    if rounds >= ROUNDS_TO_SAVE:
        save("peers", _command(), found)
        _say(f"Saved in {REPORT}.")


@app.command("foundation", epilog="Example: [bold]scoregraph bench foundation --attempts 5000000 --oulad DIR[/]")
def foundation_command(
    attempts: Annotated[int, typer.Option(help="Attempts of the large database.", min=10_000)] = 5_000_000,
    oulad: Annotated[Path | None, typer.Option(help="Directory of the OULAD data set.", metavar="DIR")] = None,
) -> None:
    """Measure folds, live reads, recording, the import and memory, on servers of its own."""
    save("foundation", _command(), measure_foundation(attempts, oulad, _say))
    typer.echo(REPORT.read_text())


@app.command("exports", epilog="Example: [bold]scoregraph bench exports[/] (about 10 minutes)")
def exports_command(
    attempts: Annotated[int, typer.Option(help="Attempts of the history.", min=200_000)] = 1_000_000,
    rounds: Annotated[int, typer.Option(help="Rounds that count, after one that warms up.", min=1)] = 5,
) -> None:
    """Measure exports from request to READY, and the memory of the worker that makes them, on servers of its own.

    With 5 rounds or more the figures are saved, with fewer they are only shown.
    """
    _keep("exports", rounds, measure_exports(attempts, rounds, _say))


@app.command("events", epilog="Example: [bold]scoregraph bench events[/]")
def events_command(
    rounds: Annotated[int, typer.Option(help="Rounds that count, after one that warms up.", min=1)] = 5,
    size: Annotated[int, typer.Option(help="Events of a round.", min=100)] = 30_000,
) -> None:
    """Measure attempts that come as events through Redis Streams into the rollups, by one worker on servers of its own.

    With 5 rounds or more the figures are saved, with fewer they are only shown.
    """
    _keep("events", rounds, measure_events(rounds, size, _say))


@app.command("jobs", epilog="Example: [bold]scoregraph bench jobs[/]")
def jobs_command(
    rounds: Annotated[int, typer.Option(help="Rounds that count, after one that warms up.", min=1)] = 5,
    size: Annotated[int, typer.Option(help="Jobs of a round.", min=10)] = 1_000,
) -> None:
    """Measure jobs from being asked for until they are done, by one worker on servers of its own.

    With 5 rounds or more the figures are saved, with fewer they are only shown.
    """
    _keep("jobs", rounds, measure_jobs(rounds, size, _say))


def _keep(section: str, rounds: int, found: dict[str, float]) -> None:
    for name, figure in found.items():
        _say(f"{name}: {figure:,.2f}")
    if rounds >= ROUNDS_TO_SAVE:
        save(section, _command(), found)
        _say(f"Saved in {REPORT}.")


def _say(line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)


def _command() -> str:
    return shlex.join(["scoregraph", *sys.argv[1:]])
