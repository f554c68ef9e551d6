"""What the foundation promises: folds, live reads, the import, recording, memory."""

from __future__ import annotations

from pathlib import Path

from bench.duel import Progress
from bench.measure import servers
from bench.memory import idle_mib
from bench.recording import import_against_copy, recorded_per_second
from bench.rollups import measure


def measure_foundation(attempts: int, oulad: Path | None, progress: Progress) -> dict[str, float]:
    """On servers of its own. ``attempts`` is the history of the large database; without ``oulad`` no import is measured."""
    found: dict[str, float] = {}
    with servers() as (admin_url, redis_url):
        progress("recording …")
        found["record_attempts_per_s"] = recorded_per_second(admin_url, redis_url)
        if oulad:
            progress("importing …")
            found |= {f"oulad_{name}": value for name, value in import_against_copy(admin_url, oulad).items()}
        progress("rollups …")
        found |= measure(admin_url, attempts // 10, attempts)
    progress("memory …")
    return found | {f"idle_{name}_mib": value for name, value in idle_mib().items()}
