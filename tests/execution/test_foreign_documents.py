"""Documents that others test their parsers with, most of them broken or for other schemas: refused, or answered alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, validate

from execution.limits import parse_within_limits
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
        try:
            expected = parse(text)
        except GraphQLError as error:
            with pytest.raises(GraphQLError) as refused:
                parse_within_limits(text)
            assert refused.value.message == error.message
            continue
        try:
            assert parse_within_limits(text) == expected
        except GraphQLError as error:
            assert (error.extensions or {})["code"] == "LIMIT_EXCEEDED"
        # Validation survives documents that are not executable at all.
        validate(graph.schema, expected, RULES)


def operation_names(text: str) -> set[str]:
    try:
        definitions = parse(text).definitions
    except GraphQLError:
        return set()
    return {each.name.value for each in definitions if isinstance(each, OperationDefinitionNode) and each.name}
