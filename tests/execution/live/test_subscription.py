"""What tells two askings apart, and what is no news."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from graphql import build_schema, parse

from execution.live.noise import NOISE, noise_of, without_noise
from execution.live.subscription import Subscription
from execution.operations import Operation, Operations
from schema.graph import graph


def subscription(text: str) -> Subscription:
    return Subscription.of(graph.schema, graph.operations.prepare(text))


RETURNING = (
    "subscription ($since: String, $first: Int!) { a: leaderboardUpdated(since: $since, first: $first) { version } }"
)


def test_what_a_client_has_is_no_part_of_the_question() -> None:
    asked = [
        subscription(RETURNING).asked(variables)
        for variables in (
            {"first": 1, "since": "x"},
            {"since": "y", "first": 1},
            {"first": 1, "since": None},
            {"first": 1},
        )
    ]
    assert len({one.name for one in asked}) == 1
    assert [one.since for one in asked] == ["x", "y", None, None]
    assert subscription(RETURNING).key == "a"
    assert subscription(RETURNING).asked({"first": 2}).name != asked[0].name


@pytest.mark.parametrize("since", [5, [], {"a": 1}, True])
def test_what_is_no_version_is_left_to_be_refused(since: Any) -> None:
    asked = subscription(RETURNING).asked({"first": 1, "since": since})
    assert (asked.since, asked.variables["since"]) == (None, since)


def test_a_version_that_must_be_given_must_be_given() -> None:
    needed = subscription("subscription ($since: String!) { leaderboardUpdated(since: $since) { version } }")
    assert needed.asked({"since": "x"}).since == "x"
    assert needed.asked({}).variables == {}


def test_a_variable_that_says_something_else_too_belongs_to_the_question() -> None:
    both = subscription(
        """subscription ($x: String!) {
          leaderboardUpdated(since: $x) { leaderboard { entries(after: $x) { nodes { rank } } } } }"""
    )
    assert both.asked({"x": "a"}).since is None
    assert both.asked({"x": "a"}).name != both.asked({"x": "b"}).name


def test_a_version_in_the_document() -> None:
    assert subscription('subscription { leaderboardUpdated(since: "x") { version } }').asked(None).since == "x"


PAGE = """subscription { board: leaderboardUpdated {
  v: version sequence isSnapshot changes { kind } ...Whole leaderboard { period { from days } top { rank } } } }
fragment Whole on LeaderboardUpdate { leaderboard { period { to } ... on Leaderboard { of: scope } } changes { userId } }"""


def test_what_differs_each_time_is_no_news() -> None:
    operation = graph.operations.prepare(PAGE)
    tree = noise_of(graph.schema, operation)
    assert tree == {
        "board": {
            "v": None,
            "sequence": None,
            "isSnapshot": None,
            "changes": None,
            "leaderboard": {"period": {"from": None, "to": None}},
        }
    }
    told = {
        "board": {
            "v": "x",
            "sequence": 1,
            "isSnapshot": True,
            "changes": [{"kind": "LEFT"}],
            "leaderboard": {"period": {"from": "a", "to": "b", "days": 3}, "of": "GROUP", "top": [{"rank": 1}]},
        }
    }
    assert without_noise(told, tree) == {
        "board": {"leaderboard": {"period": {"days": 3}, "of": "GROUP", "top": [{"rank": 1}]}}
    }
    assert without_noise({"board": {"leaderboard": {"period": None}}}, tree) == {
        "board": {"leaderboard": {"period": None}}
    }
    assert without_noise({"board": None}, tree) == {"board": None}


def test_a_name_that_is_noise_only_somewhere_is_news() -> None:
    schema = build_schema("""
      type Query { things: [Thing] }
      union Thing = Clock | Shelf
      type Clock { time: Int, owner: Owner }
      type Shelf { books: Int, owner: Owner }
      type Owner { age: Int, name: String }
    """)
    for kind, field in (("Clock", "time"), ("Owner", "age")):
        noisy = schema.type_map[kind].fields[field]  # type: ignore[attr-defined]
        noisy.extensions = {"strawberry-definition": SimpleNamespace(metadata=NOISE)}
    operations = Operations(schema)
    same = operations.prepare(
        "{ things { ... on Clock { a: time owner { age } } ... on Shelf { a: books owner { name } } } }"
    )
    assert noise_of(schema, same) == {"things": {"owner": {"age": None}}}
    other = operations.prepare("{ things { ... on Clock { a: time } ... on Shelf { b: books } } }")
    assert noise_of(schema, other) == {"things": {"a": None}}


def test_fragments_within_fragments_take_no_time() -> None:
    schema = build_schema("type Query { left: Query right: Query leaf: Int }")
    schema.query_type.fields["leaf"].extensions = {  # type: ignore[union-attr]
        "strawberry-definition": SimpleNamespace(metadata=NOISE)
    }
    levels = 200
    document = parse(
        "{ ...F0 ...F0 }"
        + "".join(
            f"fragment F{n} on Query {{ left {{ ...F{n + 1} ...F{n + 1} }} right {{ ...F{n + 1} }} }}"
            for n in range(levels)
        )
        + f"fragment F{levels} on Query {{ leaf }}"
    )
    node, *fragments = document.definitions
    operation = Operation("", None, document, node, {f.name.value: f for f in fragments})  # type: ignore[arg-type, attr-defined]
    tree = noise_of(schema, operation)
    for _ in range(levels):
        tree = tree["left"]  # type: ignore[assignment]
    assert tree == {"leaf": None}
