"""Plans are worked out once and kept, but not without end."""

from __future__ import annotations

from execution.compiled.plan import KeptPlans
from execution.operations import Operation
from schema.graph import graph


def operation_of(text: str) -> Operation:
    return graph.operations.prepare(text)


def plans_of(kept: KeptPlans, operation: Operation, **variables: bool) -> object:
    return kept.of(operation, graph.executor.variables(operation, variables))


CONDITIONS = "query($a: Boolean!, $b: Boolean!) { labs { nodes { id @include(if: $a) title @skip(if: $b) } } }"


def test_each_combination_has_a_plan() -> None:
    kept = KeptPlans(graph.schema)
    operation = operation_of(CONDITIONS)
    found = {(a, b): plans_of(kept, operation, a=a, b=b) for a in (False, True) for b in (False, True)}
    assert len(set(map(id, found.values()))) == 4
    assert all(plans_of(kept, operation, a=a, b=b) is plans for (a, b), plans in found.items())


def test_what_was_not_used_for_longest_goes_first() -> None:
    operation = operation_of(CONDITIONS)
    kept = KeptPlans(graph.schema, most_characters=2 * len(operation.text))
    first, second = plans_of(kept, operation, a=True, b=True), plans_of(kept, operation, a=True, b=False)
    assert plans_of(kept, operation, a=True, b=True) is first
    plans_of(kept, operation, a=False, b=False)
    assert plans_of(kept, operation, a=True, b=True) is first
    assert plans_of(kept, operation, a=True, b=False) is not second


def test_a_plan_that_is_larger_than_all_that_may_be_kept_is_used_once() -> None:
    operation = operation_of(CONDITIONS)
    kept = KeptPlans(graph.schema, most_characters=1)
    assert plans_of(kept, operation, a=True, b=True) is not plans_of(kept, operation, a=True, b=True)
