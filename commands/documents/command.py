"""``scoregraph documents``: the documents that may run by their id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncConnection

from commands.database import in_transaction, say_aside
from commands.documents.checking import Collection, check_document
from commands.documents.files import Entry, FileProblem, read_entries
from commands.errors import USAGE, CommandError
from commands.progress import Steps
from commands.servers import Servers, found_servers, ready_servers
from db.problems import text_problem
from db.queries.trusted_documents import (
    MOST_DOCUMENTS,
    AliasTaken,
    TooManyDocuments,
    TrustedDocument,
    add_documents,
    list_documents,
    remove_documents,
)
from execution.document_ids import as_hash
from execution.operations import Operations
from logs import configure_logging
from settings import DatabaseRole, Settings

SHORTEST_PREFIX = 8
CHECKING = "checking the documents"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog="Example: [bold]scoregraph documents register persisted-documents.json --app web[/]",
)


@app.callback()
def documents() -> None:
    """Documents that run by their id: `GET /graphql?documentId=…`. With SCOREGRAPH_DOCUMENTS=trusted, no others do."""
    configure_logging("ERROR", "console")  # what happens is printed


@app.command(
    epilog="Examples: [bold]scoregraph documents register queries/*.graphql[/] · "
    "[bold]scoregraph documents register persisted-query-manifest.json --app ios --app-version 4.2[/] · "
    "[bold]scoregraph documents register --dry-run persisted-documents.json[/] (exit code 1 when something is wrong)",
)
def register(
    files: Annotated[
        list[Path],
        typer.Argument(help="Documents (.graphql, .gql) and manifests (.json) of Relay, Apollo or GraphQL Codegen."),
    ],
    app_name: Annotated[str | None, typer.Option("--app", help="The app that asks with them.")] = None,
    app_version: Annotated[str | None, typer.Option(help="Its version.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check them, on the schema of this code; needs no database.")
    ] = False,
) -> None:
    """Check documents and let them run by their id: all of them, or none where one is wrong.

    The id is the SHA-256 of the text; a manifest's ids are verified where they are that, and are other names of the
    document where they are not. What is registered already stays as it is.
    """
    for option, value in (("--app", app_name), ("--app-version", app_version)):
        if value is not None and (problem := text_problem(option, value)):
            raise CommandError(f"{option}: {problem.message}", exit_code=USAGE)
    found = _collected(files, app_name, app_version)
    new: set[str] = set()
    if not dry_run:
        with ready_servers(Settings(), say_aside) as servers:
            new = in_transaction(servers, DatabaseRole.OWNER, lambda connection: _add(connection, found))
    for document in found:
        state = "valid" if dry_run else "new" if document.id in new else "there"
        typer.echo(f"{document.id}  {state:5}  {_described(document)}")
    told = (
        f"{len(found)} valid; nothing was stored"
        if dry_run
        else f"{len(new)} new, {len(found) - len(new)} there already"
    )
    typer.echo(f"{told}.", err=True)


@app.command("list", epilog="Example: [bold]scoregraph documents list | grep web[/]")
def list_() -> None:
    """List what is registered, a line each: id, when, operations, app, other names."""
    for document in _registered():
        assert document.registered_at is not None
        typer.echo(f"{document.id}  {document.registered_at:%Y-%m-%d %H:%M}  {_described(document)}")


@app.command(epilog="Example: [bold]scoregraph documents check[/] in CI, with the code that is to be deployed")
def check() -> None:
    """Check everything that is registered on the schema of this code; exit code 1 where something would no longer run."""
    registered, operations = _registered(), _operations()
    lost = 0
    with Steps(Console(stderr=True)) as steps:
        for number, document in enumerate(registered, 1):
            _, problems = check_document(document.body, operations)
            steps.advance(CHECKING, number, len(registered))
            lost += bool(problems)
            for message, line in problems:
                where = f", line {line}" if line else ""
                typer.echo(f"{document.id}  {_described(document)}{where}: {message}")
    if lost:
        raise CommandError(f"{lost} of {len(registered)} documents do not run on this schema.")
    typer.echo(f"All of {len(registered)} documents run on this schema.")


@app.command(epilog="Example: [bold]scoregraph documents remove 7dba4bd717b4[/]")
def remove(
    ids: Annotated[list[str], typer.Argument(help="Ids, their first eight or more digits, or other names.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove documents, with all their names. Apps that still ask with them are refused from then on."""
    with ready_servers(Settings(), say_aside) as servers:
        registered = _read(servers)
        chosen = {document.id: document for id in ids for document in [_one(id, registered)]}
        for document in chosen.values():
            typer.echo(f"{document.id}  {_described(document)}")
        if not yes:
            typer.confirm(f"Remove {len(chosen)} of {len(registered)} documents?", abort=True, err=True)
        in_transaction(servers, DatabaseRole.OWNER, lambda connection: remove_documents(connection, list(chosen)))
    typer.echo(f"{len(chosen)} removed.", err=True)


def _operations() -> Operations:
    """Those of this code. Who only lists or removes documents need not wait for them."""
    from schema.graph import graph

    return graph.operations


def _collected(files: list[Path], app_name: str | None, app_version: str | None) -> list[TrustedDocument]:
    """Raises CommandError where anything is wrong, after all of it was said."""
    collection = Collection(_operations(), app_name, app_version)
    entries: list[Entry] = []
    for path in files:
        try:
            entries += read_entries(path)
        except FileProblem as problem:
            collection.problems.append(str(problem))
    with Steps(Console(stderr=True)) as steps:
        for number, entry in enumerate(entries, 1):
            collection.add(entry)
            steps.advance(CHECKING, number, len(entries))
    if collection.problems:
        for line in collection.problems:
            typer.echo(line, err=True)
        raise CommandError("Nothing was registered: correct what is said above, and run it again.")
    return collection.documents()


async def _add(connection: AsyncConnection, found: Sequence[TrustedDocument]) -> set[str]:
    try:
        return await add_documents(connection, found)
    except AliasTaken as error:
        raise CommandError(
            f"Nothing was registered: {', '.join(error.aliases[:5])} names another document already. "
            "Old apps count on that; give yours another id, or remove it with `scoregraph documents remove`."
        ) from None
    except TooManyDocuments:
        raise CommandError(
            f"Nothing was registered: there would be more than {MOST_DOCUMENTS:,} documents. "
            "Remove those that no app needs with `scoregraph documents remove`."
        ) from None


def _registered() -> list[TrustedDocument]:
    # Also of a database that is older than this code: that is what `check` is for.
    with found_servers(Settings(), say_aside) as servers:
        return _read(servers)


def _read(servers: Servers) -> list[TrustedDocument]:
    return in_transaction(servers, DatabaseRole.OWNER, list_documents)


def _one(id: str, registered: Sequence[TrustedDocument]) -> TrustedDocument:
    """The document that is meant. Raises CommandError where there is none, or more than one."""
    name = as_hash(id) or id
    meant = [document for document in registered if name == document.id or name in document.aliases]
    if not meant and len(name) >= SHORTEST_PREFIX:
        meant = [document for document in registered if document.id.startswith(name)]
    if not meant:
        raise CommandError(f"{id!r} is no document: see `scoregraph documents list`.")
    if len(meant) > 1:
        raise CommandError(f"{id!r} is the beginning of {len(meant)} ids: write more of it.")
    return meant[0]


def _described(document: TrustedDocument) -> str:
    operations = ", ".join(document.operations) or "(without a name)"
    app_name = " ".join(filter(None, (document.app, document.app_version)))
    aliases = ", ".join(document.aliases)
    return " · ".join(filter(None, (operations, app_name, aliases and f"also {aliases}")))
