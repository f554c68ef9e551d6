"""How long lists are, and what costs more than the objects that are answered; both are told to clients as directives.

Weights are measured on 5 million attempts: 1 stands for about 50 µs, which is what an object with its row costs.
"""

from __future__ import annotations

from typing import Any

import strawberry

from execution.cost_directives import CountedList, FieldCost, ListSize

BY_FIRST = ListSize(slicing_arguments=["first"], require_one_slicing_argument=strawberry.UNSET)
"""Of a list that has an argument ``first`` with a default, and no pages."""

FEW = [ListSize(assumed_size=1, require_one_slicing_argument=strawberry.UNSET)]
"""The directives of a list that is empty where all goes well."""


def cost(weight: int) -> FieldCost:
    """Of a field beside its objects, or of an argument that is given and not false."""
    return FieldCost(weight=str(weight))


def first_of(sized_field: str) -> ListSize:
    """Of a field with an argument ``first`` that has a default, about a list in its answer."""
    return ListSize(
        slicing_arguments=["first"], sized_fields=[sized_field], require_one_slicing_argument=strawberry.UNSET
    )


def assumed(size: int) -> ListSize:
    """Of a list whose length nobody asks for."""
    return ListSize(assumed_size=size, require_one_slicing_argument=strawberry.UNSET)


def one_for_each(argument: str, size: int) -> CountedList:
    """Of a list with a row for each value of ``argument``; of ``size`` where it is not given."""
    return CountedList([argument], _length, assumed_size=size)


def one_for_each_of_input(field: str, size: int, sized_field: str | None = None) -> CountedList:
    """Of a mutation that answers with a row for each value of ``field`` of its input, of which there are ``size`` at most."""
    return CountedList(
        ["input"],
        lambda given: _length(given.get(field)) if isinstance(given, dict) else None,
        assumed_size=size,
        sized_fields=[sized_field or field],
    )


def one_between(argument: str, size: int, sized_field: str) -> CountedList:
    """Of a field that answers with a row between any two values of ``argument``; of ``size`` where it is not given."""
    return CountedList(
        [argument],
        lambda values: len(values) - 1 if isinstance(values, list) else None,
        assumed_size=size,
        sized_fields=[sized_field],
    )


def within(radius: str, largest: int) -> CountedList:
    """Of a list of one row and those up to ``radius`` places before and after it."""
    return CountedList(
        [radius],
        lambda given: 2 * given + 1 if isinstance(given, int) else None,
        assumed_size=2 * largest + 1,
    )


def _length(values: Any) -> int | None:
    # One value may be sent for a list of one.
    return None if values is None else len(values) if isinstance(values, list) else 1
