"""PostgreSQL and Valkey that a test may kill, stop and start again, which those of all other tests are not for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from db.embedded.launcher import Launcher, ServerUser
from db.embedded.postgres import DATABASE, SUPERUSER, Postgres
from db.embedded.programs import programs_for
from db.embedded.state import LOOPBACK, choose_ports
from db.embedded.valkey import Valkey
from db.migrate import migrate
from tests.conftest import Database, Servers
from tests.school import build_school

PASSWORD = "of-no-worth"
MARK = "resilience"


class OwnServers:
    """Both, on ports that they keep. The database holds the school."""

    def __init__(self, data_dir: Path) -> None:
        user = ServerUser.for_data(data_dir / "postgres")
        user.own(data_dir)
        programs = programs_for(user)
        self._launcher = Launcher(user)
        self._postgres = Postgres(data_dir, programs, self._launcher, durable=False)
        self._valkey = Valkey(data_dir, programs, self._launcher, durable=False)
        self._ports = choose_ports(data_dir, ("postgres", "valkey"))
        self._pids: dict[str, int] = {}
        url = f"postgresql://{SUPERUSER}:{PASSWORD}@{LOOPBACK}:{self._ports['postgres']}/{DATABASE}"
        self.database = Database(url)
        self.servers = Servers(url, f"redis://:{PASSWORD}@{LOOPBACK}:{self._ports['valkey']}/0")

    def start(self) -> None:
        self._postgres.create(PASSWORD)
        self.start_postgres()
        self.start_valkey()
        migrate(self.database.url)
        with self.database.connect() as owner:
            build_school(owner)

    def stop(self) -> None:
        for pid in self._pids.values():
            if psutil.pid_exists(pid):
                self._signal(pid, signal.SIGCONT)
        self._valkey.stop()
        self._postgres.stop()
        self._launcher.close()

    def start_postgres(self) -> None:
        self._pids["postgres"] = self._postgres.launch(self._ports["postgres"], MARK)
        self._postgres.wait()

    def start_valkey(self) -> None:
        self._pids["valkey"] = self._valkey.launch(self._ports["valkey"], PASSWORD, MARK)
        self._valkey.wait(self._ports["valkey"], PASSWORD)

    def kill(self, name: str) -> None:
        """Returns when nothing is left of it, as it must be before it is started again."""
        family = self._signal(self._pids.pop(name), signal.SIGKILL)
        # The server itself is our child: this also takes leave of it.
        {"postgres": self._postgres, "valkey": self._valkey}[name].stop()
        psutil.wait_procs(family, 20)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Neither answers nor hangs up."""
        self._signal(self._pids[name], signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(self._pids[name], signal.SIGCONT)

    @contextmanager
    def stopped_backend(self, application: str) -> Iterator[None]:
        """One connection neither says nor takes anything, while all is well with the others."""
        with self.database.connect(None) as admin:
            [[pid]] = admin.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", (application,))
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @staticmethod
    def _signal(pid: int, number: int) -> list[psutil.Process]:
        server = psutil.Process(pid)
        family = [server, *server.children(recursive=True)]
        for process in family:
            # A child may have ended meanwhile: one that was stopped, because the one before it went on.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return family
