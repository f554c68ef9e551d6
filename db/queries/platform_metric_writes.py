"""Writing how services fare: samples, and requests by the minute. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.request_sums import RequestRow


class Sample(NamedTuple):
    """A number at an instant."""

    service_name: str
    metric_name: str
    value: float
    at: datetime
    tags: Mapping[str, Any]


INSERT_SAMPLES = text("""
INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at, tags)
SELECT CAST(:organization_id AS bigint), service_name, metric_name, value, at, tags
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
  service_name text, metric_name text, value double precision, at timestamptz, tags jsonb
)
""")
INSERT_REQUESTS = text("""
INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, at, requests, total_microseconds,
  buckets, counts, payloads, payload_bytes)
SELECT CAST(:organization_id AS bigint), service_name, endpoint, method, status_code, at, requests, total_microseconds,
  buckets, counts, payloads, payload_bytes
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
  service_name text, endpoint text, method text, status_code smallint, at timestamptz, requests bigint,
  total_microseconds bigint, buckets smallint[], counts bigint[], payloads bigint, payload_bytes bigint
)
""")


async def insert_samples(connection: AsyncConnection, organization_id: int | None, samples: Sequence[Sample]) -> None:
    """``organization_id`` None: of the platform itself; a gateway may write that in nobody's name."""
    await _insert(connection, INSERT_SAMPLES, organization_id, samples)


async def insert_requests(connection: AsyncConnection, organization_id: int | None, rows: Sequence[RequestRow]) -> None:
    """``organization_id`` None: of the platform itself; a gateway may write that in nobody's name."""
    await _insert(connection, INSERT_REQUESTS, organization_id, rows)


async def _insert(
    connection: AsyncConnection, statement: Any, organization_id: int | None, rows: Sequence[Sample | RequestRow]
) -> None:
    if rows:
        values = {
            "organization_id": organization_id,
            "rows": orjson.dumps([row._asdict() for row in rows]).decode(),
        }
        await connection.execute(statement, values)
