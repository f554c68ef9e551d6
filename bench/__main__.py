"""``python -m bench [--attempts 5000000] [--oulad DIR]`` measures what the foundation promises and writes RESULTS.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import servers
from bench.memory import idle_mib
from bench.recording import import_against_copy, recorded_per_second
from bench.rollups import measure

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=5_000_000, help="history of the large database")
    parser.add_argument("--oulad", type=Path, help="directory of the OULAD data set")
    given = parser.parse_args()
    found: dict[str, float] = {}
    with servers() as (admin_url, redis_url):
        print("recording …", file=sys.stderr)
        found["record_attempts_per_s"] = recorded_per_second(admin_url, redis_url)
        if given.oulad:
            print("importing …", file=sys.stderr)
            found |= {f"oulad_{name}": value for name, value in import_against_copy(admin_url, given.oulad).items()}
        print("rollups …", file=sys.stderr)
        found |= measure(admin_url, given.attempts // 10, given.attempts)
    print("memory …", file=sys.stderr)
    found |= {f"idle_{name}_mib": value for name, value in idle_mib().items()}
    (HERE / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    (HERE / "RESULTS.md").write_text(report(found))
    print(report(found))


def report(found: dict[str, float]) -> str:
    command = "python -m bench " + shlex.join(sys.argv[1:])
    lines = [
        "# Measured",
        "",
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, PostgreSQL 18 (embedded, durable).",
        "Medians of 5 interleaved rounds after one that does not count, where there are rounds. Each figure is in `results.json` too.",
        "",
        "| what | figure | aim |",
        "|---|---|---|",
    ]
    for name, text, aim in ROWS:
        if name in found:
            lines.append(f"| {text} | {found[name]:,.2f} | {aim} |")
    return "\n".join(lines) + "\n"


ROWS = [
    ("fold_1000_ms_large", "fold of 1,000 changes over the large history, ms", ""),
    ("fold_1000_ms_small", "the same over a tenth of it, ms", ""),
    ("fold_large_vs_small", "large / small", "≤ 1.5"),
    ("rebuild_s", "rebuilding the four rollups, s", ""),
    ("rebuild_vs_fold", "rebuilding / folding 1,000 changes", "≥ 200"),
    ("card_33_quiet_ms", "live totals of 33 people, nothing pending, ms", ""),
    ("card_33_pending_20000_ms", "the same with 20,000 changes pending, ms", ""),
    ("card_pending_vs_quiet", "pending / quiet", "≤ 2"),
    ("top_100_of_20000_ms", "top 100 of 20,000 people in SQL, with row security, ms", "≤ 2"),
    ("oulad_rows", "OULAD attempts", ""),
    ("oulad_copy_s", "COPY of the same rows, triggers off, s", ""),
    ("oulad_import_s", "whole import (roster, attempts, fold, refresh), s", ""),
    ("oulad_attempts_s", "its attempts stage, s", ""),
    ("oulad_copy_vs_import", "speed of the attempts stage / speed of COPY", "≥ 0.3"),
    ("record_attempts_per_s", "recordAttempts in batches of 500, attempts/s", "≥ 5,000"),
    ("idle_gateway_mib", "idle gateway, MiB resident", ""),
    ("idle_worker_mib", "idle worker, MiB resident", ""),
    ("idle_together_mib", "both", "≤ 300"),
]


if __name__ == "__main__":
    main()
