"""Attempts through the graph in batches, and the import of a real data set against a plain COPY."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auth import Claims, Role
from bench.measure import connect, medians, new_database, seconds
from bench.seed import ROSTER
from db.changes import Changes
from db.engine import ReadPool, write_engine
from importers.oulad import import_oulad
from resolvers.context import Context, Services
from schema.graph import graph
from settings import DatabaseRole, Settings

RECORD = """mutation ($input: RecordAttemptsInput!) {
  recordAttempts(input: $input) { results { index userErrors { code } } userErrors { code message } } }"""


async def _record(url: str, redis_url: str, batches: int, size: int) -> float:
    services = Services(
        Settings(database_url=url, redis_url=redis_url),
        ReadPool(url, DatabaseRole.API, size=5, statement_timeout=30),
        write_engine(url, DatabaseRole.API),
        Changes(url),
        None,
    )
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    claims = Claims(organization="bench", subject="ingest", role=Role.SERVICE, group_ids=None, expires_at=expires_at)
    chance = random.Random(7)
    start = datetime.now(UTC) - timedelta(days=100)

    def batch(number: int) -> dict[str, Any]:
        return {
            "attempts": [
                {
                    "userExternalId": f"u{chance.randrange(1, 20_001)}",
                    "labType": f"l{chance.randrange(1, 201)}",
                    "success": chance.random() < 0.6,
                    "completedAt": (start + timedelta(seconds=60 * (number * size + index))).isoformat(),
                    "completionTimeSeconds": 300.0,
                    "score": 70.0,
                    "skillMatch": 0.5,
                    "hintsUsed": 1,
                    "sourceId": f"{number}-{index}",
                }
                for index in range(size)
            ]
        }

    inputs = [batch(number) for number in range(batches + 2)]
    for given in inputs[:2]:
        await graph.execute(RECORD, variable_values={"input": given}, context_value=Context(services, claims))
    rest = iter(inputs[2:])

    async def client() -> None:
        for given in rest:
            context = Context(services, claims)
            result = await graph.execute(RECORD, variable_values={"input": given}, context_value=context)
            assert not result.errors, result.errors
            assert not result.data["recordAttempts"]["userErrors"]

    began = asyncio.get_running_loop().time()
    await asyncio.gather(client(), client())
    taken = asyncio.get_running_loop().time() - began
    await services.read_pool.aclose()
    await services.write_engine.dispose()
    await services.changes.aclose()
    return batches * size / taken


def recorded_per_second(admin_url: str, redis_url: str, *, batches: int = 40, size: int = 500) -> float:
    """Attempts per second of one process, two batches in flight, through execution of the mutation to the committed rows."""
    url = new_database(admin_url, "bench_record")
    with connect(url) as admin:
        admin.execute(ROSTER)
        admin.execute("VACUUM ANALYZE")
    return asyncio.run(_record(url, redis_url, batches, size))


COLUMNS = (
    "organization_id, user_id, lab_id, assignment_id, status, completed_at, due_at, score, source, source_id, counted"
)


def import_against_copy(admin_url: str, oulad: Path) -> dict[str, float]:
    """Seconds of the import's attempts stage against a COPY of the same rows into the same table without triggers."""
    url = new_database(admin_url, "bench_oulad")
    spent: dict[str, float] = {}
    last = time.perf_counter()

    def progress(stage: str, done: int, total: int) -> None:
        # A stage is told of while and after it is worked on, so the time since the last word belongs to it.
        nonlocal last
        now = time.perf_counter()
        spent[stage] = spent.get(stage, 0.0) + now - last
        last = now

    whole = seconds(lambda: import_oulad(url, oulad, progress=progress))
    with connect(url) as admin:
        rows = admin.execute("SELECT count(*) FROM attempts").fetchone()
        assert rows is not None
        with admin.cursor().copy(f"COPY (SELECT {COLUMNS} FROM attempts ORDER BY id) TO STDOUT") as copy:
            data = b"".join(bytes(block) for block in copy)
        admin.execute("ALTER TABLE attempts DISABLE TRIGGER ALL")

        def load() -> float:
            admin.execute("TRUNCATE attempts CASCADE")

            def copy_in() -> None:
                with admin.cursor().copy(f"COPY attempts ({COLUMNS}) FROM STDIN") as copy:
                    copy.write(data)

            return seconds(copy_in)

        copying = medians(load, rounds=3)[0]
    return {
        "rows": float(rows[0]),
        "copy_s": copying,
        "import_s": whole,
        "attempts_s": spent["attempts"],
        "copy_vs_import": copying / spent["attempts"],
    }
