"""No answer has more objects than its operation was weighed at: golden pages, and documents drawn from the schema."""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_required_argument,
)

from execution.cost import CostMeter
from schema.graph import graph
from tests.asking import Asker
from tests.test_golden import ASKED_BY, GOLDEN, PAGES

METER = CostMeter(graph.schema)
MOST = 1_000
"""Objects of a document that is drawn, so that trying one takes a moment."""


def objects(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(objects(inner) for inner in value.values())
    return sum(objects(inner) for inner in value) if isinstance(value, list) else 0


@pytest.mark.parametrize("page", PAGES)
async def test_golden_pages(ask: Asker, page: str) -> None:
    document = (GOLDEN / page / "query.graphql").read_text()
    asked_by = ASKED_BY.match(document)
    assert asked_by is not None
    answer = await ask(document, **asked_by.groupdict())
    assert answer.data is not None
    assert objects(answer.data) - 1 <= METER.measure(graph.operations.prepare(document), None).nodes


class Drawn:
    """A document about what there is in the school."""

    def __init__(self, ask: Asker, seed: int) -> None:
        self._random = random.Random(seed)
        people = [ask.id("User", name) for name in ("ben", "cleo", "dan", "ada")]
        self._ids = {
            "userId": people,
            "userA": people,
            "userB": people,
            "topicIds": [ask.id("Topic", name) for name in ("algebra", "sets")],
            "labIds": [ask.id("Lab", name) for name in ("l1", "l2", "l3")],
            "id": [ask.id("Group", "alg-1"), ask.id("Lab", "l1"), *people],
        }
        self._ids["ids"] = self._ids["id"]

    def text(self) -> str:
        root = graph.schema.query_type
        assert root is not None
        return self._selection(root, 6)

    def _selection(self, kind: Any, depth: int) -> str:
        if is_abstract_type(kind):
            of = self._random.choice(graph.schema.get_possible_types(kind))
            return "{ __typename ... on " + of.name + " " + self._selection(of, depth) + " }"
        if not depth:
            return "{ __typename }"
        names = {*self._random.sample(list(kind.fields), min(3, len(kind.fields)))}
        # Lists would seldom be opened otherwise.
        names |= {"edges", "nodes", "node", "points", "results"} & kind.fields.keys()
        fields = (text for name in sorted(names) if (text := self._field(kind, name, depth)))
        return "{ __typename " + " ".join(fields) + " }"

    def _field(self, kind: GraphQLObjectType, name: str, depth: int) -> str | None:
        field = kind.fields[name]
        arguments = self._arguments(name, field)
        if arguments is None:
            return None
        named = get_named_type(field.type)
        if not hasattr(named, "fields"):
            return name + arguments
        return name + arguments + self._selection(named, depth - 1)

    def _arguments(self, field_name: str, field: GraphQLField) -> str | None:
        written = []
        for name, argument in field.args.items():
            value = self._value(field_name, name)
            if value is None and is_required_argument(argument):
                return None
            # Small pages are full ones, so that there is no room for a row too much.
            likely = is_required_argument(argument) or name == "first" or self._random.random() < 0.5
            if value is not None and likely:
                written.append(f"{name}: {value}")
        return f"({', '.join(written)})" if written else ""

    def _value(self, field: str, name: str) -> str | None:
        pick = self._random
        if name in self._ids:
            ids = self._ids[name]
            if not name.endswith("s"):
                return f'"{pick.choice(ids)}"'
            return "[" + " ".join(f'"{one}"' for one in pick.sample(ids, pick.randint(0, len(ids)))) + "]"
        match name:
            case "first":
                # Everybody fits into the smallest top, so that nobody is left to be tied with its last.
                return str(9 if field == "top" else pick.randint(1, 3))
            case "radius":
                return str(pick.randint(0, 3))
            case "period":
                return pick.choice(
                    [
                        '{ dates: { from: "2026-02-20", to: "2026-04-10" } }',
                        '{ range: { from: "2026-03-02T00:00:00Z", to: "2026-03-04T01:00:00+02:00" } }',
                        "{ lastDays: 3 }",
                        "{ calendar: LAST_MONTH }",
                    ]
                )
            case "grain":
                return pick.choice(["DAY", "WEEK", "MONTH", "HOUR"])
            case "fill":
                return pick.choice(["NONE", "NULL", "ZERO", "CARRY_FORWARD"])
            case "boundaries":
                return pick.choice(["[0, 50, 100]", "[0, 10, 20, 30, 40, 50, 60, 100]"])
            case "measure":
                return "SCORE"
            case "p":
                return "0.5"
        return None


@pytest.mark.parametrize("seed", range(25))
async def test_documents_drawn_from_the_schema(ask: Asker, seed: int) -> None:
    drawn = Drawn(ask, seed)
    while (cost := METER.measure(graph.operations.prepare(document := drawn.text()), None)).nodes > MOST:
        pass
    answer = await ask(document, person="mia", role="MANAGER")
    assert answer.data is not None
    assert objects(answer.data) - 1 <= cost.nodes
