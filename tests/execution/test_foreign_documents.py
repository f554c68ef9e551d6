"""Documents that others test their parsers with, most of them broken or for other schemas: refused, or answered alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, validate

from execution.limits import LimitExceeded, parse_within_limits
from execution.operations import RULES, RequestErrors
from execution.refusals import Refusal
from schema.graph import graph
from tests.execution.callers import KNOWN
from tests.execution.conftest import School

ROOT = next(caller for caller in KNOWN if caller["role"] == "ADMIN")


@pytest.fixture(scope="module")
def documents(shared_data: Path) -> dict[str, str]:
    corpus = json.loads((shared_data / "corpora" / "graphql_docs_apollo.json").read_text())
    return dict(corpus["data"])


async def test_documents_of_others_are_refused_or_answered_alike(
    lively_school: School, documents: dict[str, str]
) -> None:
    answered = 0
    for text in documents.values():
        for name in {None, "nobody", *operation_names(text)}:
            try:
                graph.operations.prepare(text, name)
            except (RequestErrors, Refusal):
                continue
            if name is None:
                await lively_school.both(text, ROOT)
                answered += 1
    assert answered


def test_limits_agree_with_the_parser(documents: dict[str, str]) -> None:
    """What is within the limits is parsed as without them; what is no document is refused with the same words."""
    for text in documents.values():
        expected = outcome(parse, text)
        found = outcome(parse_within_limits, text)
        if isinstance(found, LimitExceeded):
            continue
        assert str(found) == str(expected)
        if isinstance(expected, DocumentNode):
            assert found == expected
            # Validation survives documents that are not executable at all.
            validate(graph.schema, expected, RULES)


def outcome(read: Callable[[str], DocumentNode], text: str) -> DocumentNode | GraphQLError:
    try:
        return read(text)
    except GraphQLError as error:
        return error


def operation_names(text: str) -> set[str]:
    document = outcome(parse, text)
    definitions = document.definitions if isinstance(document, DocumentNode) else ()
    return {each.name.value for each in definitions if isinstance(each, OperationDefinitionNode) and each.name}
