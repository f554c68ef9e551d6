"""A running pair of embedded servers: start, stop, and how other processes find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from db.embedded.errors import EmbeddedError
from db.embedded.launcher import Launcher, ServerUser
from db.embedded.orphans import end_orphans, instance_mark, is_marked
from db.embedded.postgres import DATABASE, MAJOR_VERSION, SUPERUSER, Postgres
from db.embedded.programs import programs_for
from db.embedded.state import (
    LOOPBACK,
    RunningRecord,
    choose_ports,
    make_passwords,
    read_passwords,
    read_running,
)
from db.embedded.valkey import Valkey
from settings import DatabaseRole

ADMIN: Final = "admin"
Login = DatabaseRole | Literal["admin"]

POSTGRES, VALKEY = SERVERS = ("postgres", "valkey")
PASSWORDS = (SUPERUSER, *DatabaseRole, VALKEY)


@dataclass(frozen=True)
class Endpoints:
    """How to reach the servers. The URLs hold passwords, which is why they stay out of the representation."""

    database_urls: Mapping[Login, str] = field(repr=False)
    redis_url: str = field(repr=False)
    pids: Mapping[str, int]


class Embedded:
    """PostgreSQL and Valkey of one data directory, alive between `start` and `stop`, or within ``with``.

    They end with this process, however it ends. With ``durable=False`` (tests) a power cut may cost the data.
    """

    def __init__(
        self, data_dir: Path, *, progress: Callable[[str], None] = lambda line: None, durable: bool = True
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._progress = progress
        self._durable = durable
        self._running = ExitStack()

    def __enter__(self) -> Endpoints:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Endpoints:
        """Start both servers, making their data if there are none, and wait until they answer."""
        try:
            return self._start()
        except OSError as error:
            self.stop()
            raise EmbeddedError(
                f"{error.filename or self.data_dir} cannot be used ({error.strerror}): "
                "correct that, or choose another data directory with SCOREGRAPH_DATA_DIR."
            ) from error
        except BaseException:
            self.stop()
            raise

    def _start(self) -> Endpoints:
        if self.data_dir.exists() and not self.data_dir.is_dir():
            raise EmbeddedError(
                f"{self.data_dir} is in the way, it is no directory: "
                "move it elsewhere, or choose another data directory with SCOREGRAPH_DATA_DIR."
            )
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        record = RunningRecord(self.data_dir)
        self._running.callback(record.release)
        record.acquire()
        mark = instance_mark(self.data_dir)
        end_orphans(mark)

        user = ServerUser.for_data(self.data_dir / "postgres")
        programs = programs_for(user)
        launcher = Launcher(user)
        self._running.callback(launcher.close)
        postgres = Postgres(self.data_dir, programs, launcher, durable=self._durable)
        valkey = Valkey(self.data_dir, programs, launcher, durable=self._durable)

        if Postgres.exists(self.data_dir):
            passwords = read_passwords(self.data_dir, PASSWORDS)
        else:
            self._progress(f"Creating the PostgreSQL {MAJOR_VERSION} database in {self.data_dir} …")
            passwords = make_passwords(self.data_dir, PASSWORDS)
            postgres.create(passwords[SUPERUSER])

        self._progress(f"Starting PostgreSQL {MAJOR_VERSION} and Valkey 9 …")
        ports = choose_ports(self.data_dir, SERVERS)
        self._running.callback(valkey.stop)
        self._running.callback(postgres.stop)
        pids = {
            POSTGRES: postgres.launch(ports[POSTGRES], mark),
            VALKEY: valkey.launch(ports[VALKEY], passwords[VALKEY], mark),
        }
        valkey.wait(ports[VALKEY], passwords[VALKEY])
        postgres.wait()
        record.write({name: {"pid": pids[name], "port": ports[name]} for name in SERVERS})
        return _endpoints(ports, passwords, pids)

    def stop(self) -> None:
        """Stop the servers in order, PostgreSQL first, and wait for them. Does nothing a second time."""
        self._running.close()


def read_endpoints(data_dir: Path) -> Endpoints | None:
    """The endpoints of the instance that another process runs on this data directory, if one does."""
    servers = read_running(data_dir)
    if set(servers) != set(SERVERS):
        return None
    mark = instance_mark(data_dir)
    if not all(is_marked(server["pid"], mark) for server in servers.values()):
        return None
    passwords = read_passwords(data_dir, PASSWORDS)
    ports = {name: server["port"] for name, server in servers.items()}
    return _endpoints(ports, passwords, {name: server["pid"] for name, server in servers.items()})


def grant_logins(endpoints: Endpoints) -> None:
    """Let the roles that the migrations made without login in, each with the password of its URL.

    Idempotent. The server gets the hash and never sees the password.
    """
    with psycopg.connect(endpoints.database_urls[ADMIN]) as connection:
        for role in DatabaseRole:
            password = str(conninfo_to_dict(endpoints.database_urls[role])["password"])
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), verifier.decode())
            )


def _endpoints(ports: Mapping[str, int], passwords: Mapping[str, str], pids: Mapping[str, int]) -> Endpoints:
    def database_url(login: str) -> str:
        return f"postgresql://{login}:{passwords[login]}@{LOOPBACK}:{ports[POSTGRES]}/{DATABASE}"

    urls: dict[Login, str] = {role: database_url(role) for role in DatabaseRole}
    urls[ADMIN] = database_url(SUPERUSER)
    return Endpoints(urls, f"redis://:{passwords[VALKEY]}@{LOOPBACK}:{ports[VALKEY]}/0", pids)
