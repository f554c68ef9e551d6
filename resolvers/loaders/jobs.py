"""Batches of jobs."""

from __future__ import annotations

from db.queries.jobs import JobRow, get_jobs
from db.snapshot import Snapshot


async def load_job_by_id(snapshot: Snapshot, ids: list[int]) -> list[JobRow | None]:
    rows = {row.id: row for row in await get_jobs(snapshot, ids)}
    return [rows.get(key) for key in ids]
