"""One demo per data directory: a locked file that says which process it is and where it answers."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from commands.errors import CommandError


class DemoLock:
    """``demo.json`` of a data directory, held as long as the process lives, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self._file = open(os.open(data_dir / "demo.json", flags, 0o600), "r+", encoding="utf-8")  # noqa: SIM115
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(self._file.read())
            self._file.close()
            raise CommandError(
                f"The demo is already running (pid {holder.get('pid', 'unknown')}) on {holder.get('url', 'this machine')}: "
                "open that, stop it first, or choose another --data-dir."
            ) from None

    def note(self, url: str) -> None:
        """Says where this demo answers."""
        self._file.seek(0)
        self._file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, self._file)
        self._file.flush()

    def release(self) -> None:
        self._file.truncate(0)
        self._file.close()


def _read(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
