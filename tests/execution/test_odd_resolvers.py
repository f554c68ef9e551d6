"""Resolvers of every kind that Strawberry takes, and failures wherever they can come: both executors answer alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.execution.loading import Both
from tests.execution.resolver_schema import Counting, schema

DOCUMENTS = [
    "{ items { number tenfold hundredfold } }",
    "{ items { free } }",
    "{ items { parent } }",
    "{ items { root } }",
    "{ items { guarded } }",
    "{ items { even } }",
    "{ items { surelyEven } }",
    "{ items { evened surelyEven } }",
    "{ items { evened even lost number } }",
    "{ items { surelyEvened } }",
    "{ items { unmade number } }",
    "{ items { lost } again: items { lost number } }",
    "{ items { caught } }",
    "{ items { many manyOfNone } }",
    "{ items { together } }",
    "{ items { togetherFailing number } }",
    "{ items { failing } }",
    '{ items { failing(message: "otherwise") a: failing } }',
    "{ items { surelyFailing number } }",
    "{ item { number items(count: 4) { surelyFailing } } }",
    "{ item { number sureItems(count: 4) { surelyFailing } } item2: item { number } }",
    "{ item { items { items { items { even number failing } } } } }",
    "{ item { sureItems { sureItems { sureItems { surelyEven } } } even } }",
    "{ sureItem { sureItems { surelyEven } } }",
    "{ items { times } }",
    "{ items { times(by: 2) a: times } }",
    "{ items { times(by: -1) number } }",
    '{ items { named a: named(given: null) b: named(given: {}) c: named(given: {names: ["a"], atMost: null}) } }',
    "{ items { named(list: 3) a: named(list: [1, null]) } }".replace("1, null", "1, 2"),
    "{ chosen { __typename number } }",
    "{ picky { number } }",
    "{ boxes { __typename item } eitherBox { __typename ... on IntBox { item } ... on StrBox { text: item } } }",
    "{ items { box { item __typename } boxed { item __typename } } }",
    "{ items { pathOfNodes a: pathOfNodes(first: 2) } }",
    "{ __typename q: __typename items { __typename } }",
    "{ __schema { queryType { name } } items { number } }",
    '{ __type(name: "Item") { name } }',
    "{ items { ...A } } fragment A on Item { number ...B ... { ...B tenfold } } fragment B on Item { number even }",
    "{ item { number } item { even } item { number items { number } items { even } } }",
]
WITH_VARIABLES: list[tuple[str, dict[str, Any]]] = [
    ("query ($n: Int) { item(number: $n) { number } }", {}),
    ("query ($n: Int) { item(number: $n) { number } }", {"n": None}),
    ("query ($n: Int = 5) { item(number: $n) { number } }", {}),
    ("query ($n: Int = 5) { item(number: $n) { number } }", {"n": None}),
    ("query ($n: Int = 5) { item(number: $n) { number items(count: $n) { number } } }", {"n": None}),
    ("query ($n: Int = 5) { item { items(count: $n) { number } } }", {"n": None}),
    ("query ($n: Int!) { item(number: $n) { number } }", {}),
    ("query ($n: Int!) { item(number: $n) { number } }", {"n": "one"}),
    ("query ($n: Int!) { item(number: $n) { number pathOfNodes(first: $n) } }", {"n": 7, "unknown": 1}),
    ("query ($yes: Boolean!) { items { number @include(if: $yes) even @skip(if: $yes) } }", {"yes": True}),
    ("query ($yes: Boolean!) { items { number @include(if: $yes) even @skip(if: $yes) } }", {"yes": False}),
    ("query ($yes: Boolean = true) { items { number @include(if: $yes) even } }", {}),
    ("query ($yes: Boolean = true) { items { number @include(if: $yes) even } }", {"yes": None}),
    ("query ($yes: Boolean = true) { items @include(if: $yes) { number } item { number } }", {"yes": None}),
    ("query ($yes: Boolean = true) { item { items { ... @skip(if: $yes) { number } even } } }", {"yes": None}),
    ("query ($yes: Boolean!) { items @skip(if: $yes) { number } }", {"yes": True}),
    ("query ($yes: Boolean!) { items { number @skip(if: $yes) @include(if: $yes) } }", {"yes": True}),
    (
        "query ($yes: Boolean!) { items { ...A @include(if: $yes) even } } fragment A on Item { even @skip(if: $yes) number }",
        {"yes": True},
    ),
    ("query ($g: Names) { items { named(given: $g) } }", {"g": {"names": ["x"]}}),
    ("query ($g: Names) { items { named(given: $g) } }", {"g": {"names": [None]}}),
    ('query ($s: String!) { items { named(given: {names: [$s, "y"]}) } }', {"s": "x"}),
    ("query ($s: [String!]) { items { named(given: {names: $s}) } }", {}),
    ("query ($s: [String!]) { items { named(given: {names: $s}) } }", {"s": None}),
    ("query ($s: [String!] = []) { items { named(given: {names: $s}) } }", {"s": None}),
    ("query ($n: Int) { items { times(by: $n) } }", {}),
    ("query ($n: Int = 4) { items { times(by: $n) } }", {"n": None}),
]


@pytest.fixture(scope="module")
def both() -> Both:
    return Both(schema)


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_resolvers_answer_alike(both: Both, document: str) -> None:
    await both(document, Counting)


@pytest.mark.parametrize(("document", "variables"), WITH_VARIABLES)
async def test_variables_are_understood_alike(both: Both, document: str, variables: dict[str, Any]) -> None:
    await both(document, Counting, variables)


async def test_plans_follow_the_conditions_not_the_first_variables(both: Both) -> None:
    """One plan is kept for many variables."""
    document = """query ($n: Int!, $yes: Boolean!) {
      item(number: $n) { number items(count: $n) @include(if: $yes) { times(by: $n) } } }"""
    operation = both.prepared(document)
    for variables in ({"n": 2, "yes": True}, {"n": 3, "yes": True}, {"n": 1, "yes": False}, {"n": 4, "yes": True}):
        compiled = await both.executor.run(operation, variables, Counting())
        stock = await both.executor.run(operation, variables, Counting(), compiled=False)
        assert compiled.data == stock.data


async def test_what_is_asked_at_one_level_is_loaded_at_once(both: Both) -> None:
    context = Counting()
    await both.executor.run(both.prepared("{ items { tenfold hundredfold many } }"), None, context)
    assert context.loads == [[1, 2, 3, 5], [10, 20, 30]]


async def test_two_operations_at_once_keep_their_loads_apart(both: Both) -> None:
    operation = both.prepared("{ items { tenfold hundredfold together } }")
    alone = Counting()
    expected = await both.executor.run(operation, None, alone)
    contexts = [Counting() for _ in range(10)]
    answers = await asyncio.gather(*(both.executor.run(operation, None, context) for context in contexts))
    assert [answer.data for answer in answers] == [expected.data] * 10
    assert [context.loads for context in contexts] == [alone.loads] * 10
