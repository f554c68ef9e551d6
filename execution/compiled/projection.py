"""Projections: Python made for one plan that turns a level's objects into the dicts of the answer.

The loop over graphql-core's completion costs about 3 µs a leaf; a dict display with the tests of the leaves' types in line
costs a thirtieth of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

from graphql import GraphQLObjectType, get_nullable_type, is_leaf_type

from execution.columns import Column, Items, Reference, Related, RowIn, SameRow
from execution.compiled.bail import Bail
from execution.compiled.leaves import Names, coercion_in_line, formula_in_line
from execution.compiled.plan import FieldPlan, ObjectPlan


class Projection:
    """``of_objects(sources)`` and, where all fields are declared, ``of_columns(count, *columns, *children)``: the columns in
    the order of ``columns``, each with so many values, and as many finished values of each of the fields ``children``, which
    are objects over other rows.

    ``rest`` are the fields that stay None, for the run to fill in; of objects also the children. Raises Bail for what would be
    an error.
    """

    def __init__(self, plan: ObjectPlan) -> None:
        self._plan = plan
        self._names = Names()
        # Assignments of what is used more than once.
        self._formulas: list[str] = []
        self._columns: dict[str, None] = {}
        self._uses_object = False
        # What columns are read from: None for the row itself, otherwise the column that holds the row.
        self._holder: str | None = None
        self.rest: list[FieldPlan] = []
        self.children: list[FieldPlan] = []
        display = self._display(plan)
        self.columns = tuple(self._columns)
        columns = [f"column_{name}" for name in self.columns]
        children = [f"child_{place}" for place in range(len(self.children))]
        read = [f"{' = '.join(children)} = None"] if children else []
        read += ["row = source.row"] if columns else []
        read += [f"column_{name} = row.{name}" for name in self.columns]
        self._of_objects = self._compile("sources", "for source in sources:", read, display)
        self._of_columns: Callable[..., list[dict[str, Any]]] | None = None
        if not self._uses_object and plan.columns is not None:
            given = "".join(f"{name}, " for name in [*columns, *children])
            loop = f"for {given}in zip({given}strict=True):" if given else "for _ in range(count):"
            self._of_columns = self._compile(f"count, {given}", loop, [], display)

    @classmethod
    def of(cls, plan: ObjectPlan) -> Projection:
        """The one of a plan, which is made when it is first run."""
        projection = plan.projection
        if projection is None:
            projection = plan.projection = cls(plan)
        assert isinstance(projection, Projection)
        return projection

    @cached_property
    def left_of_objects(self) -> list[FieldPlan]:
        return [*self.rest, *self.children]

    @property
    def takes_columns(self) -> bool:
        return self._of_columns is not None

    def of_objects(self, sources: Sequence[Any]) -> list[dict[str, Any]]:
        return _tried(self._of_objects, sources)

    def of_columns(self, count: int, *columns: Iterable[Any]) -> list[dict[str, Any]]:
        assert self._of_columns is not None
        return _tried(self._of_columns, count, *columns)

    def _compile(
        self, parameters: str, loop: str, read: list[str], display: str
    ) -> Callable[..., list[dict[str, Any]]]:
        lines = [f"def project({parameters}):", "  projected = []", f"  {loop}"]
        lines += [f"    {line}" for line in [*read, *self._formulas]]
        lines += [f"    projected.append({display})", "  return projected"]
        namespace = dict(self._names.values)
        # Names in it are ours (columns, numbered constants) or written by repr (keys of the answer).
        exec(compile("\n".join(lines), f"<projection of {self._plan.type.name}>", "exec"), namespace)  # noqa: S102
        compiled: Callable[..., list[dict[str, Any]]] = namespace["project"]
        return compiled

    def _display(self, plan: ObjectPlan) -> str:
        """The dict display of an object. Only of the outermost there may be fields that are no leaves."""
        by_key = {each.key: each for each in plan.fields}
        entries = []
        for key in plan.keys:
            field = by_key.get(key)
            value = repr(plan.type.name) if field is None else self._value(field)
            if value is None:
                assert plan is self._plan
                assert field is not None
                value = self._other(field)
            entries.append(f"{key!r}: {value}")
        return "{" + ", ".join(entries) + "}"

    def _other(self, field: FieldPlan) -> str:
        """What stands for a field that is no leaf."""
        if isinstance(field.declared, Reference | Related) or (
            isinstance(field.declared, Items) and field.declared.are_rows
        ):
            self.children.append(field)
            return f"child_{len(self.children) - 1}"
        self.rest.append(field)
        return "None"

    def _value(self, field: FieldPlan) -> str | None:
        """The expression of a leaf, or of an object over the same row; None for others."""
        if isinstance(field.declared, RowIn):
            return self._display_in(field, field.declared)
        if isinstance(field.declared, SameRow):
            assert isinstance(field.named_type, GraphQLObjectType)
            below = field.below(field.named_type)
            return self._display(below) if _is_in_line(below) else None
        type_ = get_nullable_type(field.type)
        if not is_leaf_type(type_) or field.is_async or field.takes_arguments:
            return None
        if isinstance(field.declared, Column):
            value = self._column(field.declared)
        elif field.resolver is None:
            self._uses_object = True
            value = self._formula(f"source.{field.python_name}")
        else:
            self._uses_object = True
            value = self._formula(f"{self._names.add('resolve', field.resolver)}(source)")
        return coercion_in_line(type_, value, self._names, nullable=field.nullable)

    def _display_in(self, field: FieldPlan, declared: RowIn) -> str | None:
        """The display of an object over a row that a column holds."""
        assert isinstance(field.named_type, GraphQLObjectType)
        below = field.below(field.named_type)
        if self._holder is not None or field.nullable or not _is_in_line(below):
            return None
        [name] = declared.names
        self._holder = self._read(name)
        display = self._display(below)
        self._holder = None
        return display

    def _read(self, name: str) -> str:
        """Where a column's value stands."""
        assert name.isidentifier()
        if self._holder is not None:
            return self._formula(f"{self._holder}.{name}")
        self._columns[name] = None
        return f"column_{name}"

    def _column(self, declared: Column) -> str:
        values = [self._read(name) for name in declared.names]
        if declared.formula is None:
            return values[0]
        return self._formula(formula_in_line(declared.formula, values, self._names))

    def _formula(self, expression: str) -> str:
        """The name of what an expression comes to for each object."""
        name = f"value_{len(self._formulas)}"
        self._formulas.append(f"{name} = {expression}")
        return name


def _tried(project: Callable[..., list[dict[str, Any]]], *given: Any) -> list[dict[str, Any]]:
    try:
        return project(*given)
    except Bail:
        raise
    except Exception:
        # A leaf's resolver failed: rare enough not to find out here whose.
        raise Bail("error") from None


def _is_in_line(plan: ObjectPlan) -> bool:
    """Whether an object over the same row is all leaves of it, or such objects again."""
    for each in plan.fields:
        if isinstance(each.declared, SameRow):
            assert isinstance(each.named_type, GraphQLObjectType)
            if not _is_in_line(each.below(each.named_type)):
                return False
        elif not isinstance(each.declared, Column):
            return False
    return True
