"""Rows that become a field's objects all at once, straight from their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Self

from db.parts import Table
from execution.columns import Items
from execution.compiled.plan import FieldPlan, ObjectPlan
from execution.compiled.projection import Projection


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the rows that were loaded for the keys of a field become its objects: one for each key, a list of them, or pages.
    ``plans`` say what is asked of the objects: for ``pages``, for each of its fields.
    """

    plans: list[ObjectPlan]
    is_list: bool
    pages: ObjectPlan | None

    @classmethod
    def of(cls, field: FieldPlan, *, has_pages: bool) -> Self | None:
        """None where something is wanted that rows alone do not give."""
        if has_pages not in field.layouts:
            layout = cls._of_pages(field) if has_pages else cls._of_objects(field)
            is_fit = layout is not None and all(Projection.of(plan).takes_columns for plan in layout.plans)
            field.layouts[has_pages] = layout if is_fit else None
        found: Self | None = field.layouts[has_pages]
        return found

    @classmethod
    def _of_objects(cls, field: FieldPlan) -> Self | None:
        shape = field.shape.items or field.shape
        if shape.object_type is None:
            return None
        return cls([field.below(shape.object_type)], shape is not field.shape, None)

    @classmethod
    def _of_pages(cls, field: FieldPlan) -> Self | None:
        if field.shape.object_type is None:
            return None
        pages = field.below(field.shape.object_type)
        plans = []
        for each in pages.fields:
            shape = each.shape.items
            if not (isinstance(each.declared, Items) and each.declared.are_rows and shape and shape.object_type):
                return None
            plans.append(each.below(shape.object_type))
        return cls(plans, is_list=True, pages=pages)


def cut(table: Table, keys: set[Any] | None, most: int | None) -> Table:
    """The rows of these keys (None: of all), and of each no more than ``most``."""
    owners = table.values[0]
    if keys is not None and not keys.issuperset(owners):
        table = _compressed(table, list(map(keys.__contains__, owners)))
        owners = table.values[0]
    if most is not None and len(owners) > most and max(Counter(owners).values()) > most:
        table = _compressed(table, _within(owners, most))
    return table


def grouped(keys: Iterable[Any], owners: Sequence[Any], objects: Sequence[Any]) -> dict[Any, list[Any]]:
    """The objects of each key."""
    found: dict[Any, list[Any]] = {key: [] for key in keys}
    for owner, one in zip(owners, objects, strict=True):
        found[owner].append(one)
    return found


def _within(owners: Sequence[Any], most: int) -> list[bool]:
    """Of each place, whether it is among so many first ones of its owner."""
    left = dict.fromkeys(owners, most)
    fits = []
    for owner in owners:
        left[owner] -= 1
        fits.append(left[owner] >= 0)
    return fits


def _compressed(table: Table, fits: Sequence[bool]) -> Table:
    return Table(table.columns, [list(compress(values, fits)) for values in table.values])
