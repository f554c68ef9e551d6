"""The `scoregraph` command as an operator meets it: real processes, exit codes, what they say."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url
from typer.testing import CliRunner

from auth import Role, TokenVerifier
from cli import PANELS, app
from commands.errors import CommandError
from commands.token import lifetime_of
from settings import Settings
from tests.commanding import SECRET, complaint, scoregraph
from tests.conftest import Database, Servers
from tests.school import new_school

COMMANDS: list[str] = [name for commands in PANELS.values() for name in commands]
SUBCOMMANDS = [
    ("import", "oulad"),
    ("organization", "add"),
    *(("documents", name) for name in ("register", "list", "check", "remove")),
    *(("jobs", name) for name in ("list", "run", "retry", "cancel")),
]
UNREACHABLE = "postgresql://scoregraph:secret-password@127.0.0.1:1/scoregraph"


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """A data directory that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


def variables(database: Database, servers: Servers) -> dict[str, str]:
    return {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url, "JWT_SECRET": SECRET}


# Help


def help_of(*command: str) -> str:
    """In this process, for speed: nothing is run."""
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    return result.stdout


def test_help_says_what_it_is_and_groups_the_commands() -> None:
    text = help_of()
    assert "a self-hosted GraphQL gateway" in text
    for word in (*PANELS, *COMMANDS):
        assert word in text


@pytest.mark.parametrize("command", [*((name,) for name in COMMANDS), *SUBCOMMANDS], ids=" ".join)
def test_every_command_has_help_with_examples(command: tuple[str, ...]) -> None:
    text = help_of(*command)
    assert "Example" in text
    assert "install-completion" not in text


def test_version(nowhere: Path) -> None:
    assert scoregraph(nowhere, "--version").stdout.startswith("scoregraph 0.")


def test_an_unknown_command_is_a_usage_error(nowhere: Path) -> None:
    done = scoregraph(nowhere, "dmo")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# Errors


@pytest.mark.parametrize("command", [("migrate",), ("serve", "--port", "0")], ids=" ".join)
def test_an_unreachable_database_is_one_sentence(command: tuple[str, ...], nowhere: Path) -> None:
    done = scoregraph(nowhere, *command, DATABASE_URL=UNREACHABLE, JWT_SECRET=SECRET)
    assert done.returncode == 1
    assert complaint(done).startswith("The database cannot be reached (")
    assert "secret-password" not in done.stdout + done.stderr
    assert not nowhere.exists()


def test_a_wrong_password_is_not_shown(database: Database, nowhere: Path) -> None:
    url = make_url(database.url).set(password="wrong-password").render_as_string(hide_password=False)
    done = scoregraph(nowhere, "migrate", DATABASE_URL=url)
    assert done.returncode == 1
    assert "password authentication failed" in complaint(done)
    assert "wrong-password" not in done.stdout + done.stderr


@pytest.mark.parametrize("url", ["nonsense", "postgresql://u:secret-password@[/x"])
def test_a_url_of_something_else_is_a_usage_error(url: str, nowhere: Path) -> None:
    done = scoregraph(nowhere, "migrate", DATABASE_URL=url)
    assert done.returncode in (1, 2)
    assert "secret-password" not in done.stdout + done.stderr
    complaint(done)


def test_no_way_to_verify_tokens_is_said_before_serving(database: Database, nowhere: Path) -> None:
    done = scoregraph(nowhere, "serve", "--port", "0", DATABASE_URL=database.url)
    assert done.returncode == 2
    assert complaint(done).startswith("Set JWT_JWKS_URL")


def test_a_short_secret_is_not_shown(database: Database, nowhere: Path) -> None:
    done = scoregraph(nowhere, "serve", "--port", "0", DATABASE_URL=database.url, JWT_SECRET="short-secret")
    assert done.returncode == 2
    assert "too short" in complaint(done)
    assert "short-secret" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_said_before_anything_is_started(command: str, nowhere: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = scoregraph(nowhere, command, "--port", port, JWT_SECRET=SECRET)
    assert done.returncode == 1
    assert complaint(done).startswith(f"Port {port} is in use")
    assert not (nowhere / "postgres").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("DB_POOL_SIZE", "many"), ("LOG_LEVEL", "LOUD"), ("REDIS_URL", "localhost:6379")],
)
def test_a_wrong_setting_is_named(name: str, value: str, database: Database, nowhere: Path) -> None:
    done = scoregraph(nowhere, "serve", "--port", "0", DATABASE_URL=database.url, JWT_SECRET=SECRET, **{name: value})
    assert done.returncode == 2
    assert name in complaint(done)


def test_an_old_database_is_not_served(servers: Servers, nowhere: Path) -> None:
    done = scoregraph(nowhere, "worker", DATABASE_URL=servers.admin_url)
    assert done.returncode == 1
    assert "run `scoregraph migrate` first" in complaint(done)


def test_a_data_directory_of_another_version(nowhere: Path) -> None:
    (nowhere / "postgres").mkdir(parents=True)
    (nowhere / "postgres" / "PG_VERSION").write_text("15\n")
    done = scoregraph(nowhere, "worker")
    assert done.returncode == 1
    assert "was made by PostgreSQL 15" in complaint(done)


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = scoregraph(tmp_path / "file" / "data", "demo", "--port", "0")
    assert done.returncode == 1
    assert "cannot be used" in complaint(done)


# migrate, organization


def test_migrate_and_its_status(database: Database, servers: Servers, nowhere: Path) -> None:
    done = scoregraph(nowhere, "migrate", "--status", **variables(database, servers))
    assert (done.returncode, "is up to date" in done.stdout) == (0, True)
    assert str(make_url(database.url).password) not in done.stdout
    behind = scoregraph(nowhere, "migrate", "--status", DATABASE_URL=servers.admin_url)
    assert behind.returncode == 1
    assert "is at no revision" in behind.stdout


def test_asking_for_the_status_makes_no_database(nowhere: Path) -> None:
    done = scoregraph(nowhere, "migrate", "--status")
    assert done.returncode == 1
    assert complaint(done).startswith(f"No database of our own is running in {nowhere}")
    assert not nowhere.exists()


def test_adds_an_organization_once(new_database: Callable[[], Database], servers: Servers, nowhere: Path) -> None:
    database = new_database()
    add = ("organization", "add", "harbour", "--time-zone", "Europe/Lisbon")
    assert scoregraph(nowhere, *add, **variables(database, servers)).returncode == 0
    with database.connect(None) as admin:
        found = admin.execute("SELECT slug, name, time_zone FROM organizations").fetchall()
    assert found == [("harbour", "harbour", "Europe/Lisbon")]
    assert "already" in complaint(scoregraph(nowhere, *add, **variables(database, servers)))
    wrong = scoregraph(nowhere, "organization", "add", "x", "--time-zone", "Mars/Base", **variables(database, servers))
    assert wrong.returncode == 2
    assert "no time zone" in complaint(wrong)


# token


async def test_a_token_is_alone_on_stdout_and_accepted(nowhere: Path) -> None:
    options = (
        "--org",
        "north",
        "--user",
        "ada",
        "--role",
        "teacher",
        "--group",
        "alg-1",
        "--group",
        "alg-2",
        "--lifetime",
        "2h",
    )
    done = scoregraph(nowhere, "token", *options, JWT_SECRET=SECRET)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    verifier = TokenVerifier(Settings(jwt_secret=SecretStr(SECRET)))
    claims = await verifier.verify(done.stdout.strip())
    await verifier.aclose()
    assert (claims.organization, claims.subject, claims.role) == ("north", "ada", Role.TEACHER)
    assert claims.group_ids == ("alg-1", "alg-2")


@pytest.mark.parametrize("lifetime", ["", "0h", "-1h", "1", "h", "1w", "٣h"])
def test_a_lifetime_that_is_none(lifetime: str) -> None:
    with pytest.raises(CommandError, match="is no lifetime"):
        lifetime_of(lifetime)


def test_without_a_secret_there_is_no_token(nowhere: Path) -> None:
    done = scoregraph(nowhere, "token", "--org", "o", "--user", "u")
    assert (done.returncode, done.stdout) == (2, "")
    assert "set JWT_SECRET" in complaint(done)


# schema


def test_schema_is_printed_written_and_checked(nowhere: Path, tmp_path: Path) -> None:
    printed = scoregraph(nowhere, "schema").stdout
    assert "type Query" in printed
    path = tmp_path / "schema.graphql"
    assert scoregraph(nowhere, "schema", "--output", str(path)).returncode == 0
    assert path.read_text() == printed
    assert scoregraph(nowhere, "schema", "--check", str(path)).returncode == 0
    path.write_text(printed.replace("type Query", "type Quarry"))
    stale = scoregraph(nowhere, "schema", "--check", str(path))
    assert stale.returncode == 1
    assert "-type Quarry" in stale.stdout
    assert "+type Query" in stale.stdout
    assert "is stale" in complaint(stale)
    missing = scoregraph(nowhere, "schema", "--check", str(tmp_path / "missing"))
    assert missing.returncode == 1
    complaint(missing)


# refresh, doctor


def findings(stdout: str) -> dict[str, dict[str, object]]:
    return {finding["check"]: finding for finding in json.loads(stdout)["findings"]}


def test_doctor_and_refresh(school: Database, servers: Servers, nowhere: Path) -> None:
    before = scoregraph(nowhere, "doctor", "--json", **variables(school, servers))
    assert before.returncode == 1
    found = findings(before.stdout)
    assert {check for check, finding in found.items() if not finding["ok"]} == {
        "Worker",
        *(f"View {name}" for name in ("group_stats", "lab_stats", "level_stats", "organization_stats")),
        *(f"View {name}" for name in ("score_distribution", "score_ranks", "topic_stats")),
    }
    assert found["Row security"]["found"] == "forced on all tables"
    assert str(make_url(school.url).password) not in before.stdout

    refreshed = scoregraph(nowhere, "refresh", **variables(school, servers))
    assert refreshed.returncode == 0
    assert "✓ score_ranks" in refreshed.stdout
    unknown = scoregraph(nowhere, "refresh", "nonsense", **variables(school, servers))
    assert unknown.returncode == 2
    assert "There is no view nonsense" in complaint(unknown)

    after = findings(scoregraph(nowhere, "doctor", "--json", **variables(school, servers)).stdout)
    assert {check for check, finding in after.items() if not finding["ok"]} == {"Worker"}


def test_doctor_finds_what_is_broken(school: Database, nowhere: Path) -> None:
    with school.connect(None) as admin:
        admin.execute("ALTER TABLE attempts NO FORCE ROW LEVEL SECURITY")
        admin.execute("UPDATE view_refreshes SET last_error = 'it would not' WHERE name = 'lab_stats'")
    done = scoregraph(nowhere, "doctor", DATABASE_URL=school.url, REDIS_URL="redis://:secret-password@127.0.0.1:1/0")
    assert done.returncode == 1
    for line in (
        "✗ Row security  not forced on attempts",
        "✗ View lab_stats  failed: it would not",
        "✗ Valkey  cannot be reached",
        "✗ Tokens  cannot be verified",
    ):
        assert line in done.stdout
    assert "secret-password" not in done.stdout + done.stderr


def test_doctor_on_nothing_at_all(nowhere: Path) -> None:
    done = scoregraph(nowhere, "doctor")
    assert done.returncode == 1
    assert "✗ Embedded servers  not running" in done.stdout
    assert not nowhere.exists(), "the doctor changes nothing"
    unreachable = scoregraph(nowhere, "doctor", DATABASE_URL=UNREACHABLE)
    assert "✗ PostgreSQL  cannot be reached" in unreachable.stdout
    assert "secret-password" not in unreachable.stdout + unreachable.stderr
