"""``scoregraph bench``: what it does lies in ``bench/``, which is part of a checkout and not of what is installed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import typer

from commands.errors import CommandError

CHECKOUT = Path(__file__).resolve().parents[1]

app: typer.Typer
if (CHECKOUT / "bench" / "command.py").is_file():
    sys.path.append(str(CHECKOUT))
    app = import_module("bench.command").app
else:
    app = typer.Typer(add_completion=False)

    @app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        epilog="Example: [bold]scoregraph bench seed && scoregraph bench peers[/]",
    )
    def bench() -> None:
        """Measure speed (in a checkout of the sources)."""
        raise CommandError("The bench is not part of what is installed: run it in a checkout of the sources.")
