"""Rows that become a field's objects all at once, straight from their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import compress
from typing import Self

from graphql import GraphQLList, GraphQLObjectType, get_nullable_type

from db.batch import Table
from execution.columns import ByKey, Columns, Items
from execution.compiled.plan import FieldPlan, ObjectPlan


@dataclass(slots=True, eq=False)
class Rows:
    """What was loaded for the keys of a field, where all that is wanted is objects over those rows: one for each key, a list of
    them, or pages. ``plans`` say what is asked of the objects: for ``pages``, for each of its fields.
    """

    by_key: ByKey
    table: Table
    plans: list[ObjectPlan]
    is_list: bool
    pages: ObjectPlan | None

    @classmethod
    def of(cls, field: FieldPlan, by_key: ByKey, table: Table) -> Self | None:
        """None where something else is wanted, too."""
        object_type = field.named_type
        if not isinstance(object_type, GraphQLObjectType):
            return None
        plan = field.below(object_type)
        if by_key.most is None:
            type_ = get_nullable_type(field.type)
            is_list = isinstance(type_, GraphQLList)
            item_type = get_nullable_type(type_.of_type) if isinstance(type_, GraphQLList) else type_
            return cls(by_key, table, [plan], is_list, None) if item_type is object_type else None
        plans = []
        for each in plan.fields:
            if not (isinstance(each.declared, Items) and each.declared.are_rows):
                return None
            assert isinstance(each.named_type, GraphQLObjectType)
            plans.append(each.below(each.named_type))
        return cls(by_key, table, plans, is_list=False, pages=plan)

    def cut(self, keys: Collection[object]) -> Columns:
        """The rows of these keys, and of each no more than are wanted."""
        owners, most = self.table.values[0], self.by_key.most
        values = self.table.values
        if most is not None and not self._fits(keys, most):
            room = dict.fromkeys(keys, most)
            fits = []
            for owner in owners:
                left = room.get(owner, 0)
                room[owner] = left - 1
                fits.append(left > 0)
            values = [list(compress(column, fits)) for column in values]
        elif most is None and not set(keys).issuperset(owners):
            fits = [owner in keys for owner in owners]
            values = [list(compress(column, fits)) for column in values]
        assert self.by_key.each is not None
        return Columns(self.by_key.each, self.table.columns, values)

    def _fits(self, keys: Collection[object], most: int) -> bool:
        """Whether there are rows of these keys alone, and no more than are wanted."""
        sizes = Counter(self.table.values[0])
        return max(sizes.values(), default=0) <= most and set(keys).issuperset(sizes)
