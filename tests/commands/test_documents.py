"""`scoregraph documents` as an operator meets it: real processes on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import psycopg
import pytest
from psycopg import errors

from db.changes import CHANNEL
from db.queries.trusted_documents import CHANGE_TAG
from execution.document_ids import hash_of
from settings import DatabaseRole
from tests.commanding import complaint, scoregraph
from tests.conftest import Database, Servers

ROLE = "query Role { viewer { role } }"
NAME = "query Name { viewer { user { displayName } } }"
# Valid when it was registered, by a code that had such a field.
LOST = "query Lost { viewer { nickname } }"
UNREACHABLE = "postgresql://nobody@127.0.0.1:1/none"


class Operator:
    """Runs the command in a folder of documents."""

    def __init__(self, folder: Path, database: Database, servers: Servers) -> None:
        self.folder = folder
        self.database = database
        self.variables = {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url}

    def write(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def run(self, *arguments: str, **variables: str) -> CompletedProcess[str]:
        return scoregraph(self.folder / "data", "documents", *arguments, **{**self.variables, **variables})

    def stored(self) -> set[str]:
        with self.database.connect() as connection:
            return {str(body) for (body,) in connection.execute("SELECT body FROM trusted_documents").fetchall()}


@pytest.fixture
def operator(tmp_path: Path, database: Database, servers: Servers) -> Operator:
    with database.connect() as connection:
        connection.execute("TRUNCATE trusted_documents, trusted_document_aliases")
    return Operator(tmp_path, database, servers)


def test_registering_listing_and_removing(operator: Operator) -> None:
    one = operator.write("role.graphql", ROLE)
    many = operator.write("relay.json", {"role": ROLE, "name": NAME})
    with operator.database.connect() as listening:
        listening.execute(f"LISTEN {CHANNEL}")
        first = operator.run("register", one, "--app", "web", "--app-version", "1.0")
        assert first.returncode == 0, first.stderr
        assert first.stdout == f"{hash_of(ROLE)}  new    Role · web 1.0\n"
        assert [told.payload for told in listening.notifies(timeout=5, stop_after=1)] == [CHANGE_TAG]

    again = operator.run("register", one, many, "--app", "ios")
    assert again.stdout.splitlines() == [
        f"{hash_of(ROLE)}  there  Role · ios · also role",
        f"{hash_of(NAME)}  new    Name · ios · also name",
    ]
    assert again.stderr.splitlines()[-1] == "1 new, 1 there already."

    listed = operator.run("list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == [hash_of(ROLE), hash_of(NAME)]
    # Who registered it first, and what everybody calls it.
    assert listed[0].endswith("Role · web 1.0 · also role")

    asked = operator.run("remove", "name")
    assert asked.returncode == 1, "nobody has confirmed it"
    assert operator.stored() == {ROLE, NAME}
    removed = operator.run("remove", "name", hash_of(ROLE)[:8], "--yes")
    assert (removed.returncode, removed.stderr.splitlines()[-1]) == (0, "2 removed.")
    assert operator.stored() == set()


def test_all_or_none_is_registered(operator: Operator) -> None:
    good, bad = operator.write("good.graphql", ROLE), operator.write("bad.graphql", "query Bad {\n  viewre\n}")
    done = operator.run("register", good, bad)
    assert done.returncode == 1
    assert complaint(done) == "Nothing was registered: correct what is said above, and run it again."
    assert f"{bad}:2: Cannot query field 'viewre' on type 'Query'. Did you mean 'viewer'" in done.stderr
    assert operator.stored() == set()


def test_another_name_stays_with_its_document(operator: Operator) -> None:
    assert operator.run("register", operator.write("a.json", {"get": ROLE})).returncode == 0
    done = operator.run("register", operator.write("b.json", {"get": NAME}))
    assert done.returncode == 1
    assert complaint(done).startswith("Nothing was registered: get names another document already.")
    assert operator.stored() == {ROLE}


def test_a_dry_run_needs_no_database(operator: Operator) -> None:
    done = operator.run("register", "--dry-run", operator.write("a.graphql", ROLE), DATABASE_URL=UNREACHABLE)
    assert (done.returncode, done.stdout) == (0, f"{hash_of(ROLE)}  valid  Role\n")
    assert not (operator.folder / "data").exists()


def test_checking_finds_what_a_new_schema_lost(operator: Operator) -> None:
    assert operator.run("register", operator.write("a.graphql", ROLE)).returncode == 0
    good = operator.run("check")
    assert (good.returncode, good.stdout) == (0, "All of 1 documents run on this schema.\n")
    with operator.database.connect() as connection:
        statement = "INSERT INTO trusted_documents (id, body, operations, app) VALUES (%s, %s, '{Lost}', 'web')"
        connection.execute(statement, (hash_of(LOST), LOST))
    done = operator.run("check")
    assert done.returncode == 1
    assert done.stdout == f"{hash_of(LOST)}  Lost · web, line 1: Cannot query field 'nickname' on type 'Viewer'.\n"
    assert complaint(done) == "1 of 2 documents do not run on this schema."


def test_removing_what_is_not_there(operator: Operator) -> None:
    assert operator.run("register", operator.write("a.graphql", ROLE)).returncode == 0
    for id in ("", hash_of(ROLE)[:7]):
        done = operator.run("remove", "--yes", hash_of(ROLE), id)
        assert done.returncode == 1
        assert complaint(done) == f"{id!r} is no document: see `scoregraph documents list`."
    assert operator.stored() == {ROLE}, "all or none are removed"


def test_a_label_that_is_none_is_a_usage_error(operator: Operator) -> None:
    done = operator.run("register", operator.write("a.graphql", ROLE), "--app", "x" * 201)
    assert (done.returncode, complaint(done)) == (2, "--app: The text has 1 to 200 characters.")


def test_the_database_holds_to_the_hash(database: Database) -> None:
    statement = "INSERT INTO trusted_documents (id, body, operations) VALUES (%s, %s, '{}')"
    with database.connect() as connection, pytest.raises(errors.CheckViolation):
        connection.execute(statement, (hash_of(ROLE), NAME))


def test_the_gateway_only_reads(database: Database) -> None:
    with database.connect(DatabaseRole.API) as connection:
        for statement in ("DELETE FROM trusted_documents", "UPDATE trusted_document_aliases SET alias = 'x'"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
