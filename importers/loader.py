"""Loads staged rows into one organization, each stage in a transaction of its own.

Made for many rows: COPY into staging tables, merged by set (``db/queries/bulk_load.py``). Killed at any moment, a load
leaves whole stages or nothing of one, and running it again finishes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any, LiteralString, Self, cast

import psycopg

from db.engine import DatabaseUnavailable, place_of, sqlalchemy_url
from db.queries import bulk_load
from settings import DatabaseRole

Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""

Row = Sequence[str]
"""Cells in the order of the staging table's columns, as ``cell`` makes them; "" is null."""

ROWS_PER_COPY = 5_000
ROWS_PER_INSERT = 40_000
CHANGES_PER_FOLD = 50_000
BUSY_SECONDS = 120.0
"""How long to wait for another folder or refresher before leaving the rest to it."""

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class ImportFailed(Exception):
    """The import cannot go on. The message is for the operator: what is wrong, where, and what was kept."""


def silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""


def cell(value: object) -> str:
    """A value as a cell of COPY's text format; None is null, an empty text becomes null too."""
    return "" if value is None else str(value).translate(_ESCAPES)


def array_cell(values: Iterable[str]) -> str:
    """An array of texts that need no quoting (codes, names of skills)."""
    return cell("{" + ",".join(f'"{value}"' for value in values) + "}")


class Loader:
    """A connection that loads one organization: as the owner where the login may, else as the worker.

    Raises DatabaseUnavailable on entering, psycopg.Error in use.
    """

    def __init__(self, database_url: str, slug: str, progress: Progress = silent) -> None:
        self._url = database_url
        self._slug = slug
        self._progress = progress
        self._organization: int | None = None

    def __enter__(self) -> Self:
        conninfo = sqlalchemy_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            self.connection = psycopg.connect(
                conninfo,
                autocommit=True,
                connect_timeout=5,
                options="-c timezone=UTC -c jit=off",
                application_name="scoregraph import",
            )
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"The database at {place_of(self._url)} cannot be reached.") from error
        self._may_own = self._may_become_owner()
        self.connection.execute(f"SET ROLE {DatabaseRole.OWNER if self._may_own else DatabaseRole.WORKER}")
        return self

    def _may_become_owner(self) -> bool:
        return bool(self._value("SELECT pg_has_role(%(role)s, 'SET')", role=DatabaseRole.OWNER))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One stage: all of it or nothing; another load of the organization waits."""
        with self.connection.transaction():
            self.connection.execute("SET LOCAL work_mem = '64MB'")
            self.connection.execute(bulk_load.LOCK_ORGANIZATION, {"slug": self._slug})
            yield

    def for_organization(self, slug: str) -> None:
        """Loads into another organization from here on."""
        self._slug, self._organization = slug, None

    def create_organization(self, name: str, time_zone: str) -> int:
        """Makes the organization where there is none of that slug. Gives how many were made."""
        return self.connection.execute(
            bulk_load.CREATE_ORGANIZATION, {"slug": self._slug, "name": name, "time_zone": time_zone}
        ).rowcount

    def exists(self) -> bool:
        return bool(self._value(f"SELECT EXISTS ({bulk_load.FIND_ORGANIZATION})", slug=self._slug))

    @property
    def organization(self) -> int:
        """The organization's id, which must exist."""
        if self._organization is None:
            self._organization = cast(int, self._value(bulk_load.FIND_ORGANIZATION, slug=self._slug))
        return self._organization

    def merge(self, table: LiteralString, statement: LiteralString, rows: Iterable[Row]) -> int:
        """Stages rows and merges them. Gives how many were new."""
        self.stage(table, rows)
        return self.connection.execute(statement, {"organization": self.organization}).rowcount

    def stage(self, table: LiteralString, rows: Iterable[Row], only: LiteralString = "") -> None:
        """Puts rows into a staging table, which lives until the end of the transaction.

        ``only`` names the columns that the rows have, in parentheses; the others are null.
        """
        columns = bulk_load.STAGING[table]
        name = table
        self.connection.execute(f"DROP TABLE IF EXISTS {name}")
        self.connection.execute(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DROP")
        iterator = iter(rows)
        with self.connection.cursor().copy(f"COPY {name} {only} FROM STDIN (NULL '')") as copy:
            while batch := list(islice(iterator, ROWS_PER_COPY)):
                copy.write("".join(["\t".join(row) + "\n" for row in batch]))
        self.connection.execute(f"ANALYZE {name}")

    def merge_attempts(self, stage: str, rows: Iterable[Row], total: int, only: LiteralString = "") -> tuple[int, int]:
        """Stages attempts and inserts those that are not there by their source.

        Gives how many were inserted, and how many of those that were there differ from what was staged.
        """
        self._progress(stage, 0, total)
        self.stage("staged_attempts", rows, only)
        differing = cast(int, self._value(bulk_load.COUNT_DIFFERING_ATTEMPTS, organization=self.organization))
        self.connection.execute(bulk_load.PREPARE_ATTEMPTS, {"organization": self.organization})
        new = cast(int, self._value("SELECT count(*) FROM new_attempts"))
        inserted = 0
        for after in range(0, new, ROWS_PER_INSERT):
            upto = min(after + ROWS_PER_INSERT, new)
            inserted += self.connection.execute(
                bulk_load.INSERT_ATTEMPTS, {"organization": self.organization, "after": after, "upto": upto}
            ).rowcount
            self._progress(stage, total - new + upto, total)
        self.connection.execute("DROP TABLE new_attempts")
        if not new:
            self._progress(stage, total, total)
        return inserted, differing

    def settle(self) -> None:
        """Does what a worker would: statistics for the planner, folds, refreshed views. Nothing where nothing is due.

        Where a worker is at it, waits for it; what is left after two minutes stays the worker's.
        """
        if self._value(bulk_load.COUNT_PENDING):
            self._analyze("attempts, attempt_deltas")
            self._fold()
            self._analyze(
                "user_totals, user_lab_totals, user_topic_totals, user_topic_packs, user_days, lab_days, attempt_deltas"
            )
        names = [str(name) for (name,) in self.connection.execute(bulk_load.LIST_STALE_VIEWS).fetchall()]
        for number, name in enumerate(names):
            self._progress("views", number, len(names))
            self._until_free(bulk_load.REFRESH, name=name)
        self._progress("views", len(names), len(names))

    def analyze_roster(self) -> None:
        """Tells the planner about who and what there is, before attempts are joined to it."""
        self._analyze("users, groups, group_memberships, labs, assignments")

    def _analyze(self, tables: LiteralString) -> None:
        if self._may_own:  # the worker may not; then autovacuum does it within a minute
            self.connection.execute(f"ANALYZE {tables}")

    def _fold(self) -> None:
        total = pending = cast(int, self._value(bulk_load.COUNT_PENDING))
        while pending:
            self._progress("fold", max(total - pending, 0), max(total, pending))
            self._until_free(bulk_load.FOLD, max_changes=CHANGES_PER_FOLD)
            before, pending = pending, cast(int, self._value(bulk_load.COUNT_PENDING))
            if pending >= before:
                break  # changes come faster than they are folded: a live system, with a worker
        self._progress("fold", total, total)

    def _until_free(self, statement: LiteralString, **values: object) -> None:
        """Runs a statement until it gives something true: it gives nothing while somebody else does the same."""
        give_up = time.monotonic() + BUSY_SECONDS
        while not self._value(statement, **values):
            if time.monotonic() > give_up or (statement == bulk_load.FOLD and not self._value(bulk_load.COUNT_PENDING)):
                return
            time.sleep(0.1)

    def _value(self, statement: LiteralString, **values: object) -> Any:
        row = self.connection.execute(statement, values).fetchone()
        return row and row[0]
