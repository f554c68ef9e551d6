"""Documents as they come from files: a `.graphql` file is one, a `.json` file is a manifest of many.

Manifests are those of the usual tools: ``{id: text}`` (Relay, GraphQL Codegen, Apollo's older one), and
``{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body", …}]}``.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_FILE_BYTES = 32 * 1024 * 1024
WHAT_IS_A_MANIFEST = (
    'a manifest is {"id": "text"} or {"format": "apollo-persisted-query-manifest", "version": 1, "operations": […]}'
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is wrong. ``id`` is of the manifest's entry concerned."""

    path: Path
    line: int = 1
    id: str | None = None

    def say(self, message: str, line: int | None = None) -> str:
        """``line`` is one of the document, from 1."""
        if self.id is None:
            return f"{self.path}:{line or self.line}: {message}"
        inside = f", line {line} of its text" if line else ""
        return f"{self.path}:{self.line}: {_shortened(self.id)}{inside}: {message}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A document of a file, and what the file calls it."""

    place: Place
    text: str
    id: str | None = None


class FileProblem(Exception):
    """What a file holds cannot be read. The message names it and the line."""


def read_entries(path: Path) -> list[Entry]:
    """The documents of a file. Raises FileProblem."""
    place = Place(path)
    if path.suffix not in (".graphql", ".gql", ".json"):
        raise FileProblem(place.say("neither a document (.graphql, .gql) nor a manifest (.json)."))
    text = _read_text(place)
    if path.suffix != ".json":
        return [Entry(place, text)]
    entries = list(_entries_of(_read_json(place, text), place, text))
    if not entries:
        raise FileProblem(place.say("the manifest is empty."))
    return entries


def _read_text(place: Place) -> str:
    try:
        data = _read_bytes(place)
    except OSError as error:
        raise FileProblem(place.say(f"the file cannot be read ({error.strerror}).")) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileProblem(place.say("the file is not UTF-8.", line)) from None


def _read_bytes(place: Place) -> bytes:
    about = place.path.stat()
    # Before it is opened: a pipe would be waited for.
    if not stat.S_ISREG(about.st_mode):
        raise FileProblem(place.say("this is no file."))
    if about.st_size > MOST_FILE_BYTES:
        raise FileProblem(place.say(f"the file is larger than {MOST_FILE_BYTES // 1024**2} MiB."))
    return place.path.read_bytes()


def _read_json(place: Place, text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise FileProblem(place.say(f"{_shortened(twice)} is there twice.", _line_of(twice, text)))
        return members

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise FileProblem(place.say(f"this is not JSON: {error.msg.lower()}.", error.lineno)) from None
    except (ValueError, RecursionError):
        raise FileProblem(place.say("this is no manifest.")) from None


def _entries_of(manifest: Any, place: Place, text: str) -> Iterator[Entry]:
    pairs: list[tuple[str, str]]
    match manifest:
        case {"format": "apollo-persisted-query-manifest", "version": 1, "operations": list(operations)}:
            pairs = [_id_and_body(number, operation, place) for number, operation in enumerate(operations, 1)]
        case dict() if all(isinstance(body, str) for body in manifest.values()):
            pairs = list(manifest.items())
        case _:
            raise FileProblem(place.say(f"this is no manifest: {WHAT_IS_A_MANIFEST}."))
    for id, body in pairs:
        yield Entry(Place(place.path, _line_of(id, text), id), body, id)


def _id_and_body(number: int, operation: Any, place: Place) -> tuple[str, str]:
    match operation:
        case {"id": str(id), "body": str(body)}:
            return id, body
    raise FileProblem(place.say(f"operation {number} has no id or no body."))


def _line_of(id: str, text: str) -> int:
    """Where an id stands in the text of a manifest: as a member's name, or as the value of one named id."""
    quoted = re.escape(json.dumps(id))
    found = re.search(rf'{quoted}\s*:|"id"\s*:\s*{quoted}', text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _shortened(id: str) -> str:
    printable = id if id.isprintable() else ascii(id)
    return printable if len(printable) <= 80 else f"{printable[:77]}…"
