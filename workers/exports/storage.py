"""Where finished files are: in a folder of this machine, or in a bucket. Each export has a folder of its own there.

obstore is loaded when it is first needed: a process that stores nothing saves its 4 MiB.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from settings import Settings

LINK_LIFETIME = timedelta(minutes=15)
PARTS_AT_ONCE = 2
"""Of a large file, 5 MiB each: so much of it is in memory while it is stored."""


class StorageFailed(Exception):
    """The storage does not do what it is told. The message says what kind of failure it was, never where or with which key."""


class Storage(Protocol):
    """Keys are of letters, digits, ``-``, ``.`` and ``/``. All of it raises StorageFailed."""

    async def put(self, path: Path, key: str, file_name: str, media_type: str) -> None:
        """Keeps a file; it is there as a whole or not at all. ``file_name`` is what it will be called by whoever fetches it."""
        ...

    async def remove(self, folder: str) -> None:
        """All below it, if there is anything."""
        ...

    async def read(self, key: str) -> bytes | None:
        """All of a file that is not large; None where it is gone."""
        ...

    async def source(self, key: str) -> Path | str | None:
        """Where it can be fetched: a file of this machine, or a link that is good for LINK_LIFETIME. None where it is gone, as
        far as that is known here.
        """
        ...


def storage_of(settings: Settings) -> Storage:
    """The one that the settings name."""
    if settings.object_storage_bucket is not None:
        from workers.exports.bucket import Bucket

        return Bucket(settings)
    return Folder(settings.reports_storage_path or settings.data_dir / "exports")


class Folder:
    """A folder that gateways and workers share. It is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    async def put(self, path: Path, key: str, file_name: str, media_type: str) -> None:
        import obstore
        from obstore.store import LocalStore

        with failures():
            await asyncio.to_thread(self._root.mkdir, mode=0o700, parents=True, exist_ok=True)
            await obstore.put_async(LocalStore(self._root), key, path, max_concurrency=PARTS_AT_ONCE)

    async def remove(self, folder: str) -> None:
        # With what a worker that was killed has left of a file.
        with failures():
            await asyncio.to_thread(_remove_folder, self._root / folder)

    async def read(self, key: str) -> bytes | None:
        with failures():
            try:
                return await asyncio.to_thread((self._root / key).read_bytes)
            except FileNotFoundError:
                return None

    async def source(self, key: str) -> Path | None:
        path = self._root / key
        return path if await asyncio.to_thread(path.is_file) else None


@contextmanager
def failures() -> Iterator[None]:
    """Raises StorageFailed in place of what the storage raises."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageFailed(type(error).__name__) from error


def _remove_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
