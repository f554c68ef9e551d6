"""What Prometheus is told of a worker."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from db.queries.jobs import QueueDepth
from workers.events.counting import COLLECTORS as EVENTS
from workers.means import Queue
from workers.outbox.counting import COLLECTORS as OUTBOX

TICK_SECONDS = (0.05, 0.25, 1.0, 5.0, 15.0, 30.0, 60.0, 90.0, 300.0)
JOB_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0)

PREFIXES = ("analytics_worker", "reporting_worker")
"""The second is for who comes with dashboards of the service that had this name."""


class Figures:
    """Of one process, in a registry of its own. A tick is a round of refreshing, ``success`` or ``error``."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self._ticks = [
            (
                Counter(f"{prefix}_ticks", "Rounds of refreshing.", ["status"], registry=registry),
                Histogram(
                    f"{prefix}_tick_duration_seconds", "How long they took.", buckets=TICK_SECONDS, registry=registry
                ),
            )
            for prefix in PREFIXES
        ]
        # From zero on, so that the first one is seen to be one more.
        for count, _ in self._ticks:
            for status in ("success", "error"):
                count.labels(status)
        self._jobs = Counter("jobs", "Jobs that ended here.", ["task", "status"], registry=registry)
        self._job_seconds = Histogram(
            "job_duration_seconds", "How long they took.", ["task"], buckets=JOB_SECONDS, registry=registry
        )
        self._waiting = Gauge("jobs_waiting", "Jobs that could begin, of all workers.", ["queue"], registry=registry)
        self._oldest = Gauge(
            "jobs_oldest_waiting_seconds", "For how long the oldest of them waits.", ["queue"], registry=registry
        )
        self._running = Gauge("jobs_running", "Jobs that run, of all workers.", ["queue"], registry=registry)
        for collector in (ProcessCollector(registry=None), PlatformCollector(registry=None), *EVENTS, *OUTBOX):
            registry.register(collector)

    def note_tick(self, seconds: float, failed: bool) -> None:
        for count, duration in self._ticks:
            count.labels("error" if failed else "success").inc()
            duration.observe(seconds)

    def note_job(self, task: str, status: str, seconds: float) -> None:
        """``status`` is SUCCEEDED, FAILED, CANCELLED or INTERRUPTED."""
        self._jobs.labels(task, status).inc()
        self._job_seconds.labels(task).observe(seconds)

    def set_depths(self, depths: Iterable[QueueDepth] | None) -> None:
        """As of now; None where it is not known."""
        for gauge in (self._waiting, self._oldest, self._running):
            gauge.clear()
        if depths is None:
            return
        found = {depth.queue: depth for depth in depths}
        for queue in {*Queue, *found}:
            depth = found.get(queue) or QueueDepth(queue, 0, 0.0, 0)
            self._waiting.labels(queue).set(depth.waiting)
            self._oldest.labels(queue).set(depth.oldest_seconds)
            self._running.labels(queue).set(depth.running)
