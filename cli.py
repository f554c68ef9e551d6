"""The ``scoregraph`` command: composes the commands of `commands/`, and says what is wrong in one sentence.

Exit codes: 0 done, 1 it could not be done, 2 it was asked for wrongly.
"""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

PANELS = {
    "Run": {
        "demo": "commands.demo.command",
        "serve": "commands.serve",
        "worker": "commands.worker",
    },
    "Set up": {
        "migrate": "commands.migrate",
        "organization": "commands.organization",
        "import": "commands.importing",
        "token": "commands.token",
    },
    "Operate": {
        "documents": "commands.documents.command",
        "jobs": "commands.jobs",
        "refresh": "commands.refresh",
        "audit": "commands.audit",
        "events": "commands.events",
        "alerts": "commands.alerts",
        "export": "commands.exports",
        "doctor": "commands.doctor.command",
    },
    "Develop": {
        "schema": "commands.schema",
        "bench": "commands.bench",
    },
}
"""The commands as the help shows them, and the module of each, which has an ``app``."""


class LazyCommands(TyperGroup):
    """Imports the module of a command when it is asked for: `token` need not wait for the graph, nor a worker hold it."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for commands in PANELS.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for panel, commands in PANELS.items():
            if cmd_name in commands:
                command: Any = typer.main.get_command(import_module(commands[cmd_name]).app)
                command.name, command.rich_help_panel = cmd_name, panel
                return command
        return None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scoregraph {metadata.version('scoregraph')}")
        raise typer.Exit


app = typer.Typer(
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Try it: [bold]scoregraph demo[/]. Every command explains itself: [bold]scoregraph COMMAND --help[/].",
)


@app.callback()
def scoregraph(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Scoregraph answers how people learn: a self-hosted GraphQL gateway over the labs they do.

    It runs on DATABASE_URL and REDIS_URL, or, without them, on PostgreSQL and Valkey of its own.
    """


def main() -> None:
    try:
        app()
    except Exception as error:
        # It knows what can go wrong with everything, and so imports all of it.
        from commands.complaints import complaint_of

        complaint = complaint_of(error)
        if complaint is None:
            raise
        typer.echo(f"scoregraph: {complaint.sentence}", err=True)
        sys.exit(complaint.exit_code)


if __name__ == "__main__":
    main()
