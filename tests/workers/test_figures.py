"""What Prometheus is told of a worker."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from db.queries.jobs import QueueDepth
from workers.figures import Figures
from workers.ticks import Ticks


def told(figures: Figures) -> str:
    return generate_latest(figures.registry).decode()


def test_ticks_are_counted_under_both_names() -> None:
    figures = Figures()
    figures.note_tick(91.0, True)
    figures.note_tick(1.0, False)
    for line in (
        'analytics_worker_ticks_total{status="error"} 1.0',
        'reporting_worker_ticks_total{status="success"} 1.0',
        "reporting_worker_errors_total 1.0",
        'analytics_worker_tick_duration_seconds_bucket{le="90.0"} 1.0',
    ):
        assert line in told(figures).splitlines()


def test_depths_that_are_not_known_are_not_told() -> None:
    figures = Figures()
    figures.set_depths([QueueDepth("exports", 3, 12.5, 1)])
    assert 'jobs_oldest_waiting_seconds{queue="exports"} 12.5' in told(figures)
    figures.set_depths(None)
    assert "jobs_waiting{" not in told(figures)


async def test_ticks_that_fail_or_take_long_are_complained_of() -> None:
    ticks = Ticks()

    async def fine() -> None:
        pass

    async def broken() -> None:
        raise ValueError

    await ticks.run(fine)
    assert (ticks.count, ticks.failed, ticks.complaint) == (1, 0, None)
    with pytest.raises(ValueError):  # noqa: PT011 - its own
        await ticks.run(broken)
    assert (ticks.count, ticks.failed) == (2, 1)
    assert ticks.complaint is not None
    await ticks.run(fine)
    assert ticks.complaint is None
    ticks.last_seconds = 91.0
    assert ticks.complaint is not None
