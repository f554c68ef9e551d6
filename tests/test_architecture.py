"""The rooms of the house: the same noun in each, and nothing that forbids nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import schema

ROOT = Path(__file__).resolve().parent.parent

# Files of schema/ that serve every subject.
SHARED = {
    "__init__", "costs", "entity_stats", "enums", "filters", "graph", "live", "measures", "mutation", "nodes", "periods", "permissions",
    "query", "relay", "scalars", "series", "service", "sign_in", "subscription", "texts", "user_errors", "viewer",
}  # fmt: skip


def stems(folder: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob("*.py")}


def tracked(pattern: str) -> list[str]:
    found = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.split()


def test_the_package_named_schema_is_ours() -> None:
    # Another one of that name exists on PyPI.
    assert Path(schema.__file__ or "").parent == ROOT / "schema"


def test_every_subject_of_the_graph_has_its_rules() -> None:
    """``attempt_mutations`` belongs to ``attempts``."""
    subjects = {re.sub(r"_(enums|inputs|mutations)$", "", stem).rstrip("s") for stem in stems("schema") - SHARED}
    assert subjects - {stem.rstrip("s") for stem in stems("resolvers")} == set()


def test_every_loader_has_its_queries() -> None:
    assert stems("resolvers/loaders") - stems("db/queries") == set()


def test_no_file_is_named_for_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base_utils"}
    assert [name for name in tracked("*.py") if Path(name).stem in vague] == []


def test_every_materialized_view_is_registered_and_barred() -> None:
    registered = (ROOT / "db/migrations/sql/0001_refresh.sql").read_text()
    for path in (ROOT / "db/views").glob("*_v*.sql"):
        text = path.read_text()
        if "MATERIALIZED VIEW" in text:
            name = path.stem.rsplit("_v", 1)[0]
            assert f"('{name}'" in registered, f"{name} is never refreshed"
            assert f"CREATE VIEW {name} WITH (security_barrier = true)" in text, f"{name} has no barrier"


def test_resolvers_change_data_in_one_way() -> None:
    """The one that waits until this process has heard of it."""
    writers = {path.stem for path in (ROOT / "resolvers").rglob("*.py") if "write_transaction" in path.read_text()}
    assert writers == {"writing"}


def test_only_the_context_reads_what_a_token_says() -> None:
    """It notes that the answer is then good for nobody else."""
    rooms = [*(ROOT / "resolvers").rglob("*.py"), *(ROOT / "schema").rglob("*.py")]
    readers = {path.stem for path in rooms if re.search(r"\.claims\b", path.read_text())}
    assert readers == {"context"}


def test_no_registry_host_is_committed() -> None:
    hosts = ["pypi." + "org", "pythonhosted." + "org", "registry.npmjs." + "org", "deb.debian." + "org"]
    for name in tracked("*"):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".ico"}:
            text = path.read_text(errors="ignore")
            assert not [host for host in hosts if host in text], name
