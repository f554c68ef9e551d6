"""Runs the real `scoregraph` command in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CLI = Path(__file__).parents[1] / "cli.py"
SECRET = "0123456789abcdef0123456789abcdef"


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Nothing of ours from outside: what the tests do does not depend on the shell they run in."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "SCOREGRAPH_DATA_DIR": str(data_dir), "COLUMNS": "200", "NO_COLOR": "1", **variables}


def scoregraph(data_dir: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [sys.executable, str(CLI), *arguments],
        env=environment(data_dir, **variables),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def start_scoregraph(data_dir: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Starts a command; its standard input is a pipe that stays open, its output are pipes."""
    return subprocess.Popen(
        [sys.executable, str(CLI), *arguments],
        env=environment(data_dir, **variables),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence that a command failed with."""
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines, "it said nothing"
    assert lines[-1].startswith("scoregraph: "), done.stderr
    return lines[-1].removeprefix("scoregraph: ")
