"""Whether documents would run: parsed, within the limits, and valid on the schema of this code."""

from __future__ import annotations

from graphql import GraphQLError, OperationDefinitionNode

from commands.documents.files import Entry
from db.problems import NOT_STORABLE, is_storable
from db.queries.trusted_documents import TrustedDocument
from execution.document_ids import ID, as_hash, hash_of
from execution.limits import parse_within_limits
from execution.operations import Operations, RequestErrors

MOST_BODY_BYTES = 256 * 1024
MOST_ERRORS = 5
"""Told of one document."""

Problem = tuple[str, int | None]
"""A message, and the line of the document that it is about."""


def check_document(text: str, schema: Operations) -> tuple[list[str], list[Problem]]:
    """The names of the operations that have one, and what is wrong."""
    if not is_storable(text):
        return [], [(NOT_STORABLE, None)]
    if len(text.encode()) > MOST_BODY_BYTES:
        return [], [(f"the document is longer than {MOST_BODY_BYTES // 1024} KiB.", None)]
    try:
        nodes = [n for n in parse_within_limits(text).definitions if isinstance(n, OperationDefinitionNode)]
        names = [node.name.value for node in nodes if node.name]
        schema.prepare(text, names[0] if names else None)
    except GraphQLError as error:
        return [], [_problem(error)]
    except RequestErrors as refused:
        return names, [_problem(error) for error in refused.errors[:MOST_ERRORS]]
    return names, []


class Collection:
    """The documents of many files, each once, and everything that is wrong with them."""

    def __init__(self, schema: Operations, app: str | None, app_version: str | None) -> None:
        self._schema = schema
        self._app = app
        self._app_version = app_version
        self._found: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._aliases: dict[str, str] = {}
        self.problems: list[str] = []

    def add(self, entry: Entry) -> None:
        hash = hash_of(entry.text)
        if hash not in self._found:
            names, problems = check_document(entry.text, self._schema)
            self.problems += [entry.place.say(message, line) for message, line in problems]
            self._found[hash] = (entry.text, tuple(names))
        if entry.id is not None and (problem := self._call(hash, entry.id)):
            self.problems.append(entry.place.say(problem))

    def documents(self) -> list[TrustedDocument]:
        aliases: dict[str, list[str]] = {}
        for alias, hash in self._aliases.items():
            aliases.setdefault(hash, []).append(alias)
        return [
            TrustedDocument(hash, text, names, tuple(aliases.get(hash, ())), self._app, self._app_version)
            for hash, (text, names) in self._found.items()
        ]

    def _call(self, hash: str, id: str) -> str | None:
        """Notes what a document is called; what is wrong with that, if anything is."""
        if not ID.fullmatch(id):
            return "an id has 1 to 128 letters, digits or characters of -._~: only."
        claimed = as_hash(id)
        if claimed is None:
            if self._aliases.setdefault(id, hash) != hash:
                return "another document of these files is called so too."
        elif claimed != hash:
            return f"the id is not the SHA-256 of the text, which is {hash}."
        return None


def _problem(error: GraphQLError) -> Problem:
    return error.message, error.locations[0].line if error.locations else None
