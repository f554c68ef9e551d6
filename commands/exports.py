"""``scoregraph export``: whether a file is the one that was made, and whether its figures still hold."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from commands.database import engine_of, say_aside
from commands.documents.for_workers import exported_documents
from commands.errors import CommandError
from commands.servers import ready_servers
from db.queries.export_records import ExportRecord, find_record
from logs import configure_logging
from settings import DatabaseRole, Settings
from workers.exports.content import TooLarge
from workers.exports.making import RightsGone
from workers.exports.new_file import sha256_of
from workers.exports.replay import Replay, replay
from workers.exports.verify import Unverifiable, Verification, verify

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    epilog='Example: [bold]scoregraph export verify "Group report - Algebra 1 2026-03-01.xlsx"[/]',
)


@app.callback()
def export() -> None:
    """Files that were exported."""
    configure_logging("ERROR", "console")  # what is found is printed


@app.command(
    "verify",
    epilog="Examples: [bold]scoregraph export verify report.pdf[/] · [bold]scoregraph export verify --json attempts.csv | jq .replay[/]",
)
def verify_command(
    file: Annotated[Path, typer.Argument(help="A CSV, XLSX, PDF or JSON file.", exists=True, dir_okay=False)],
    replays: Annotated[
        bool, typer.Option("--replay/--no-replay", help="Whether to make it again, and hold its figures against those.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check a file against its manifest, and against what the same export would be now.

    Its SHA-256 and its rows must be those that were kept of it (or, where nothing is kept any more, those that its manifest
    says: the one in it, or beside it as FILE.manifest.json). Then it is made again from the data of now, with the rights that its
    requester has now: that figures have changed since says nothing against the file. Exit code 1 for a file that is not sound.
    """
    with ready_servers(Settings(), say_aside) as servers:
        found, record, again = asyncio.run(_verify(servers.settings_for(DatabaseRole.WORKER), file, replays=replays))
    if json:
        typer.echo(orjson.dumps(_data(found, record, again)).decode())
    else:
        for line in (*_about(found, record), *_replayed(record, again, replays=replays)):
            typer.echo(line)
    if found.problems:
        raise typer.Exit(1)


async def _verify(
    settings: Settings, file: Path, *, replays: bool
) -> tuple[Verification, ExportRecord | None, Replay | str | None]:
    """The last is a sentence where it could not be made again."""
    assert settings.database_url is not None
    async with engine_of(settings) as engine, engine.begin() as connection:
        record = await find_record(connection, sha256_of(file), _claimed_id(file))
    try:
        found = verify(file, record.manifest if record else None)
    except Unverifiable as error:
        raise CommandError(str(error)) from None
    if record is None or not replays or found.problems:
        return found, record, None
    try:
        again = await replay(
            settings.database_url,
            record,
            file,
            settings.max_report_mb * 1024 * 1024,
            partial(exported_documents, settings),
        )
    except RightsGone:
        return found, record, "Its requester may no longer see what it is about."
    except TooLarge:
        return found, record, f"It would be larger than {settings.max_report_mb} MiB now."
    return found, record, again


def _claimed_id(file: Path) -> int | None:
    """Of the export that it says it is."""
    try:
        claimed = verify(file).about.get("export")
        return None if claimed is None else int(claimed)
    except (Unverifiable, ValueError, TypeError):
        return None


def _about(found: Verification, record: ExportRecord | None) -> list[str]:
    about = found.about
    known = f"export {record.claimed.id}" if record else "nothing is kept of it: this is what it says of itself"
    rows = found.rows or {table["title"]: table["rows"] for table in about["tables"]}
    lines = [
        f"{about['title']} ({known})",
        f"As of {about['asOf']} ({about['timeZone']}), made for {about['requestedBy']}.",
        "Rows: " + ", ".join(f"{title} {count:,}" for title, count in rows.items()) + ".",
    ]
    if found.problems:
        return [*lines, *(f"NOT SOUND: {problem}" for problem in found.problems)]
    if record is None:
        return [*lines, "Sound as far as it goes: its rows are all there, but nobody vouches for its figures."]
    return [*lines, "Sound: it is the file that was made, to the byte."]


def _replayed(record: ExportRecord | None, again: Replay | str | None, *, replays: bool) -> list[str]:
    if record is None or again is None:
        return ["It was not made again."] if replays else []
    if isinstance(again, str):
        return [f"It was not made again: {again}"]
    if again.is_same:
        return ["Made again now, it is the same: all its figures still hold."]
    if again.changes is None:
        return ["Made again now, it is another: something on its pages has changed since."]
    if not again.changes:
        return ["Made again now, all its rows are the same; only what is said around them has changed since."]
    return [
        "Made again now, these have changed since:",
        *(
            f"  {change.title}: {change.gone:,} rows are gone or other, {change.new:,} are new."
            for change in again.changes
        ),
    ]


def _data(found: Verification, record: ExportRecord | None, again: Replay | str | None) -> dict[str, Any]:
    return {
        "sound": not found.problems,
        "problems": found.problems,
        "export": record.claimed.id if record else None,
        "sha256": found.sha256,
        "rows": found.rows,
        "manifest": found.about,
        "replay": {"failed": again} if isinstance(again, str) else again,
    }
