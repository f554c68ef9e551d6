"""Where finished files are: in a folder of this machine, or in a bucket. Each export has a folder of its own there."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from settings import Settings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

LINK_LIFETIME = timedelta(minutes=15)
PATIENCE = timedelta(seconds=30)
"""How long a bucket that does not answer is asked again, before the job is put off."""

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
        return Bucket(settings)
    return Folder(settings.reports_storage_path or settings.data_dir / "exports")


class Folder:
    """A folder that gateways and workers share. It is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    async def put(self, path: Path, key: str, file_name: str, media_type: str) -> None:
        with _failures():
            await asyncio.to_thread(self._root.mkdir, mode=0o700, parents=True, exist_ok=True)
            await obstore.put_async(LocalStore(self._root), key, path, max_concurrency=PARTS_AT_ONCE)

    async def remove(self, folder: str) -> None:
        # With what a worker that was killed has left of a file.
        with _failures():
            await asyncio.to_thread(_remove_folder, self._root / folder)

    async def read(self, key: str) -> bytes | None:
        with _failures():
            try:
                return await asyncio.to_thread((self._root / key).read_bytes)
            except FileNotFoundError:
                return None

    async def source(self, key: str) -> Path | None:
        path = self._root / key
        return path if await asyncio.to_thread(path.is_file) else None


class Bucket:
    """A bucket that speaks S3."""

    def __init__(self, settings: Settings) -> None:
        assert settings.object_storage_bucket is not None
        config: S3Config = {"bucket": settings.object_storage_bucket, "region": settings.object_storage_region}
        client: ClientConfig = {"timeout": PATIENCE}
        if settings.object_storage_endpoint is not None:
            config["endpoint"] = settings.object_storage_endpoint
            client["allow_http"] = settings.object_storage_endpoint.startswith("http://")
        if settings.object_storage_access_key is not None and settings.object_storage_secret_key is not None:
            config["access_key_id"] = settings.object_storage_access_key
            config["secret_access_key"] = settings.object_storage_secret_key.get_secret_value()
        self._store = S3Store(
            prefix=settings.object_storage_prefix,
            config=config,
            client_options=client,
            retry_config={"max_retries": 3, "retry_timeout": PATIENCE},
        )

    async def put(self, path: Path, key: str, file_name: str, media_type: str) -> None:
        attributes = {
            "Content-Type": media_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name, safe='')}",
            "Cache-Control": "no-store",
        }
        with _failures():
            await obstore.put_async(self._store, key, path, attributes=attributes, max_concurrency=PARTS_AT_ONCE)

    async def remove(self, folder: str) -> None:
        with _failures():
            async for objects in obstore.list(self._store, folder):
                await obstore.delete_async(self._store, [found["path"] for found in objects])

    async def read(self, key: str) -> bytes | None:
        with _failures():
            try:
                found = await obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def source(self, key: str) -> str:
        with _failures():
            return await obstore.sign_async(self._store, "GET", key, LINK_LIFETIME)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise StorageFailed(type(error).__name__) from error


def _remove_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
