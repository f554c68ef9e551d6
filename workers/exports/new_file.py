"""Files that are whole or not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

from workers.exports.content import TooLarge
from workers.exports.in_thread import in_thread

CHUNK_BYTES = 256 * 1024


@contextmanager
def whole_or_gone(path: Path) -> Iterator[None]:
    """Removes the file if the block fails."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """Of the bytes of a file. Blocks."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"The file would be larger than {most_bytes:,} bytes.")


class NewFile:
    """Is written from its beginning to its end; ``bytes`` are counted as they come."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self.bytes = 0
        self._most_bytes = most_bytes
        self._file = path.open("wb", buffering=0)
        self._hash = sha256()
        self._waiting = bytearray()

    async def write(self, data: bytes) -> None:
        """Raises TooLarge before anything is written that would be too much."""
        self.bytes += len(data)
        if self.bytes > self._most_bytes:
            raise too_large(self._most_bytes)
        self._waiting += data
        if len(self._waiting) >= CHUNK_BYTES:
            await self.flush()

    async def flush(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        await in_thread(self._write, waiting)

    @property
    def sha256(self) -> str:
        """Of all that was flushed."""
        return self._hash.hexdigest()

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytearray) -> None:
        self._hash.update(data)
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]


@asynccontextmanager
async def new_file(path: Path, most_bytes: int) -> AsyncIterator[NewFile]:
    """Everything is in the file when the block ends; if it fails, the file is gone. Raises TooLarge and OSError."""
    with whole_or_gone(path):
        file = NewFile(path, most_bytes)
        try:
            yield file
            await file.flush()
        finally:
            file.close()
