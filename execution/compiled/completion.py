"""Completion: what resolvers and loads gave becomes what the answer shows.

Leaves come from projections at once. Of rows by column, what is found by their keys and already loaded is completed first:
the dicts of a level are then made with all that is in them. What has to be waited for makes frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, repeat
from types import NoneType
from typing import Any, NamedTuple

from graphql import is_abstract_type
from strawberry.types.cast import get_strawberry_type_cast

from db.parts import Table
from execution.columns import Columns
from execution.compiled.bail import Bail
from execution.compiled.failures import Failures
from execution.compiled.frames import Frame, Several
from execution.compiled.loads import Loads, Prepared
from execution.compiled.plan import FieldPlan, ObjectPlan, Plans
from execution.compiled.projection import Projection
from execution.compiled.rows import Layout, cut, grouped
from execution.compiled.shapes import Shape


class Found(NamedTuple):
    """What a field shows for each object, and by place what went wrong."""

    values: list[Any]
    failures: dict[int, Exception]


class Completion:
    """Of one run. ``frames`` are those that were left to be filled in. ``is_shared`` says everywhere that what is completed
    stands in several places of the answer.
    """

    def __init__(self, plans: Plans, loads: Loads) -> None:
        self._plans = plans
        self._loads = loads
        self.frames: list[Frame] = []
        self.failures = Failures()

    def known(self, field: FieldPlan, keys: Sequence[Any], *, is_shared: bool) -> Found | None:
        """What a field shows for the keys of its objects; None where it is not loaded yet."""
        distinct = set(keys)
        prepared = self._loads.known(field, distinct)
        return None if prepared is None else self.found(field, prepared, keys, distinct, is_shared=is_shared)

    def found(
        self, field: FieldPlan, prepared: Prepared, keys: Sequence[Any], distinct: set[Any], *, is_shared: bool
    ) -> Found:
        """The same when it is loaded: whatever is referred to is completed once, however many refer to it."""
        by_key, asked = prepared
        table = asked.table
        is_shared = is_shared or len(distinct) < len(keys)
        if by_key.each is not None and table is not None:
            layout = Layout.of(field, has_pages=by_key.most is not None)
            if layout is not None:
                return self._rows(field, prepared, layout, table, keys, distinct, is_shared=is_shared)
        if by_key.formula is not None and field.shape.leaf is not None and not asked.has_failed:
            values = self._formula(field, prepared, keys)
            if values is not None:
                return Found(values, {})
        return self._values(field, prepared, keys, is_shared=is_shared)

    def objects(self, plan: ObjectPlan, sources: list[Any], *, is_shared: bool) -> list[dict[str, Any]]:
        projection = Projection.of(plan)
        outs = projection.of_objects(sources)
        if rest := projection.left_of_objects:
            self.frames.append(Frame(plan, sources, outs, rest, is_shared))
        return outs

    def values(self, field: FieldPlan, shape: Shape, values: list[Any], *, is_shared: bool) -> list[Any]:
        """The values as the answer shows them."""
        if shape.complete is not None:
            return shape.complete(values)
        if NoneType in set(map(type, values)):
            if not shape.nullable:
                raise Bail("null")
            present = [value is not None for value in values]
            completed = iter(self._present(field, shape, list(compress(values, present)), is_shared=is_shared))
            return [next(completed) if is_present else None for is_present in present]
        return self._present(field, shape, values, is_shared=is_shared)

    def _present(self, field: FieldPlan, shape: Shape, values: list[Any], *, is_shared: bool) -> list[Any]:
        if shape.items is not None:
            return self._lists(field, shape.items, values, is_shared=is_shared)
        if shape.object_type is None:
            return self._abstract(field, values, is_shared=is_shared)
        plan = field.below(shape.object_type)
        if not plan.classes.issuperset(map(type, values)):
            raise Bail("type")
        return self.objects(plan, values, is_shared=is_shared)

    def _abstract(self, field: FieldPlan, values: list[Any], *, is_shared: bool) -> list[Any]:
        type_ = field.named_type
        assert is_abstract_type(type_)
        # An object can say of itself that it stands for another type.
        if any(get_strawberry_type_cast(value) is not None for value in values):
            raise Bail("type")
        completed: list[Any] = [None] * len(values)
        for kind in dict.fromkeys(map(type, values)):
            runtime_type = self._plans.object_types.get(kind)
            if runtime_type is None or not self._plans.schema.is_sub_type(type_, runtime_type):
                raise Bail("type")
            places = [place for place, value in enumerate(values) if type(value) is kind]
            found = self.objects(field.below(runtime_type), [values[place] for place in places], is_shared=is_shared)
            for place, out in zip(places, found, strict=True):
                completed[place] = out
        return completed

    def _lists(self, field: FieldPlan, items: Shape, values: list[Any], *, is_shared: bool) -> list[Any]:
        if items.object_type is not None and _are_columns(values):
            plan = field.below(items.object_type)
            if Projection.of(plan).takes_columns:
                sources = Several([value for value in values if len(value)])
                completed = self._columns(plan, sources, is_shared=is_shared)
                return _cut_up(completed, list(map(len, values)))
        flat: list[Any] = []
        sizes: list[int] = []
        for value in values:
            if not isinstance(value, list | tuple | Columns):
                raise Bail("type")
            size = len(flat)
            flat.extend(value)
            sizes.append(len(flat) - size)
        errors = {place: item for place, item in enumerate(flat) if isinstance(item, Exception)}
        if errors and not items.nullable:
            raise Bail("error")
        for place in errors:
            flat[place] = None
        lists = _cut_up(self.values(field, items, flat, is_shared=is_shared), sizes)
        start = 0
        for size, found in zip(sizes, lists, strict=True) if errors else ():
            for place in range(start, start + size):
                if place in errors:
                    self.failures.add(found, place - start, field, errors[place], is_shared=is_shared)
            start += size
        return lists

    def _columns(self, plan: ObjectPlan, sources: Several, *, is_shared: bool) -> list[dict[str, Any]]:
        """Objects by column."""
        count = len(sources)
        if not count:
            return []
        projection = Projection.of(plan)
        children: list[Any] = []
        late = projection.rest
        failing: list[tuple[FieldPlan, dict[int, Exception]]] = []
        for field in projection.children:
            found = self.known(field, sources.column(field.key_column), is_shared=is_shared)
            if found is None:
                children.append(repeat(None, count))
                late = [*late, field]
                continue
            children.append(found.values)
            if found.failures:
                failing.append((field, found.failures))
        outs = projection.of_columns(count, *map(sources.column, projection.columns), *children)
        if late:
            self.frames.append(Frame(plan, sources, outs, late, is_shared))
        for field, failures in failing:
            self.fail(outs, field, failures, is_shared=is_shared)
        return outs

    def fail(
        self, outs: list[dict[str, Any]], field: FieldPlan, failures: dict[int, Exception], *, is_shared: bool
    ) -> None:
        """Notes what went wrong with a field of objects, which is null there."""
        for place, error in failures.items():
            self.failures.add(outs[place], field.key, field, error, is_shared=is_shared)

    def _rows(
        self,
        field: FieldPlan,
        prepared: Prepared,
        layout: Layout,
        table: Table,
        keys: Sequence[Any],
        distinct: set[Any],
        *,
        is_shared: bool,
    ) -> Found:
        """All rows become objects at once, straight from their columns."""
        by_key = prepared.by_key
        assert by_key.each is not None
        table = cut(table, distinct if len(distinct) < len(prepared.asked.known) else None, by_key.most)
        owners = table.values[0]
        sources = Several([Columns(by_key.each, table.columns, table.values)])
        lists = [self._columns(plan, sources, is_shared=is_shared) for plan in layout.plans]
        if not layout.is_list:
            one_each = dict(zip(owners, lists[0], strict=True))
            return self._one_each(field, prepared, one_each, keys, distinct)
        of_each = [grouped(distinct, owners, objects) for objects in lists]
        in_order = [list(map(each.__getitem__, keys)) for each in of_each]
        if layout.pages is None:
            return Found(in_order[0], {})
        return Found(Projection.of(layout.pages).of_columns(len(keys), *in_order), {})

    def _one_each(
        self, field: FieldPlan, prepared: Prepared, one_each: dict[Any, Any], keys: Sequence[Any], distinct: set[Any]
    ) -> Found:
        """In the order of the keys; those that there is no row for are completed with null, or a failure."""
        if len(one_each) == len(distinct):
            return Found(list(map(one_each.__getitem__, keys)), {})
        if not field.nullable:
            raise Bail("null")
        failed: dict[Any, Exception] = {}
        for key in distinct.difference(one_each):
            try:
                made = prepared.by_key.make(None, key)
            except Exception as error:
                failed[key] = error
            else:
                if made is not None:
                    raise Bail("type")
        return Found(list(map(one_each.get, keys)), _by_place(failed, keys))

    def _formula(self, field: FieldPlan, prepared: Prepared, keys: Sequence[Any]) -> list[Any] | None:
        """What a formula makes of what was loaded; None where it fails for some."""
        try:
            return field.of_loaded(list(map(prepared.asked.values.__getitem__, keys)))
        except Bail:
            raise
        except Exception:
            return None

    def _values(self, field: FieldPlan, prepared: Prepared, keys: Sequence[Any], *, is_shared: bool) -> Found:
        by_key, loaded = prepared.by_key, prepared.asked.values
        made: dict[Any, Any] = {}
        failed: dict[Any, Exception] = {}
        for key in dict.fromkeys(keys):
            row = loaded[key]
            try:
                if isinstance(row, Exception):
                    raise row
                made[key] = by_key.make(row, key)
            except Exception as error:
                made[key] = None
                failed[key] = error
        if failed and not field.nullable:
            raise Bail("null")
        completed = self.values(field, field.shape, list(made.values()), is_shared=is_shared)
        of_each = dict(zip(made, completed, strict=True))
        return Found(list(map(of_each.__getitem__, keys)), _by_place(failed, keys))


def _by_place(failed: dict[Any, Exception], keys: Sequence[Any]) -> dict[int, Exception]:
    return {place: failed[key] for place, key in enumerate(keys) if key in failed} if failed else {}


def _cut_up(flat: list[Any], sizes: list[int]) -> list[list[Any]]:
    """Lists of these sizes, one after the other."""
    lists, start = [], 0
    for size in sizes:
        lists.append(flat[start : start + size])
        start += size
    return lists


def _are_columns(values: list[Any]) -> bool:
    """Whether lists are given by column. One without anything may be empty instead."""
    return any(isinstance(value, Columns) for value in values) and all(
        isinstance(value, Columns) or (isinstance(value, list) and not value) for value in values
    )
