"""What counts as the same answer, and that the questions are the graph's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import parse, validate

from bench.growth import PAGED
from bench.questions import QUESTIONS, difference, leaves
from bench.subscribers import BOARD, DEBOUNCE
from schema.graph import graph


@pytest.mark.parametrize(
    "document",
    [*(question.ours for question in QUESTIONS.values()), PAGED, BOARD % ("Board", DEBOUNCE)],
    ids=[*QUESTIONS, "paged", "board"],
)
def test_the_documents_are_valid(document: str) -> None:
    assert validate(graph.schema, parse(document)) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([1, "a", None, True], [1, "a", None, True]),
        ([0.1 + 0.2, 3], [0.3, 3.0]),
        ([[1], []], [[1], []]),
        (0.1234567891, 0.12345678912),
    ],
)
def test_equal_answers(ours: Any, theirs: Any) -> None:
    assert difference(ours, theirs) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "where"),
    [
        ([1, 2], [2, 1], "[0]"),
        ([1], [1, 2], ""),
        ([[1, [0.5]]], [[1, [0.50000001]]], "[0][1][0]"),
        ([None], [0], "[0]"),
        (["1"], [1], "[0]"),
        ([0], [1e-9], "[0]"),
    ],
)
def test_different_answers(ours: Any, theirs: Any, where: str) -> None:
    found = difference(ours, theirs)
    assert found is not None
    assert found.partition(":")[0] == where


def test_leaves() -> None:
    assert leaves({"a": [{"b": 1, "c": None}, {"b": 2, "c": "x"}], "d": []}) == 4


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_both_are_asked_about_the_same(question: Any) -> None:
    ours, theirs = question.our_bodies(), question.their_bodies()
    assert len(ours) == len(theirs) == len(question.ids)
    if question.kind:
        assert len({json.loads(body)["variables"]["id"] for body in theirs}) == len(theirs)
