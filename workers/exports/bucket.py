"""Finished files in a bucket that speaks S3."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import obstore
from obstore.store import S3Store

from settings import Settings
from workers.exports.storage import LINK_LIFETIME, PARTS_AT_ONCE, failures

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config

PATIENCE = timedelta(seconds=30)
"""How long a bucket that does not answer is asked again, before the job is put off."""


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
        with failures():
            await obstore.put_async(self._store, key, path, attributes=attributes, max_concurrency=PARTS_AT_ONCE)

    async def remove(self, folder: str) -> None:
        with failures():
            async for objects in obstore.list(self._store, folder):
                await obstore.delete_async(self._store, [found["path"] for found in objects])

    async def read(self, key: str) -> bytes | None:
        with failures():
            try:
                found = await obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def source(self, key: str) -> str:
        with failures():
            return await obstore.sign_async(self._store, "GET", key, LINK_LIFETIME)
