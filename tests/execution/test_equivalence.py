"""The compiled executor answers as the standard one: generated operations, by callers of every role, over one snapshot.

`SCOREGRAPH_EXAMPLES=5000 make test ARGS=tests/execution/test_equivalence.py` tries that many; with `SCOREGRAPH_SEED` they
are others.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from graphql import DocumentNode, StringValueNode
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import queries

from execution.operations import RequestErrors
from schema.graph import graph
from tests.execution.callers import KNOWN, UNKNOWN, Caller
from tests.execution.conftest import School
from tests.execution.generated_operations import Variation

EXAMPLES = int(os.environ.get("SCOREGRAPH_EXAMPLES", "200"))
SEED = int(os.environ.get("SCOREGRAPH_SEED", "0"))

# Callers who see much, so that most operations are asked by one who does.
SEEING = [caller for caller in KNOWN if caller["role"] in ("TEACHER", "MANAGER", "ADMIN")] + KNOWN[3:5]

SCALARS = {
    name: st.just(StringValueNode(value=value))
    for name, value in {
        "DateTime": "2026-03-03T09:00:00Z",
        "Date": "2026-03-03",
        "TimeZone": "UTC",
        "BigInt": "1",
        "JSON": "{}",
    }.items()
}
query_type = graph.schema.query_type
assert query_type is not None
DRAWN = st.sampled_from(
    [
        queries(graph.schema, fields=[name], custom_scalars=SCALARS, print_ast=lambda document: document)
        for name in query_type.fields
    ]
).flatmap(lambda drawn: drawn)


@pytest.fixture(scope="module")
def found() -> Counter[str]:
    """What became of the examples."""
    return Counter()


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(
    drawn=st.lists(DRAWN, min_size=1, max_size=2),
    number=st.integers(0, 2**32),
    callers=st.tuples(st.sampled_from(SEEING), st.sampled_from(KNOWN + UNKNOWN)),
)
async def test_generated_operations_answer_alike(
    lively_school: School, found: Counter[str], drawn: list[DocumentNode], number: int, callers: tuple[Caller, ...]
) -> None:
    generated = Variation(graph.schema, lively_school.world, number).of(drawn)
    try:
        graph.operations.prepare(generated.text)
    except RequestErrors:
        found["refused"] += 1
        return
    for caller in callers:
        answer, bailouts = await lively_school.both(generated.text, caller, generated.variables)
        found["answers"] += 1
        found["bailouts"] += bailouts.total()
        found["data"] += any(answer.data.values() if answer.data else ())
        found.update({str((error.extensions or {})["code"]) for error in answer.errors or ()})


def test_the_examples_reached_data_and_errors(found: Counter[str]) -> None:
    """Of the test before: otherwise it would come to mean nothing without anybody noticing."""
    answers = found["answers"]
    if not answers:
        pytest.skip("no examples were run")
    assert found["data"] > answers / 3
    assert found["bailouts"] < answers / 4
    assert found["refused"] < answers / 10
    for code in ("VALIDATION", "NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"):
        assert answers / 100 < found[code] < answers / 2
    assert not found["INTERNAL"]
