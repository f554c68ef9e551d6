"""``results.json`` holds every figure by name, with how it was measured; ``RESULTS.md`` is made from it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS, REPORT = HERE / "results.json", HERE / "RESULTS.md"

Row = tuple[str, str, str]
"""Name in results.json, what it is, what it must be."""

FOUNDATION: tuple[Row, ...] = (
    ("fold_1000_ms_large", "fold of 1,000 changes over the large history, ms", ""),
    ("fold_1000_ms_small", "the same over a tenth of it, ms", ""),
    ("fold_large_vs_small", "large / small", "≤ 1.5"),
    ("rebuild_s", "rebuilding the rollups, s", ""),
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
)


def _question_rows(key: str, title: str, aim: str) -> tuple[Row, ...]:
    return (
        (f"{key}_vs_postgraphile", f"{key.upper()}, {title}: requests/s, ours / PostGraphile", aim),
        (f"{key}_per_s", "ours, requests/s", ""),
        (f"{key}_postgraphile_per_s", "PostGraphile, requests/s", ""),
        (f"{key}_cpu_ms", "ours, CPU ms a request in the server", ""),
        (f"{key}_postgraphile_cpu_ms", "PostGraphile, the same", ""),
        (f"{key}_database_cpu_ms", "ours, CPU ms a request in the database", ""),
        (f"{key}_postgraphile_database_cpu_ms", "PostGraphile, the same", ""),
    )


PEERS: tuple[Row, ...] = (
    *_question_rows("q1", "a learner's card with 30 trend points", "≥ 1.5"),
    *_question_rows("q2", "a group page of 33 members × card × 20 topics", "≥ 2.5"),
    *_question_rows("q3", "the top 100 with name, group, score", "≥ 2.0"),
    ("q2_p99_vs_postgraphile", "Q2, p99 with 32 connections: ours / PostGraphile", "≤ 1.0"),
    ("q2_p99_ms", "ours, ms", ""),
    ("q2_postgraphile_p99_ms", "PostGraphile, ms", ""),
    (
        "cached_vs_static",
        "hits of the response cache / a static route of the same bytes, the least of Q1 to Q3",
        "≥ 0.9",
    ),
    ("cached_vs_static_q1", "Q1", ""),
    ("cached_vs_static_q2", "Q2", ""),
    ("cached_vs_static_q3", "Q3", ""),
    ("fanout_speedup", "1,000 subscribers of a board: the last one served, each for itself / shared", "≥ 40"),
    ("fanout_shared_ms", "shared, ms", ""),
    ("fanout_own_ms", "each for itself, ms", ""),
    ("subscriber_kib", "memory of an idle subscriber, KiB", ""),
    ("abuse_worst_ms", "slowest refusal of a hostile document, beside an honest load, ms", "≤ 250"),
    ("abuse_honest_p99_ms", "p99 of the honest meanwhile, ms", "≤ 1,000"),
    ("q2_members_10_ms", "Q2 of a group of 10, one client, ms", ""),
    ("q2_members_33_ms", "of 33", ""),
    ("q2_members_100_ms", "of 100", ""),
    ("q2_members_300_ms", "of 300, in two pages", ""),
    ("q2_history_ratio", "Q2 over 5 million attempts / over half a million", "≤ 1.3"),
    ("q2_history_large_ms", "over the large history, ms", ""),
    ("q2_history_small_ms", "over the small one, ms", ""),
)

EVENTS: tuple[Row, ...] = (
    ("events_attempts_per_s", "attempts as events through Redis Streams into the rollups, attempts/s", "≥ 3,000"),
    ("events_backlog_s", "a backlog of 10,000, from when a worker listens until it is in the rollups, s", "≤ 10"),
    ("events_worker_cpu_us", "CPU µs an event in the worker", ""),
    ("events_database_cpu_us", "CPU µs an event in the database, folding included", ""),
    ("events_left_in_stream", "entries that are left in the stream afterwards", ""),
)

JOBS: tuple[Row, ...] = (("jobs_small_per_s", "jobs that ask the database once, jobs/s", "≥ 200"),)


EXPORTS: tuple[Row, ...] = (
    ("export_rows", "rows of a CSV", ""),
    ("export_csv_s", "from the request to READY, dialect RFC4180, s", "≤ 10"),
    ("export_copy_s", "a bare COPY of the same columns to a file, s", ""),
    ("export_csv_vs_copy", "COPY / CSV from the request to READY", "≥ 0.5"),
    ("export_csv_worker_mib", "worker meanwhile, MiB resident at most", "≤ 300"),
    ("export_csv_excel_s", "as many rows in the dialect EXCEL, s", "≤ 10"),
    ("export_csv_excel_worker_mib", "worker meanwhile, MiB", "≤ 300"),
    ("export_xlsx_s", "as many rows as XLSX, s", "≤ 30"),
    ("export_xlsx_worker_mib", "worker meanwhile, MiB", "≤ 300"),
    ("export_csv_all_rows", "rows of the whole history", ""),
    ("export_csv_all_s", "as CSV, s", ""),
    ("export_csv_all_worker_mib", "worker meanwhile, MiB", "≤ 300"),
    ("export_xlsx_all_s", "as XLSX, s", ""),
    ("export_xlsx_all_worker_mib", "worker meanwhile, MiB", "≤ 300"),
    ("export_pdf_group_s", "PDF of a group of 33, s", "≤ 2"),
    ("export_pdf_worker_mib", "worker meanwhile, MiB", "≤ 300"),
    ("export_pdf_press_mib", "the process that prints, for as long as it lives, MiB", ""),
)


def save(section: str, command: str, found: Mapping[str, float]) -> None:
    """Puts the figures of one command to those that are there, and writes the report anew."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    measured = results.pop("measured", {})
    measured[section] = (
        f"`{command}` on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    results = {**results, **found, "measured": measured}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    REPORT.write_text(report(results))


def report(results: Mapping[str, Any]) -> str:
    lines = [
        "# Measured",
        "",
        "Each figure is in `results.json` too, by name. Embedded PostgreSQL 18 and Valkey 9, durable. A Python that was built "
        "without profile-guided optimization takes about an eighth more CPU for the same; Debian's was built with it.",
    ]
    for section, title, note, rows in (
        ("peers", "Gateway", PEERS_NOTE, PEERS),
        ("foundation", "Foundation", FOUNDATION_NOTE, FOUNDATION),
        ("events", "Events", WORKER_NOTE, EVENTS),
        ("jobs", "Jobs", WORKER_NOTE, JOBS),
        ("exports", "Exports", EXPORTS_NOTE, EXPORTS),
    ):
        if section in results["measured"]:
            lines += [
                "",
                f"## {title}",
                "",
                f"{results['measured'][section]}. {note}",
                "",
                "| what | figure | aim |",
                "|---|---|---|",
            ]
            lines += [f"| {text} | {results[name]:,.2f} | {aim} |" for name, text, aim in rows if name in results]
    return "\n".join(lines) + "\n"


EXPORTS_NOTE = (
    "A gateway and a worker, asked by GraphQL every 20 ms whether it is READY. CSV, COPY and PDF: medians of interleaved rounds after "
    "one that does not count; the others once."
)
FOUNDATION_NOTE = "Medians of 5 interleaved rounds after one that does not count, where there are rounds."
WORKER_NOTE = (
    "Medians of rounds after one that does not count. One worker with its defaults, beside who sends and the servers."
)
PEERS_NOTE = (
    "Medians of interleaved rounds after one that does not count; ratios are those of rounds, since the load, the servers and "
    "the database share the machine. One process each, the same database of 20,000 people and 5 million attempts, the same "
    "row security, 10 connections to it, 8 from the load; the same answers, compared before. Read the ratios and the CPU "
    "times, not the requests/s."
)
