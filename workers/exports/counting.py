"""What became of exports, for the figures of the worker."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from db.queries.export_jobs import OUR_FAILURES, ExportFormat, FailureCode

TICKS = Counter("export_worker_ticks", "Runs that were to make an export.", ("status",), registry=None)
GENERATED = Counter("exports_generated", "Exports that became ready.", ("format",), registry=None)
DURATION = Histogram(
    "export_duration_seconds",
    "How long the run took that made them.",
    ("format",),
    buckets=(0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
    registry=None,
)
COLLECTORS = (TICKS, GENERATED, DURATION)

# From zero on, so that the first one is seen to be one more.
for _status in ("success", "error"):
    TICKS.labels(_status)
for _format in ExportFormat:
    GENERATED.labels(_format)


def count_ready(format: str, seconds: float) -> None:
    TICKS.labels("success").inc()
    GENERATED.labels(format).inc()
    DURATION.labels(format).observe(seconds)


def count_not_made(code: FailureCode) -> None:
    """An error where it is ours: what was asked for wrongly is no trouble of the worker."""
    TICKS.labels("error" if code in OUR_FAILURES else "success").inc()
