"""What Prometheus is told, and that the alerts ask for what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from db.queries.jobs import QueueDepth
from workers.figures import Figures
from workers.ticks import Ticks

RULES = Path(__file__).parents[2] / "config" / "prometheus" / "workers.yaml"


def told(figures: Figures) -> str:
    return generate_latest(figures.registry).decode()


def test_alerts_ask_for_figures_that_there_are() -> None:
    figures = Figures()
    figures.note_tick(91.0, True)
    figures.note_job("exports:make", "SUCCEEDED", 1.0)
    figures.note_job("exports:make", "FAILED", 1.0)
    figures.set_depths([])
    samples = told(figures)
    selectors = re.findall(
        r"\b((?:analytics|events|jobs)_[a-z_]+)(\{[^}]*\})?", "\n".join(re.findall("expr: .*", RULES.read_text()))
    )
    assert len(selectors) == 8
    for name, labels in selectors:
        lines = [line for line in samples.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        for label in re.findall(r'\w+="[^"]+"', labels):
            lines = [line for line in lines if label in line]
        assert lines, f"nothing is called {name}{labels}"


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
