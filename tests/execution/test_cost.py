"""What operations cost: exactly, whatever the variables are, and in steps that grow with the document alone."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from execution.cost import INTROSPECTION, MOST_KEPT, Cost, CostMeter, Walk
from execution.cost_rules import CEILING, Rules
from execution.operations import Operation
from schema.graph import graph

RULES = Rules(graph.schema)
ROW = "performance { score }"


def operation_of(text: str, *, is_hostile: bool = False) -> Operation:
    """Of a valid document. Hostile ones, which are refused before they come so far, are not validated."""
    document = parse(text)
    assert is_hostile or validate(graph.schema, document) == []
    (node,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    return Operation(text, None, document, node, fragments)


def cost_of(text: str, variables: dict[str, Any] | None = None) -> Cost:
    return CostMeter(graph.schema).measure(operation_of(text), variables)


@pytest.mark.parametrize(
    ("text", "nodes", "total"),
    [
        ("{ __typename }", 0, 0),
        ("{ viewer { role permissions } }", 1, 1),
        # The connection, its rows, and what is below each.
        ("{ users(first: 3) { nodes { id } } }", 4, 4),
        ("{ users(last: 3) { edges { cursor node { id performance { score } } } pageInfo { endCursor } } }", 11, 11),
        ("{ users { nodes { id } } }", 51, 51),
        ("{ users(first: null) { nodes { id } } }", 51, 51),
        ("{ users(first: 2) { nodes { id } edges { cursor } } }", 5, 5),
        ("{ users(first: 0) { nodes { id } totalCount { value } } }", 2, 52),
        ("{ users(first: 0) { totalCount(exact: true) { value } } }", 2, 1052),
        ("{ users(first: 0) { totalCount(exact: false) { value } } }", 2, 52),
        ("{ groups(first: 2) { nodes { members(first: 5) { nodes { id } } } } }", 1 + 2 * (1 + 1 + 5), 15),
        # Lists without pages.
        ("{ levels { title } }", 20, 20),
        ('{ node(id: "x") { ... on User { topicStats { score } } } }', 21, 21),
        ('{ node(id: "x") { ... on User { topicStats(topicIds: ["a", "b"]) { score } } } }', 3, 3),
        ('{ node(id: "x") { ... on User { topicStats(topicIds: "a") { score } } } }', 2, 2),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3, 3),
        ("{ leaderboard { top { rank } } }", 11, 61),
        ("{ leaderboard { top(first: 100) { rank } } }", 101, 151),
        ('{ leaderboard { around(userId: "x", radius: 3) { rank } } }', 8, 58),
        ('{ leaderboard { around(userId: "x") { rank } } }', 12, 62),
        ("{ leaderboard(period: { lastDays: 7 }) { scope } }", 1, 1001),
        # Series.
        ("{ viewer { user { performanceTrend(period: { lastDays: 10 }) { points { bucket { date } } } } } }", 27, 27),
        (
            "{ viewer { user { performanceTrend(period: { lastDays: 70 }, grain: WEEK) { points { bucket { date } } } } } }",
            27,
            27,
        ),
        # Of several types the dearest; what is common to all counts with each.
        ('{ node(id: "x") { id ... on Lab { title } ... on User { performance { score metrics { onTimeRatio } } } } }', 3, 3),
        ('{ node(id: "x") { ... on Node { ... on Lab { level { title } } } ... { ... on Lab { topics { title } } } } }', 5, 5),
        ("{ organization { stats { commonErrors(first: 3) { code } medianCompletionTimeSeconds } } }", 5, 355),
        # Asked for twice counts twice.
        ("{ viewer { user { id } ...F } } fragment F on Viewer { user { username } }", 3, 3),
        ("{ __schema { types { name } } }", 0, INTROSPECTION),
        (
            'mutation { deleteAttempt(input: { id: "x" }) { attempt { id } userErrors { message } } '
            'restoreAttempt(input: { id: "x" }) { attempt { id } } }',
            5,
            25,
        ),
        ('subscription { userPerformanceUpdated(userId: "x") { score metrics { onTimeRatio } } }', 2, 2),
    ],
)  # fmt: skip
def test_costs(text: str, nodes: int, total: int) -> None:
    assert cost_of(text) == Cost(total, nodes)


PAGE = "query ($first: Int, $last: Int = 7) { users(first: $first, last: $last) { nodes { id } } }"


@pytest.mark.parametrize(
    ("variables", "rows"),
    [
        (None, 7),
        ({}, 7),
        ({"first": 3}, 7),
        ({"first": 9}, 9),
        ({"first": 9, "last": None}, 9),
        ({"last": None}, 50),
        ({"first": None, "last": 2}, 2),
        ({"last": 0}, 0),
        # What is refused later must only not break anything.
        ({"last": -5}, 0),
        ({"last": 5.0}, 5),
        ({"last": 10**30}, CEILING),
        ({"last": 1e308}, CEILING),
        ({"last": float("inf")}, CEILING),
        ({"last": float("nan")}, CEILING),
        ({"last": "12"}, 50),
        ({"last": True}, 50),
        ({"last": [1]}, 50),
        ({"last": {"a": 1}}, 50),
    ],
)
def test_pages_by_variables(variables: dict[str, Any] | None, rows: int) -> None:
    assert cost_of(PAGE, variables).nodes == min(rows + 1, CEILING)


def test_one_operation_with_variables_of_many_kinds() -> None:
    meter, operation = CostMeter(graph.schema), operation_of(PAGE)
    for _ in range(2):
        for rows in range(MOST_KEPT + 2):
            assert meter.measure(operation, {"last": rows}).nodes == rows + 1


BATCH = "mutation ($input: RecordAttemptsInput!) { recordAttempts(input: $input) { results { index attempt { id } } } }"


@pytest.mark.parametrize(
    ("given_input", "rows"),
    [
        ({"attempts": [{}] * 1000}, 1000),
        ({"attempts": {}}, 1),
        ({"attempts": None}, 1000),
        ({}, 1000),
        (None, 1000),
        ("x", 1000),
        ([], 1000),
    ],
)
def test_a_batch_costs_by_its_length_and_little(given_input: Any, rows: int) -> None:
    assert cost_of(BATCH, {"input": given_input}) == Cost(10 + 1 + 2 * rows, 1 + 2 * rows)


def test_variables_within_values() -> None:
    text = (
        "query ($days: Int, $ids: [ID!], $id: ID!) { viewer { user { topicStats(topicIds: $ids) { score } "
        "labStats(labIds: [$id, $id]) { attempts } performanceTrend(period: { lastDays: $days }) { points { tasksCompleted } } } } }"
    )
    assert cost_of(text, {"days": 10, "ids": ["a", "b", "c"], "id": "x"}).nodes == 2 + 3 + 2 + 13
    assert cost_of(text, {"days": 20, "id": "x"}).nodes == 2 + 20 + 2 + 23


CONDITIONS = """
query ($yes: Boolean!, $no: Boolean = false) {
  viewer { role }
  a: viewer @include(if: $yes) { role }
  b: viewer @skip(if: $yes) { role }
  c: viewer @include(if: $no) { role }
  d: viewer @skip(if: $no) { role }
  e: viewer @include(if: false) { role }
  f: viewer @skip(if: true) { role }
  g: viewer @skip(if: false) @include(if: true) { role }
  ... @include(if: $no) { h: viewer { role } }
  ...I @skip(if: $yes)
}
fragment I on Query { i: viewer { role } j: users(first: 10) @include(if: $yes) { nodes { id } } }
"""


def test_what_is_known_to_be_left_out_costs_nothing() -> None:
    assert cost_of(CONDITIONS, {"yes": True}).nodes == 4
    assert cost_of(CONDITIONS, {"yes": False}).nodes == 5
    assert cost_of(CONDITIONS, {"yes": False, "no": True}).nodes == 6
    # Of what is not said, or nonsense, nothing is left out that was not to be.
    assert cost_of(CONDITIONS, {}).nodes == 1 + 4 + 1 + 11
    assert cost_of(CONDITIONS, {"yes": "true"}).nodes == 17


def steps_of(text: str) -> tuple[int, Cost]:
    operation = operation_of(text, is_hostile=True)
    walk = Walk(RULES, operation.fragments)
    cost = walk.cost(operation)
    return walk.steps, cost


def doubling(levels: int) -> str:
    """Each fragment spreads the next one twice."""
    return (
        '{ node(id: "x") { ...f0 } }'
        + "".join(
            f"fragment f{n} on User {{ performance {{ user {{ ...f{n + 1} }} }} again: performance {{ user {{ ...f{n + 1} }} }} }}"
            for n in range(levels)
        )
        + f"fragment f{levels} on User {{ id }}"
    )


def nodes_in_nodes(levels: int) -> str:
    """Each fragment is about any type, and spreads the next one in each."""
    return (
        '{ node(id: "x") { ...f0 } }'
        + "".join(
            f"fragment f{n} on Node {{ ... on Group {{ leaderboard {{ scopeEntity {{ ...f{n + 1} }} }} }} "
            f"... on Organization {{ leaderboard {{ scopeEntity {{ ...f{n + 1} }} }} }} }}"
            for n in range(levels)
        )
        + f"fragment f{levels} on Node {{ id }}"
    )


@pytest.mark.parametrize(("document", "nodes"), [(doubling, CEILING), (nodes_in_nodes, 2 * 40 + 1)])
def test_what_doubles_is_walked_once(document: Any, nodes: int) -> None:
    steps = [steps_of(document(levels))[0] for levels in (10, 20, 40)]
    assert steps[2] - steps[1] == 2 * (steps[1] - steps[0])
    assert steps_of(document(40))[1].nodes == nodes


def test_the_longest_chain_of_fragments_that_is_let_in() -> None:
    chain = "".join(f"fragment f{n} on Query {{ ...f{n + 1} }} " for n in range(150))
    text = f"{{ ...f0 }} {chain} fragment f150 on Query {{ viewer {{ role }} }}"
    assert CostMeter(graph.schema).measure(graph.operations.prepare(text), None).nodes == 1


def test_pages_of_pages_stop_at_the_ceiling() -> None:
    deep = "members(first: 200) { nodes { memberships(first: 200) { nodes { group { " * 5 + "id" + " } } } } }" * 5
    assert cost_of(f'{{ group(id: "x") {{ {deep} }} }}') == Cost(CEILING, CEILING)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
EVERYTHING = operation_of(
    """
    query ($first: Int, $ids: [ID!]!, $radius: Int!, $period: PeriodInput!, $grain: TimeGrain!, $skip: Boolean!, $bounds: [Float!]!) {
      nodes(ids: $ids) @skip(if: $skip) { id }
      leaderboard { top(first: $radius) { rank } around(userId: "x", radius: $radius) { rank } }
      users(first: $first) { nodes { performanceTrend(period: $period, grain: $grain) { points { tasksCompleted } } } }
      organization { scoreDistribution(boundaries: $bounds) { buckets { count } } }
    }
    """
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["first", "ids", "radius", "period", "grain", "skip", "bounds"], JSON)
    )
)
def test_no_variables_break_it(variables: dict[str, Any]) -> None:
    cost = CostMeter(graph.schema).measure(EVERYTHING, variables)
    assert 0 < cost.nodes <= cost.total <= CEILING


def test_values_may_be_nested_deeper_than_python_can_follow() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert (
        CostMeter(graph.schema).measure(EVERYTHING, dict.fromkeys(["first", "ids", "period", "bounds"], deep)).nodes > 0
    )
