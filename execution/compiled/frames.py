"""Objects that the answer says something of, and what is still to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from execution.columns import Columns
from execution.compiled.plan import FieldPlan, ObjectPlan


class Several:
    """The objects of several lists by column, one after the other."""

    def __init__(self, lists: Sequence[Columns]) -> None:
        self._lists = lists

    def column(self, name: str) -> Sequence[Any]:
        if len(self._lists) == 1:
            return self._lists[0].column(name)
        return list(chain.from_iterable(each.column(name) for each in self._lists))

    def __len__(self) -> int:
        return sum(map(len, self._lists))

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self._lists)


@dataclass(slots=True, eq=False)
class Frame:
    """Objects of one type, what the answer says of each, and which fields are still to be filled in."""

    plan: ObjectPlan
    sources: Sequence[Any] | Several
    outs: list[dict[str, Any]]
    rest: list[FieldPlan]
    is_shared: bool = False
    """Whether an answer of it stands in several places, so that an error in it would have several paths."""

    def column(self, name: str) -> Sequence[Any]:
        """Of the rows behind the objects."""
        if isinstance(self.sources, Several):
            return self.sources.column(name)
        return [getattr(source.row, name) for source in self.sources]
