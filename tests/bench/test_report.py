"""The report is made from all figures there are, whichever command measured them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    results, text = tmp_path / "results.json", tmp_path / "RESULTS.md"
    monkeypatch.setattr(report, "RESULTS", results)
    monkeypatch.setattr(report, "REPORT", text)
    return results, text


def test_figures_of_several_commands(files: tuple[Path, Path]) -> None:
    results, text = files
    report.save("foundation", "scoregraph bench foundation", {"fold_large_vs_small": 1.25, "idle_gateway_mib": 100.0})
    report.save("peers", "scoregraph bench peers", {"q2_vs_postgraphile": 2.0, "fanout_speedup": 50.0})
    report.save("peers", "scoregraph bench peers --only q2", {"q2_vs_postgraphile": 2.75})
    found = json.loads(results.read_text())
    assert (found["fold_large_vs_small"], found["q2_vs_postgraphile"], found["fanout_speedup"]) == (1.25, 2.75, 50.0)
    lines = text.read_text().splitlines()
    assert "| large / small | 1.25 | ≤ 1.5 |" in lines
    assert [line for line in lines if "≥ 2.5" in line] == [
        "| Q2, a group page of 33 members × card × 20 topics: requests/s, ours / PostGraphile | 2.75 | ≥ 2.5 |"
    ]
    assert any("`scoregraph bench peers --only q2`" in line for line in lines)
    assert any("`scoregraph bench foundation`" in line for line in lines)


def test_the_report_that_is_kept_is_that_of_the_figures() -> None:
    assert report.REPORT.read_text() == report.report(json.loads(report.RESULTS.read_text()))
