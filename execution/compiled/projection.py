"""Projections: Python made for one plan that turns a level's objects into the dicts of the answer.

The loop over graphql-core's completion costs about 3 µs a leaf; a dict display with the tests of the leaves' types in line
costs a thirtieth of that. What is not a leaf is left None in its place, for the run to fill in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLEnumType, GraphQLLeafType, GraphQLObjectType, get_nullable_type, is_leaf_type

from execution.columns import Column, RowIn, SameRow
from execution.compiled.leaves import FITS, PLAIN, coercion_of
from execution.compiled.plan import FieldPlan, ObjectPlan

Objects = Callable[[Sequence[Any]], list[dict[str, Any]]]


class Projection:
    """``of_objects(sources)`` and, where all fields are declared, ``of_columns(count, *columns)``: the columns in the order of
    ``columns``, each with so many values.

    ``rest`` are the fields that are left None. Raises Bail for what would be an error, and whatever a resolver raises.
    """

    def __init__(self, plan: ObjectPlan) -> None:
        self._constants: dict[str, Any] = {}
        self._body: list[str] = []
        self._columns: dict[str, None] = {}
        self._uses_object = False
        # What columns are read from: None for the row itself, otherwise the column that holds the row.
        self._holder: str | None = None
        self.rest: list[FieldPlan] = []
        display = self._display(plan, self.rest)
        self.columns = tuple(self._columns)
        row = [f"    column_{name} = row.{name}" for name in self.columns]
        if row:
            row.insert(0, "    row = source.row")
        self.of_objects: Objects = self._compile("sources", "for source in sources:", [*row, *self._body], display)
        self.of_columns: Callable[..., list[dict[str, Any]]] | None = None
        if not self._uses_object and plan.columns is not None:
            names = "".join(f"column_{name}, " for name in self.columns)
            loop = f"for {names}in zip({names}strict=True):" if names else "for _ in range(count):"
            self.of_columns = self._compile(f"count, {names}", loop, self._body, display)

    def _compile(self, parameters: str, loop: str, body: list[str], display: str) -> Callable[..., Any]:
        lines = [f"def project({parameters}):", "  projected = []", f"  {loop}"]
        lines += body
        lines += [f"    projected.append({display})", "  return projected"]
        namespace: dict[str, Any] = dict(self._constants)
        # Names in it are ours (columns, numbered constants) or written by repr (keys of the answer).
        exec("\n".join(lines), namespace)  # noqa: S102
        compiled: Callable[..., Any] = namespace["project"]
        return compiled

    def _display(self, plan: ObjectPlan, rest: list[FieldPlan] | None) -> str:
        """The dict display of an object; fields that are no leaves go to ``rest``."""
        by_key = {each.key: each for each in plan.fields}
        entries = []
        for key in plan.keys:
            field = by_key.get(key)
            if field is None:
                value = repr(plan.type.name)
            else:
                value = self._value(field) or "None"
                if value == "None" and rest is not None:
                    rest.append(field)
            entries.append(f"{key!r}: {value}")
        return "{" + ", ".join(entries) + "}"

    def _value(self, field: FieldPlan) -> str | None:
        if isinstance(field.declared, RowIn):
            return self._display_in(field, field.declared)
        if isinstance(field.declared, SameRow):
            assert isinstance(field.named_type, GraphQLObjectType)
            below = field.below(field.named_type)
            return self._display(below, None) if _is_in_line(below) else None
        type_ = get_nullable_type(field.type)
        if not is_leaf_type(type_) or field.is_async or field.takes_arguments:
            return None
        number = len(self._constants)
        if isinstance(field.declared, Column):
            expression = self._column(field.declared, number)
        elif field.resolver is None:
            self._uses_object = True
            expression = f"source.{field.field.python_name}"
        else:
            self._uses_object = True
            self._constants[f"resolve_{number}"] = field.resolver
            expression = f"resolve_{number}(source)"
        value = f"value_{number}"
        self._constants[f"coerce_{number}"] = coercion_of(type_, nullable=False)
        self._body.append(f"    {value} = {expression}")
        self._body += [f"    {line}" for line in self._coercion(type_, field.nullable, value, number)]
        return value

    def _coercion(self, type_: GraphQLLeafType, nullable: bool, value: str, number: int) -> list[str]:
        """Statements that turn a value into what the answer shows."""
        if written := getattr(type_.coerce_output_value, "in_line", None):
            test, expression = written
            or_null = f" if {value} is not None else None" if nullable else ""
            return [
                f"if {test.format(value)}: {value} = {expression.format(value)}",
                f"else: {value} = coerce_{number}({value}){or_null}",
            ]
        unfit = [f"{value} is not None"] if nullable else []
        if fits := FITS.get(type_.name):
            unfit.append(f"not ({fits.format(value)})")
        coerce = f"{value} = coerce_{number}({value})"
        lines = [f"if {' and '.join(unfit)}: {coerce}" if unfit else coerce]
        if type_.name not in FITS and not isinstance(type_, GraphQLEnumType):
            self._constants["PLAIN"] = PLAIN
            self._constants[f"serialize_{number}"] = type_.coerce_output_value
            lines = [
                f"if {value}.__class__ in PLAIN:",
                f"  {value} = serialize_{number}({value})",
                # A scalar must not make nothing of something: bails.
                f"  if {value} is None: coerce_{number}(None)",
                f"el{lines[0]}" if unfit else f"else: {coerce}",
            ]
        return lines

    def _display_in(self, field: FieldPlan, declared: RowIn) -> str | None:
        """The display of an object over a row that a column holds."""
        assert isinstance(field.named_type, GraphQLObjectType)
        below = field.below(field.named_type)
        if self._holder is not None or field.nullable or not _is_in_line(below):
            return None
        [name] = declared.names
        self._holder = self._read(name)
        display = self._display(below, None)
        self._holder = None
        return display

    def _read(self, name: str) -> str:
        """Where a column's value stands."""
        assert name.isidentifier()
        if self._holder is not None:
            return f"{self._holder}.{name}"
        self._columns[name] = None
        return f"column_{name}"

    def _column(self, declared: Column, number: int) -> str:
        values = [self._read(name) for name in declared.names]
        if declared.formula is None:
            return values[0]
        self._constants[f"formula_{number}"] = declared.formula.function
        in_line = declared.formula.in_line.replace("function", f"formula_{number}")
        return in_line.format(*values)


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
