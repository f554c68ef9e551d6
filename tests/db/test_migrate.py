"""Migrating: twice changes nothing, two at the same time both succeed, newer databases are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from threading import Barrier

import psycopg
import pytest
from alembic import command
from psycopg import errors
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from db.engine import sqlalchemy_url
from db.migrate import MigrationError, migrate, migration_config, newest_revision
from db.migrations.files import DB, run_script
from settings import DatabaseRole
from tests.conftest import Database, Servers
from tests.db.exactness import Reader
from tests.db.learning import (
    LIVE_VIEWS,
    Connection,
    add_attempt,
    add_lab,
    add_organization,
    add_topic,
    add_user,
    fold,
    read_totals,
)

_numbers = count(1)


@pytest.fixture
def empty(servers: Servers, template: str) -> Iterator[Database]:
    """A database that was never migrated, on a server that has the roles."""
    name = f"scoregraph_migrate_{next(_numbers)}"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name}")
        yield Database(make_url(servers.admin_url).set(database=name).render_as_string(hide_password=False))
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def objects(connection: Connection) -> list[tuple[object, ...]]:
    """Every relation, function, policy and trigger with its definition and rights."""
    return connection.execute(
        """
        SELECT c.oid::regclass::text, c.oid, c.relfilenode::text, c.relacl::text FROM pg_class c
        WHERE c.relnamespace::regnamespace::text IN ('public', 'internal')
        UNION ALL SELECT p.oid::regprocedure::text, p.oid, pg_get_functiondef(p.oid), p.proacl::text FROM pg_proc p
        WHERE p.pronamespace::regnamespace::text IN ('public', 'internal') AND p.prokind = 'f'
        UNION ALL SELECT polname, oid, polrelid::regclass::text, polroles::text FROM pg_policy
        UNION ALL SELECT tgname, oid, tgrelid::regclass::text, NULL FROM pg_trigger
        ORDER BY 1, 2
        """
    ).fetchall()


def test_a_second_migration_does_nothing(empty: Database) -> None:
    lines: list[str] = []
    status = migrate(empty.url, lines.append)
    assert status.is_current
    assert status.current == newest_revision()
    assert len(lines) == 1
    with empty.connect(None) as connection:
        before = objects(connection)
        assert len(before) > 100
        lines.clear()
        assert migrate(empty.url, lines.append) == status
        assert lines == [], "there was nothing to report"
        assert objects(connection) == before


def test_data_outlives_a_second_migration(empty: Database) -> None:
    migrate(empty.url)
    with empty.connect() as connection:
        organization_id = add_organization(connection)
        user_id, lab_id = add_user(connection, organization_id), add_lab(connection, organization_id)
        add_attempt(connection, organization_id, user_id, lab_id)
        fold(connection)
        before = read_totals(connection, "user_totals_live")
        migrate(empty.url)
        assert read_totals(connection, "user_totals_live") == before != {}


def test_a_newer_database_is_refused(empty: Database) -> None:
    migrate(empty.url)
    with empty.connect(None) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        before = objects(connection)
        with pytest.raises(MigrationError, match="9999"):
            migrate(empty.url)
        assert objects(connection) == before
        assert connection.execute("TABLE alembic_version").fetchall() == [("9999",)]
        # the refused migrator has let go of its lock
        held = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        held += " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        while connection.execute(held).fetchone() != (0,):
            pass
        connection.execute("UPDATE alembic_version SET version_num = %s", (newest_revision(),))
    assert migrate(empty.url).is_current


def test_two_migrators_take_turns(empty: Database) -> None:
    both = Barrier(2)
    lines: list[str] = []

    def run(_: int) -> bool:
        both.wait()
        return migrate(empty.url, lines.append).is_current

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, range(2))) == [True, True]
    assert len(lines) == 1, "one of them found nothing to do"
    with empty.connect() as connection:
        assert connection.execute("TABLE alembic_version").fetchall() == [(newest_revision(),)]


def test_a_failed_migration_leaves_nothing(empty: Database) -> None:
    """Something stands in the way of the last file: all that came before it is undone."""
    with empty.connect(None) as connection:
        connection.execute("CREATE FUNCTION live_ranks(for_user_ids bigint[]) RETURNS int LANGUAGE sql RETURN 1")
        with pytest.raises(Exception, match="live_ranks"):
            migrate(empty.url)
        assert connection.execute("SELECT to_regclass('attempts'), to_regnamespace('internal')").fetchone() == (
            None,
            None,
        )
        connection.execute("DROP FUNCTION live_ranks")
    assert migrate(empty.url).is_current


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.WORKER])
def test_everything_belongs_to_the_owner(new_database: Callable[[], Database], role: DatabaseRole) -> None:
    with new_database().connect(None) as connection:
        strangers = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'S')"
            " AND relnamespace::regnamespace::text IN ('public', 'internal')"
            " AND relowner <> 'scoregraph_owner'::regrole"
        ).fetchall()
        assert strangers == []
        for schema in ("public", "internal"):
            row = connection.execute("SELECT has_schema_privilege(%s, %s, 'CREATE')", (role, schema)).fetchone()
            assert row == (False,)


# --- a database in use --------------------------------------------------------------------------------


def upgrade(database: Database, revision: str) -> None:
    """No further than to a revision."""
    engine = create_engine(sqlalchemy_url(database.url), poolclass=NullPool)
    with engine.connect() as connection:
        run_script(connection, DB / "roles.sql")
        connection.execute(text(f"SET ROLE {DatabaseRole.OWNER}"))
        connection.commit()
        command.upgrade(migration_config(connection), revision)
        connection.commit()
    engine.dispose()


@pytest.fixture
def foundation(empty: Database) -> Database:
    """A database of the first revision, in use: some changes are folded, some pending, some taken back."""
    upgrade(empty, "0001")
    with empty.connect() as connection:
        organization_id = add_organization(connection, "Europe/Madrid")
        people = [add_user(connection, organization_id) for _ in range(3)]
        labs = [add_lab(connection, organization_id) for _ in range(4)]
        for topic_labs in (labs[:2], labs[1:3], []):
            add_topic(connection, organization_id, topic_labs)
        for is_pending in (False, True):
            for number, user_id in enumerate(people):
                for lab_id in labs[number:]:
                    add_attempt(connection, organization_id, user_id, lab_id, difficulty=number, due_at="2025-06-02Z")
            connection.execute("UPDATE attempts SET deleted_at = now() WHERE id = (SELECT min(id) FROM attempts)")
            if not is_pending:
                fold(connection)
    return empty


def test_a_database_in_use_comes_along(foundation: Database) -> None:
    assert migrate(foundation.url).is_current
    with foundation.connect() as connection, closing(Reader(foundation)) as reader:
        reader.check()
        assert len(read_totals(connection, "user_topic_totals")) == 5
        before = {view: read_totals(connection, view) for view in LIVE_VIEWS}
        assert fold(connection) > 0
        assert {view: read_totals(connection, view) for view in LIVE_VIEWS} == before
        assert {view: read_totals(connection, view.removesuffix("_live")) for view in LIVE_VIEWS} == before


@contextmanager
def at_work(database: Database) -> Iterator[tuple[Connection, Connection, Connection]]:
    """Who migrates, a worker, and one who waits for no lock."""
    with (
        database.connect() as migrator,
        database.connect(DatabaseRole.WORKER) as worker,
        database.connect(DatabaseRole.WORKER) as hasty,
    ):
        hasty.execute("SET lock_timeout = '100ms'")
        yield migrator, worker, hasty


def test_life_goes_on_while_topics_are_added_up(foundation: Database) -> None:
    """Attempts are recorded and answers read before the migration is committed. What moves sums waits, and for a little
    longer: a fold may have read its old body, which knows nothing of topics.
    """
    scripts = [DB / f"migrations/sql/0002_{name}.sql" for name in ("topic_totals", "fold", "add_up")]
    with at_work(foundation) as (migrator, worker, hasty):
        somebody = worker.execute("SELECT organization_id, user_id, lab_id FROM attempts").fetchone() or ()
        before = read_totals(worker, "user_lab_totals_live")
        assert worker.execute("SELECT count(*) FROM attempt_deltas").fetchone() != (0,)
        with migrator.transaction():
            for script in scripts:
                migrator.execute(script.read_text())
            assert fold(worker) == 0
            assert read_totals(worker, "user_lab_totals_live") == before
            add_attempt(worker, *somebody)
            assert worker.execute("SELECT count(*) FROM lab_topics").fetchone() == (4,)
            for change in ("DELETE FROM lab_topics", "UPDATE lab_topics SET topic_id = topic_id"):
                with pytest.raises(errors.LockNotAvailable):
                    hasty.execute(change)
        assert fold(worker) == 0
        migrator.execute((DB / "views/user_topic_totals_live_v01.sql").read_text())
        migrator.close()
        assert read_totals(worker, "user_lab_totals_live") != before
        while not fold(worker):
            pass
        hasty.execute("DELETE FROM lab_topics WHERE lab_id = (SELECT min(lab_id) FROM lab_topics)")
        with foundation.connect() as owner:
            for path in ("migrations/sql/0003_topic_packs.sql", "views/user_topic_packs_live_v01.sql"):
                owner.execute((DB / path).read_text())
        with closing(Reader(foundation)) as reader:
            reader.check()


def test_life_goes_on_while_topics_are_packed(foundation: Database) -> None:
    """Attempts are recorded and answers read before the migration is committed; what moves sums or titles waits."""
    upgrade(foundation, "0002")
    with at_work(foundation) as (migrator, worker, hasty):
        somebody = worker.execute("SELECT organization_id, user_id, lab_id FROM attempts").fetchone() or ()
        before = read_totals(worker, "user_topic_totals_live")
        with migrator.transaction():
            migrator.execute((DB / "migrations/sql/0003_topic_packs.sql").read_text())
            assert fold(worker) == 0
            assert read_totals(worker, "user_topic_totals_live") == before
            add_attempt(worker, *somebody)
            for change in ("DELETE FROM lab_topics", "UPDATE topics SET title = 'another'"):
                with pytest.raises(errors.LockNotAvailable):
                    hasty.execute(change)
        migrator.execute((DB / "views/user_topic_packs_live_v01.sql").read_text())
        with closing(Reader(foundation)) as reader:
            reader.check()
            assert fold(worker) > 0
            reader.check()
            hasty.execute("UPDATE topics SET title = 'another'")
            reader.check()
