"""Attempts through the graph in batches, and the import of a real data set against a plain COPY."""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from auth import Role
from bench.measure import connect, medians, new_database, seconds
from bench.processes import gateway, token_of
from bench.seed import ROSTER
from importers.oulad import import_oulad

RECORD = """mutation ($input: RecordAttemptsInput!) {
  recordAttempts(input: $input) { results { index userErrors { code } } userErrors { code message } } }"""


def _batch(chance: random.Random, number: int, size: int) -> dict[str, Any]:
    start = datetime.now(UTC) - timedelta(days=100)
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


def recorded_per_second(admin_url: str, redis_url: str, *, batches: int = 40, size: int = 500) -> float:
    """Attempts per second of one gateway, two batches in flight, from the request to the answer that they are committed."""
    url = new_database(admin_url, "bench_record")
    with connect(url) as admin:
        admin.execute(ROSTER)
        admin.execute("VACUUM ANALYZE")
    chance = random.Random(7)
    bodies = [
        json.dumps({"query": RECORD, "variables": {"input": _batch(chance, number, size)}}).encode()
        for number in range(batches + 2)
    ]
    with gateway(url, redis_url) as running, ThreadPoolExecutor(2) as clients:
        server = replace(running, token=token_of("ingest", Role.SERVICE))

        def record(body: bytes) -> None:
            data, _ = server.ask(body)
            assert not data["recordAttempts"]["userErrors"], data["recordAttempts"]["userErrors"]

        list(clients.map(record, bodies[:2]))
        return batches * size / seconds(lambda: list(clients.map(record, bodies[2:])))


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
