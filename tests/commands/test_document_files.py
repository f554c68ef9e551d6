"""Files of documents as tools write them, and as nobody should."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from graphql import build_schema

from commands.documents.checking import MOST_BODY_BYTES, Collection
from commands.documents.files import MOST_FILE_BYTES, FileProblem, read_entries
from execution.document_ids import hash_of
from execution.operations import Operations

SCHEMA = Operations(build_schema("type Query { name: String, me: Query, names(first: Int): [String] }"))
GET = "query Get { name }"


def written(folder: Path, name: str, content: str | bytes | object) -> Path:
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


def problem(path: Path) -> str:
    """What is said of a file that cannot be read, without its folder."""
    with pytest.raises(FileProblem) as raised:
        read_entries(path)
    return str(raised.value).replace(f"{path.parent}/", "")


def collect(*paths: Path) -> Collection:
    collection = Collection(SCHEMA, "web", "1.0")
    for path in paths:
        for entry in read_entries(path):
            collection.add(entry)
    return collection


def problems(*paths: Path) -> list[str]:
    return [line.replace(f"{paths[0].parent}/", "") for line in collect(*paths).problems]


def apollo(*operations: object) -> dict[str, object]:
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": list(operations)}


# What tools write


def test_a_file_is_a_document_as_it_stands(tmp_path: Path) -> None:
    text = "# first\nquery Get { name }\n"
    (document,) = collect(written(tmp_path, "get.graphql", text)).documents()
    assert (document.id, document.body, document.operations) == (hash_of(text), text, ("Get",))
    assert (document.app, document.app_version, document.aliases) == ("web", "1.0", ())


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    (document,) = collect(written(tmp_path, "get.gql", b"\xef\xbb\xbf" + GET.encode())).documents()
    assert document.body == GET


@pytest.mark.parametrize(
    "manifest",
    [
        {hash_of(GET): GET},
        {f"sha256:{hash_of(GET)}": GET},
        {hash_of(GET).upper(): GET},
        apollo({"id": hash_of(GET), "name": "Get", "type": "query", "body": GET}),
    ],
)
def test_hashes_are_verified_and_need_no_other_name(tmp_path: Path, manifest: object) -> None:
    collection = collect(written(tmp_path, "m.json", manifest))
    assert collection.problems == []
    (document,) = collection.documents()
    assert (document.id, document.aliases) == (hash_of(GET), ())


def test_other_ids_are_kept_beside_the_hash(tmp_path: Path) -> None:
    relay = written(tmp_path, "relay.json", {"ecf4edb46db40b5132295c0291d62fb6": GET})
    named = written(tmp_path, "named.json", apollo({"id": "get~1", "body": GET}))
    alone = written(tmp_path, "get.graphql", GET)
    (document,) = collect(relay, alone, named).documents()
    assert document.aliases == ("ecf4edb46db40b5132295c0291d62fb6", "get~1")


def test_two_documents_may_have_an_operation_of_one_name(tmp_path: Path) -> None:
    collection = collect(written(tmp_path, "m.json", {"a": GET, "b": "query Get { me { name } }"}))
    assert collection.problems == []
    assert len(collection.documents()) == 2


def test_links_are_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.graphql"
    link.symlink_to(written(tmp_path, "get.graphql", GET))
    assert [entry.text for entry in read_entries(link)] == [GET]


# What cannot be read


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", GET, "a.txt:1: neither a document (.graphql, .gql) nor a manifest (.json)."),
        ("a.graphql", b"{ name }\n# \xff", "a.graphql:2: the file is not UTF-8."),
        ("a.graphql", "{ name }".encode("utf-16"), "a.graphql:1: the file is not UTF-8."),
        ("a.json", "", "a.json:1: this is not JSON: expecting value."),
        ("a.json", '{\n"a" "b"}', "a.json:2: this is not JSON: expecting ':' delimiter."),
        ("a.json", "{}", "a.json:1: the manifest is empty."),
        ("a.json", apollo(), "a.json:1: the manifest is empty."),
        ("a.json", "[]", "a.json:1: this is no manifest: a manifest is "),
        ("a.json", "5", "a.json:1: this is no manifest: "),
        ("a.json", "null", "a.json:1: this is no manifest: "),
        ("a.json", {"a": GET, "b": {"text": GET}}, "a.json:1: this is no manifest: "),
        ("a.json", {"a": None}, "a.json:1: this is no manifest: "),
        ("a.json", {**apollo(), "version": 2}, "a.json:1: this is no manifest: "),
        ("a.json", {**apollo(), "operations": {}}, "a.json:1: this is no manifest: "),
        ("a.json", apollo({"id": "a", "body": GET}, {"id": "b"}), "a.json:1: operation 2 has no id or no body."),
        ("a.json", apollo(5), "a.json:1: operation 1 has no id or no body."),
        ("a.json", '{\n"a": "{ name }",\n"a": "{ me { name } }"}', "a.json:2: a is there twice."),
        ("a.json", "[" * 100_000, "a.json:1: this is no manifest."),
        ("a.json", "9" * 5_000, "a.json:1: this is no manifest."),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path: Path, name: str, content: object, said: str) -> None:
    assert problem(written(tmp_path, name, content)).startswith(said)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert problem(tmp_path / "pipe.json") == "pipe.json:1: this is no file."
    assert problem(tmp_path / "folder.json") == "folder.json:1: this is no file."
    assert problem(tmp_path / "loop.json").startswith("loop.json:1: the file cannot be read (")
    assert problem(tmp_path / "missing.json") == "missing.json:1: the file cannot be read (No such file or directory)."


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(MOST_FILE_BYTES + 1)
    assert problem(path) == "huge.json:1: the file is larger than 32 MiB."


# What would not run


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "a.graphql", "query A {\n  name\n  height\n  nmes\n}\n")
    assert problems(path) == [
        "a.graphql:3: Cannot query field 'height' on type 'Query'.",
        "a.graphql:4: Cannot query field 'nmes' on type 'Query'. Did you mean 'names', 'me', or 'name'?",
    ]


def test_lines_in_a_manifest_are_those_of_the_entry(tmp_path: Path) -> None:
    path = written(
        tmp_path, "m.json", apollo({"body": "{ name }", "id": "good"}, {"body": "{\n height }", "id": "bad"})
    )
    line = path.read_text().splitlines().index('   "id": "bad"') + 1
    assert problems(path) == [f"m.json:{line}: bad, line 2 of its text: Cannot query field 'height' on type 'Query'."]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Syntax Error"),
        ("query A { name", "Syntax Error"),
        ("fragment F on Query { name }", "Fragment 'F' is never used."),
        ("query A { name } query A { me { name } }", "There can be only one operation named 'A'."),
        ("query A { ...F } fragment F on Query { ...F }", "Cannot spread fragment 'F' within itself."),
        ("query A { " + "me { " * 20 + "name" + " }" * 21, "This asks for too much at once (depth)"),
        ("query A { name " + "# " * MOST_BODY_BYTES + "\n}", "the document is longer than 256 KiB."),
        ("type A { b: Int }", "The 'A' definition is not executable."),
        ('query A { name @include(if: "\0") }', "The text has a character that cannot be stored"),
    ],
)
def test_what_is_wrong_with_a_document(tmp_path: Path, text: str, said: str) -> None:
    (first, *_) = problems(written(tmp_path, "m.json", {"a": text}))
    assert said in first
    assert first.startswith("m.json:2: a")


def test_half_of_a_surrogate_pair_cannot_be_stored(tmp_path: Path) -> None:
    (said,) = problems(written(tmp_path, "m.json", '{"a": "query A { name } # \\ud800"}'))
    assert "cannot be stored" in said


def test_five_errors_of_a_document_are_enough(tmp_path: Path) -> None:
    assert len(problems(written(tmp_path, "a.graphql", "{ a b c d e f g }"))) == 5


@pytest.mark.parametrize("id", ["", "a b", "ä", "a" * 129, "a\n", "../a", "\x1b[31m"])
def test_ids_that_are_none(tmp_path: Path, id: str) -> None:
    (said,) = problems(written(tmp_path, "m.json", {id: GET}))
    assert said.endswith("an id has 1 to 128 letters, digits or characters of -._~: only.")
    assert said.isprintable()


def test_a_hash_of_something_else(tmp_path: Path) -> None:
    said = problems(written(tmp_path, "m.json", {f"sha256:{hash_of('other')}": GET}))
    assert said == [
        f"m.json:2: sha256:{hash_of('other')}: the id is not the SHA-256 of the text, which is {hash_of(GET)}."
    ]


def test_one_id_for_two_documents(tmp_path: Path) -> None:
    one = written(tmp_path, "one.json", {"get": GET})
    two = written(tmp_path, "two.json", {"get": "{ name }"})
    assert problems(one, two) == ["two.json:2: get: another document of these files is called so too."]
    assert problems(one, one) == []
