"""Which list a document asks for, and the document that reads it page by page."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import ExecutionResult

from execution.lists import DocumentList, ListFailed, NoList, list_of
from execution.operations import Operation, RequestErrors
from schema.graph import graph


def found(text: str) -> DocumentList:
    return list_of(graph.operations, graph.schema, text, 200)


def test_says_where_its_values_are() -> None:
    asked = found("""query Members($id: ID!, $n: Int = 5, $c: String) { viewer { role } group(id: $id) { name
      members(first: $n, after: $c) { totalCount { value } edges { cursor node { ...M } } pageInfo { endCursor } } } }
      fragment M on User { id n: displayName performance { score } }""")
    assert (asked.title, asked.path, asked.rows) == ("Members", ("group", "members"), "edges")
    assert [(column.title, column.kind, column.path) for column in asked.columns] == [
        ("Id", "text", ("node", "id")),
        ("N", "text", ("node", "n")),
        ("Performance score", "decimal", ("node", "performance", "score")),
    ]
    text = asked.operation.text
    assert "members(first: 200, after: $exportAfter)" in text
    for left_out in ("viewer", "totalCount", "$n", "$c"):
        assert left_out not in text


def test_the_same_under_a_type_condition_and_an_alias() -> None:
    asked = found("query ($id: ID!) { node(id: $id) { ... on Group { who: members { rows: nodes { id } } } } }")
    assert (asked.path, asked.rows) == (("node", "who"), "rows")


def test_a_connection_goes_before_a_list() -> None:
    assert found("{ levels { id } users { nodes { id } } }").path == ("users",)
    assert found("{ levels { id } viewer { role } }").path == ("levels",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{ viewer { role } }", "no list of objects"),
        ("{ users { pageInfo { endCursor } } }", "nothing of the rows"),
        ("subscription { exportUpdated(id: 1) { id } }", "Only a query"),
    ],
)
def test_what_is_no_table(text: str, why: str) -> None:
    with pytest.raises(NoList, match=why):
        found(text)


def test_a_document_of_several_operations() -> None:
    with pytest.raises(RequestErrors):
        found("query A { levels { id } } query B { levels { id } }")


class Answers:
    """Gives answers one after the other, and keeps with which variables each was asked for."""

    def __init__(self, *answers: ExecutionResult) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answers = list(answers)

    async def __call__(self, operation: Operation, variables: dict[str, Any]) -> ExecutionResult:
        self.asked.append(dict(variables))
        return self._answers.pop(0)


def page(*ids: str, after: str | None = None) -> ExecutionResult:
    info = {"hasNextPage": after is not None, "endCursor": after}
    return ExecutionResult({"users": {"nodes": [{"id": id} for id in ids], "exportPageInfo": info}})


async def test_reads_on_from_each_cursor() -> None:
    asked = found(
        "query ($first: Int, $exportAfter: String) { users(first: $first, after: $exportAfter) { nodes { id } } }"
    )
    answers = Answers(page("a", "b", after="2"), page(after="3"), page("c"))
    rows = [row async for given in asked.pages(answers, {"first": 1, "exportAfter": "9", "other": 2}) for row in given]
    assert rows == [["a"], ["b"], ["c"]]
    assert answers.asked == [{}, {"exportAfter": "2"}, {"exportAfter": "3"}]


async def test_a_list_that_is_null_is_not_there() -> None:
    with pytest.raises(LookupError):
        [
            given
            async for given in found("{ users { nodes { id } } }").pages(Answers(ExecutionResult({"users": None})), {})
        ]


async def test_a_page_with_errors_is_none() -> None:
    from graphql import GraphQLError

    failing = Answers(page("a", after="2"), ExecutionResult(None, [GraphQLError("", original_error=TypeError())]))
    with pytest.raises(ListFailed) as failed:
        [given async for given in found("{ users { nodes { id } } }").pages(failing, {})]
    assert [type(cause) for cause in failed.value.causes] == [TypeError]
