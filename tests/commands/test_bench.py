"""``scoregraph bench`` says what it needs, in a checkout and without one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commanding import complaint, environment, scoregraph

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (("--only", "q2,q9"), 2, "There is no measurement q9: choose from q1, q2, q3, "),
        (
            ("--data-dir", "/nowhere/at/all"),
            1,
            "There are no seeded databases in /nowhere/at/all: run `scoregraph bench seed`",
        ),
    ],
)
def test_what_cannot_be_measured(tmp_path: Path, arguments: tuple[str, ...], exit_code: int, sentence: str) -> None:
    done = scoregraph(tmp_path, "bench", "peers", *arguments)
    assert done.returncode == exit_code
    assert complaint(done).startswith(sentence)
    assert not Path("/nowhere").exists()


def test_without_a_checkout(tmp_path: Path) -> None:
    # As in an installed wheel: the commands, and no bench beside them.
    installed = tmp_path / "site-packages"
    shutil.copytree(CHECKOUT / "commands", installed / "commands", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "cli.py", installed)
    for arguments in (("seed",), ("peers", "--only", "q1")):
        done = subprocess.run(
            [sys.executable, str(installed / "cli.py"), "bench", *arguments],
            env=environment(tmp_path / "data"),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "run it in a checkout" in complaint(done)
