"""Makes a file again, from what is there now and with the rights that its requester has now, and holds it against the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from db.queries.export_records import ExportRecord
from workers.exports.documents import Documents
from workers.exports.file_rows import Row, read_file
from workers.exports.in_thread import in_thread
from workers.exports.making import Making
from workers.exports.new_file import sha256_of


@dataclass(frozen=True, slots=True)
class TableChange:
    """How a table differs from what it was: rows that it had, and rows that it has. A row that changed is one of each."""

    title: str
    gone: int
    new: int


@dataclass(frozen=True, slots=True)
class Replay:
    """``is_same``: to the byte. Where it is not, ``changes`` are those of the tables; None where pages do not tell."""

    is_same: bool
    changes: tuple[TableChange, ...] | None


async def replay(
    database_url: str,
    record: ExportRecord,
    path: Path,
    most_bytes: int,
    documents: Callable[[], Documents] | None = None,
) -> Replay:
    """``path`` is the file that the record is of. Raises as ``Making.make`` does."""
    with TemporaryDirectory(prefix="scoregraph-replay-") as folder:
        again = Path(folder) / f"again{path.suffix}"
        making = Making(database_url, record.claimed, documents, as_of=record.as_of)
        made = await making.make(again, most_bytes)
        if made.sha256 == await in_thread(sha256_of, path):
            return Replay(True, ())
        before, after = read_file(path, record.manifest).tables, read_file(again, made.manifest).tables
        if before is None or after is None:
            return Replay(False, None)
        titles = dict.fromkeys((*before, *after))
        changes = [await in_thread(_change, title, before.get(title), after.get(title)) for title in titles]
        return Replay(False, tuple(change for change in changes if change.gone or change.new))


def _change(
    title: str, before: Callable[[], Iterator[Row]] | None, after: Callable[[], Iterator[Row]] | None
) -> TableChange:
    rows = Counter(map(_digest, before() if before else ()))
    rows.subtract(map(_digest, after() if after else ()))
    counts = rows.values()
    return TableChange(title, gone=sum(max(count, 0) for count in counts), new=sum(max(-count, 0) for count in counts))


def _digest(row: Row) -> bytes:
    # Small, so that a million of them fit into memory.
    return blake2b("\0".join(row).encode("utf-8", "surrogatepass"), digest_size=12).digest()
