"""The small files of a data directory: passwords, ports, and the record of who is running, also the lock."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, TextIO

from db.embedded.errors import AlreadyRunning, EmbeddedError

LOOPBACK = "127.0.0.1"


def write_private(path: Path, text: str) -> None:
    """Write a whole file for the owner of its folder alone; a crash leaves the old one or the new one."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        _give_to_owner_of_folder(file.fileno(), path)
    new.rename(path)


def open_log(path: Path, mode: Literal["w", "a"]) -> TextIO:
    """A file for what a server says, for our eyes alone."""

    def private(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o600)

    return open(path, mode, encoding="utf-8", opener=private)


def read_passwords(data_dir: Path, logins: Iterable[str]) -> Mapping[str, str]:
    """The passwords of `logins`, as they were made with the database."""
    path = data_dir / "passwords.json"
    try:
        found = json.loads(path.read_text())
        return {login: str(found[login]) for login in logins}
    except PermissionError:
        raise _not_the_owner(path) from None
    except (OSError, ValueError, KeyError, TypeError):
        # Nothing of the original error: it quotes the file.
        raise EmbeddedError(
            f"The database in {data_dir} exists but its passwords in {path} are missing or damaged: "
            f"restore that file, or move {data_dir} away to begin anew."
        ) from None


def make_passwords(data_dir: Path, logins: Iterable[str]) -> Mapping[str, str]:
    passwords = {login: secrets.token_urlsafe(32) for login in logins}
    write_private(data_dir / "passwords.json", json.dumps(passwords, indent=2))
    return passwords


def choose_ports(data_dir: Path, names: Iterable[str]) -> Mapping[str, int]:
    """A free port for each name: the one of last time if it still is."""
    path = data_dir / "ports.json"
    before = _read_object(path)
    with ExitStack() as probes:  # all held until all are chosen, so that no port is chosen twice
        ports = {name: _free_port(probes.enter_context(socket.socket()), before.get(name)) for name in names}
    if ports != before:
        write_private(path, json.dumps(ports))
    return ports


def _free_port(probe: socket.socket, wanted: object) -> int:
    # As the servers do: connections of the last run that linger do not make a port taken.
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((LOOPBACK, wanted if isinstance(wanted, int) else 0))
    except (OSError, OverflowError):
        probe.bind((LOOPBACK, 0))
    return int(probe.getsockname()[1])


class RunningRecord:
    """``running.json``: locked as long as an instance runs; the lock ends with the process."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "running.json"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            pid = _read_object(self.path).get("pid", "unknown")
            raise AlreadyRunning(
                f"Scoregraph is already running on this data directory (pid {pid}): "
                "stop it first, or choose another with SCOREGRAPH_DATA_DIR."
            ) from None
        self._descriptor = descriptor
        _give_to_owner_of_folder(descriptor, self.path)
        self.write({})

    def write(self, servers: Mapping[str, Mapping[str, int]]) -> None:
        assert self._descriptor is not None, "acquired before it is written"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps({"pid": os.getpid(), "servers": servers}).encode(), 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None


def read_running(data_dir: Path) -> Mapping[str, Mapping[str, int]]:
    """Port and pid of each server, as the running instance recorded them; empty without one."""
    servers = _read_object(data_dir / "running.json").get("servers", {})
    return servers if isinstance(servers, dict) else {}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except PermissionError:
        raise _not_the_owner(path) from None
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _give_to_owner_of_folder(descriptor: int, path: Path) -> None:
    """What root writes into somebody's data directory (``sudo scoregraph``) still belongs to them."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)


def _not_the_owner(path: Path) -> EmbeddedError:
    return EmbeddedError(f"Only the owner of {path} may use this data directory: run Scoregraph as that user.")
