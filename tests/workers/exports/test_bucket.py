"""Files in a bucket, on a server that speaks S3."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from tests.workers.exports.conftest import Workshop
from workers.exports.job import expire_exports
from workers.failures import Postponed

NAME = "reports"


@dataclass
class Bucket:
    server: ThreadedMotoServer
    client: Any
    endpoint: str

    def names(self) -> list[str]:
        return [found["Key"] for found in self.client.list_objects_v2(Bucket=NAME).get("Contents", [])]

    def settings(self) -> dict[str, Any]:
        return {
            "object_storage_bucket": NAME,
            "object_storage_endpoint": self.endpoint,
            "object_storage_access_key": "key",
            "object_storage_secret_key": SecretStr("secret"),
            "object_storage_prefix": "scoregraph/exports",
        }


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    httpx.post(f"{endpoint}/moto-api/reset")
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket=NAME)
    yield Bucket(server, client, endpoint)
    client.close()
    server.stop()


@pytest.fixture
def stored(workshop: Workshop, bucket: Bucket) -> Workshop:
    workshop.changed |= bucket.settings()
    return workshop


async def test_is_stored_and_fetched_by_a_link(stored: Workshop, bucket: Bucket) -> None:
    stored.do("UPDATE groups SET name = 'Álgebra «1»; \"x\"' WHERE external_id = 'alg-1'")
    key = stored.request()
    made = await stored.make(key)
    folder = f"scoregraph/exports/{key}/{made['run']}"
    assert bucket.names() == [f"{folder}/file"]
    link = await stored.storage.source(f"{key}/{made['run']}/file")
    assert isinstance(link, str)
    assert int(parse_qs(urlsplit(link).query)["X-Amz-Expires"][0]) <= 15 * 60
    fetched = await asyncio.to_thread(httpx.get, link)
    assert (fetched.status_code, sha256(fetched.content).hexdigest()) == (200, made["sha256"])
    assert fetched.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert fetched.headers["Content-Disposition"].startswith(
        "attachment; filename*=UTF-8''Group%20report%20-%20%C3%81lgebra"
    )
    assert "secret" not in link


async def test_what_earlier_runs_left_is_removed(stored: Workshop, bucket: Bucket) -> None:
    key = stored.request()
    other = stored.request()
    bucket.client.put_object(Bucket=NAME, Key=f"scoregraph/exports/{key}/lost/file", Body=b"half")
    bucket.client.put_object(Bucket=NAME, Key=f"scoregraph/exports/{key}{other}/run/file", Body=b"another's")
    made = await stored.make(key)
    assert f"scoregraph/exports/{key}/lost/file" not in bucket.names()
    assert f"scoregraph/exports/{key}{other}/run/file" in bucket.names()
    stored.do(f"UPDATE exports SET expires_at = now() WHERE id = {key}")
    await expire_exports(stored.means, stored.storage)
    assert stored.of(key)["status"] == "EXPIRED"
    assert not [found for found in bucket.names() if made["run"] in found]


async def test_more_than_one_part(stored: Workshop, bucket: Bucket) -> None:
    stored.do(
        """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
        SELECT u.organization_id, u.id, l.id, 'FAILED', timestamptz '2026-04-01 00:00Z' + n * interval '1 second'
        FROM users u JOIN labs l USING (organization_id), generate_series(1, 60000) AS n
        WHERE u.external_id = 'ben' AND l.type = 'l1' AND u.organization_id = (SELECT id FROM organizations WHERE slug = 'north')"""
    )
    key = stored.request(kind="ATTEMPTS", format="JSON")
    made = await stored.make(key)
    assert made["byte_size"] > 6 * 1024 * 1024
    content = bucket.client.get_object(Bucket=NAME, Key=f"scoregraph/exports/{key}/{made['run']}/file")["Body"].read()
    assert sha256(content).hexdigest() == made["sha256"]


async def test_a_bucket_that_is_gone(stored: Workshop, bucket: Bucket) -> None:
    key = stored.request()
    bucket.client.delete_bucket(Bucket=NAME)
    with pytest.raises(Postponed):
        await stored.make(key)
    bucket.client.create_bucket(Bucket=NAME)
    assert (await stored.make(key))["status"] == "READY"


async def test_a_server_that_is_gone(stored: Workshop, bucket: Bucket) -> None:
    key = stored.request()
    bucket.server.stop()
    for _ in range(2):
        with pytest.raises(Postponed):
            await stored.make(key)
    made = await stored.make(key)
    assert (made["status"], made["failure_code"]) == ("FAILED", "STORAGE")
    assert bucket.endpoint not in made["failure_message"]
