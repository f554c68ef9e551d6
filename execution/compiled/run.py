"""Runs a plan breadth-first: a wave at a time, all loads of a wave together.

A wave is a set of frames, each with the objects that one plan is to be filled in for. Leaves come from the plan's projection
at once, as does what follows from it without waiting; resolvers that wait run side by side (see ``resolvers.batches``), and
what they give makes the frames of the next wave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from types import NoneType
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    located_error,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.type import GraphQLResolveInfo
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.cast import get_strawberry_type_cast
from strawberry.types.info import Info

from execution.columns import ByKey, Columns, Reference, Related
from execution.compiled.bail import Bail
from execution.compiled.leaves import completion_of
from execution.compiled.plan import FieldPlan, ObjectPlan, Plans
from execution.compiled.projection import Projection
from execution.compiled.rows import Rows
from resolvers.batches import drive
from resolvers.context import Context

Values = tuple[dict[Any, Any], dict[Any, Exception]]
"""By key: values (None where there is a failure), and failures."""


class PlannedInfo(Info[Context, None]):
    """What a resolver may ask about its field, with the columns that are wanted of the rows it gives."""

    plan: FieldPlan
    run: Run

    async def foresee(self, name: tuple[Any, ...], known: Collection[Any]) -> None:
        await self.run.foresee(self.plan, name, known)

    def columns_wanted(self, below: str | None) -> frozenset[str] | None:
        return self.plan.columns_below if below is None else self.plan.columns_of(below)


class Several:
    """The objects of several lists by column, one after the other."""

    def __init__(self, lists: Sequence[Columns]) -> None:
        self._lists = lists

    def column(self, name: str) -> list[Any]:
        return [value for each in self._lists for value in each.values[each.names.index(name)]]

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


@dataclass(slots=True, eq=False)
class Job:
    """A field of a frame that waits: ``first`` is the place of its first coroutine, of which there is one for each object, or
    one for all where they are found by ``keys``.
    """

    frame: Frame
    field: FieldPlan
    first: int
    keys: Sequence[Any] | None = None


class Run:
    """One execution of a query, or of one event of a subscription. Raises Bail."""

    def __init__(self, schema: GraphQLSchema, plans: Plans, variables: VariableValues, context: Context) -> None:
        self._schema = schema
        self._plans = plans
        self._variables = variables
        self._context = context
        self._batches = context.run_in_step()
        self._frames: list[Frame] = []
        self._shared = False
        self._failures: list[tuple[Any, Any, FieldPlan, Exception]] = []
        self._by_keys: dict[FieldPlan, ByKey] = {}

    async def query(self) -> tuple[dict[str, Any], list[GraphQLError]]:
        """The data and the errors."""
        [data] = self._project(self._plans.root, [None])
        await self._fill_in()
        return data, self._errors(data)

    async def event(self, event: Any) -> tuple[dict[str, Any], list[GraphQLError]]:
        """The data and the errors for what the source of a subscription gave."""
        [field] = self._plans.root.fields
        data: dict[str, Any] = {field.key: None}
        self._finish(Frame(self._plans.root, [None], [data], []), field, [event], {})
        await self._fill_in()
        return data, self._errors(data)

    async def _fill_in(self) -> None:
        while self._frames:
            jobs: list[Job] = []
            coroutines: list[Coroutine[Any, Any, Any]] = []
            try:
                while self._frames:
                    frames, self._frames = self._frames, []
                    for frame in frames:
                        for field in frame.rest:
                            self._start(frame, field, jobs, coroutines)
            except BaseException:
                for coroutine in coroutines:
                    coroutine.close()
                raise
            outcomes, failures = await drive(coroutines, self._batches)
            for failure in failures.values():
                if isinstance(failure, Bail):
                    raise failure
            for job in jobs:
                self._shared = job.frame.is_shared
                if job.keys is not None:
                    self._finish_by_key(job, outcomes[job.first], failures.get(job.first))
                else:
                    last = job.first + len(job.frame.sources)
                    found = {
                        place - job.first: failures[place] for place in range(job.first, last) if place in failures
                    }
                    self._finish(job.frame, job.field, outcomes[job.first : last], found)

    def _start(
        self, frame: Frame, field: FieldPlan, jobs: list[Job], coroutines: list[Coroutine[Any, Any, Any]]
    ) -> None:
        self._shared = frame.is_shared
        if isinstance(field.declared, Reference | Related):
            keys = self._keys(frame, field.declared)
            if None in keys:
                raise Bail("null")
            jobs.append(Job(frame, field, len(coroutines), keys))
            coroutines.append(self._by_key(field, list(dict.fromkeys(keys))))
            return
        if field.resolver is None:
            name = field.field.python_name
            self._finish(frame, field, [getattr(source, name) for source in frame.sources], {})
            return
        resolve, arguments = field.resolver, self._arguments(field)
        if field.is_async:
            jobs.append(Job(frame, field, len(coroutines)))
            coroutines.extend([resolve(source, **arguments) for source in frame.sources])
            return
        values: list[Any] = []
        failures: dict[int, Exception] = {}
        for place, source in enumerate(frame.sources):
            try:
                values.append(resolve(source, **arguments))
            except Exception as error:
                values.append(None)
                failures[place] = error
        self._finish(frame, field, values, failures)

    @staticmethod
    def _keys(frame: Frame, declared: Reference | Related) -> Sequence[Any]:
        [name] = declared.names
        if isinstance(frame.sources, Several):
            return frame.sources.column(name)
        return [getattr(source.row, name) for source in frame.sources]

    def _arguments(self, field: FieldPlan) -> dict[str, Any]:
        """What the resolver takes beside its object."""
        base = field.field.base_resolver
        assert base is not None
        arguments = field.constant_arguments
        if arguments is None:
            try:
                given = get_argument_values(field.definition, field.details[0].node, self._variables)
                schema = self._schema._strawberry_schema  # type: ignore[attr-defined]
                _, arguments = get_arguments(
                    field=field.field,
                    source=None,
                    info=None,  # type: ignore[arg-type]
                    kwargs=given,
                    config=schema.config,
                    scalar_registry=schema.schema_converter.scalar_registry,
                )
            except Exception:
                raise Bail("arguments") from None
            if not field.has_variables:
                field.constant_arguments = arguments
        if base.info_parameter is not None:
            arguments = {**arguments, base.info_parameter.name: self._info(field)}
        return arguments

    def _info(self, field: FieldPlan) -> PlannedInfo:
        raw = GraphQLResolveInfo(
            field.definition_name,
            field.nodes,
            field.type,
            field.parent.type,
            None,  # type: ignore[arg-type]  # many objects at once
            self._schema,
            self._plans.operation.fragments,
            None,
            self._plans.operation.node,
            self._variables,
            self._context,
            None,  # type: ignore[arg-type]
            None,
            None,  # type: ignore[arg-type]
        )
        info = PlannedInfo(raw, field.field)
        info.plan, info.run = field, self
        return info

    def _finish(self, frame: Frame, field: FieldPlan, values: list[Any], failures: dict[int, Exception]) -> None:
        if failures and not field.nullable:
            raise Bail("null")
        for place, error in failures.items():
            self._fail(frame.outs[place], field.key, field, error)
        key = field.key
        for out, value in zip(frame.outs, self._complete(field, field.type, values), strict=True):
            out[key] = value

    async def _by_key(self, field: FieldPlan, keys: list[Any]) -> Values | Rows:
        """What there is for each key: values and failures, or rows that become values together."""
        by_key = await self._prepared(field)
        await self.foresee(field, (by_key.load, *by_key.arguments))
        outcomes = await self._batches.outcomes(by_key.load, keys, by_key.arguments)
        if by_key.each is not None and outcomes.table is not None:
            rows = Rows.of(field, by_key, outcomes.table)
            if rows is not None and all(self._projection(each).of_columns for each in rows.plans):
                return rows
        values: dict[Any, Any] = {}
        failures: dict[Any, Exception] = {}
        for key, row in zip(keys, outcomes.values, strict=True):
            try:
                if isinstance(row, Exception):
                    raise row
                values[key] = by_key.make(row, key)
            except Exception as error:
                values[key] = None
                failures[key] = error
        return values, failures

    async def _prepared(self, field: FieldPlan) -> ByKey:
        prepared = self._by_keys.get(field)
        if prepared is None:
            declared = field.declared
            if isinstance(declared, Reference):
                prepared = declared.by_key(field.columns_below)
            else:
                assert isinstance(declared, Related)
                prepared = await declared.prepare(None, **self._arguments(field))
            self._by_keys[field] = prepared
        return prepared

    async def foresee(self, field: FieldPlan, name: tuple[Any, ...], known: Collection[Any] = ()) -> None:
        """Says what will be asked of the rows that a field is loaded from, so that it can be loaded with them; except by
        ``known`` loads.
        """
        for below in field.followed_by:
            declared = below.declared
            assert isinstance(declared, Reference | Related)
            try:
                by_key = await self._prepared(below)
            except Exception:  # noqa: S112  it goes wrong again when there are objects that it goes wrong for
                continue
            if by_key.load in known:
                continue
            follower = (by_key.load, *by_key.arguments)
            self._batches.follow(name, declared.names[0], follower)
            await self.foresee(below, follower)

    def _finish_by_key(self, job: Job, found: Values | Rows | None, failure: Exception | None) -> None:
        """Each object that is referred to is completed once, however many refer to it."""
        field, keys = job.field, job.keys
        assert keys is not None
        if found is None:
            assert failure is not None
            found = dict.fromkeys(keys), dict.fromkeys(keys, failure)
        if isinstance(found, Rows):
            completed, failures = self._objects_by_key(field, found, keys)
        else:
            values, failures = found
            self._shared = self._shared or len(values) < len(keys)
            completed = dict(zip(values, self._complete(field, field.type, list(values.values())), strict=True))
        if failures:
            if not field.nullable:
                raise Bail("null")
            for out, key in zip(job.frame.outs, keys, strict=True):
                if key in failures:
                    self._fail(out, field.key, field, failures[key])
        name = field.key
        for out, key in zip(job.frame.outs, keys, strict=True):
            out[name] = completed[key]

    def _objects_by_key(self, field: FieldPlan, rows: Rows, keys: Sequence[Any]) -> Values:
        """What the answer shows for each key, and the failures: all rows become objects at once, straight from their columns."""
        distinct = dict.fromkeys(keys)
        self._shared = self._shared or len(distinct) < len(keys)
        columns = rows.cut(distinct)
        owners = columns.values[0]
        lists = [self._columns(plan, [columns])[0] for plan in rows.plans]
        if rows.pages is None and not rows.is_list:
            one_each: dict[Any, Any] = dict(zip(owners, lists[0], strict=True))
            return one_each, self._missing(field, rows, one_each, distinct)
        grouped = [_grouped(distinct, owners, objects) for objects in lists]
        if rows.pages is None:
            return grouped[0], {}
        # In the order of the page's fields; what is none of them is the name of its type.
        of_type = dict.fromkeys(distinct, rows.pages.type.name)
        by_name = dict(zip([each.key for each in rows.pages.fields], grouped, strict=True))
        of_names = {name: by_name.get(name, of_type) for name in rows.pages.keys}
        return {key: {name: found[key] for name, found in of_names.items()} for key in distinct}, {}

    def _missing(
        self, field: FieldPlan, rows: Rows, completed: dict[Any, Any], keys: Iterable[Any]
    ) -> dict[Any, Exception]:
        """Completes the keys that there is no row for: with null, or a failure."""
        missing = [key for key in keys if key not in completed]
        if missing and not field.nullable:
            raise Bail("null")
        completed.update(dict.fromkeys(missing))
        failures: dict[Any, Exception] = {}
        for key in missing:
            try:
                made = rows.by_key.make(None, key)
            except Exception as error:
                failures[key] = error
            else:
                if made is not None:
                    raise Bail("type")
        return failures

    def _complete(self, field: FieldPlan, type_: GraphQLOutputType, values: list[Any]) -> list[Any]:
        """The values as the answer shows them; objects are projected, and become frames where something is left to do."""
        nullable = not is_non_null_type(type_)
        inner: Any = type_ if nullable else type_.of_type  # type: ignore[union-attr]
        if is_leaf_type(inner):
            return completion_of(inner, nullable=nullable)(values)
        if NoneType in set(map(type, values)):
            if not nullable:
                raise Bail("null")
            present = [value is not None for value in values]
            completed = iter(self._complete_present(field, inner, list(compress(values, present))))
            return [next(completed) if is_present else None for is_present in present]
        return self._complete_present(field, inner, values)

    def _complete_present(self, field: FieldPlan, type_: Any, values: list[Any]) -> list[Any]:
        if is_list_type(type_):
            return self._lists(field, type_, values)
        if is_abstract_type(type_):
            return self._abstract(field, type_, values)
        return self._objects(field.below(type_), values)

    def _lists(self, field: FieldPlan, type_: GraphQLList[Any], values: list[Any]) -> list[Any]:
        item_type = type_.of_type
        object_type = get_nullable_type(item_type)
        if isinstance(object_type, GraphQLObjectType) and _are_columns(values):
            plan = field.below(object_type)
            if self._projection(plan).of_columns is not None:
                return self._columns(plan, values)
        flat: list[Any] = []
        sizes: list[int] = []
        for value in values:
            if not isinstance(value, list | tuple | Columns):
                raise Bail("type")
            size = len(flat)
            flat.extend(value)
            sizes.append(len(flat) - size)
        errors = {place: item for place, item in enumerate(flat) if isinstance(item, Exception)}
        if errors and is_non_null_type(item_type):
            raise Bail("error")
        for place in errors:
            flat[place] = None
        completed = self._complete(field, item_type, flat)
        lists, start = [], 0
        for size in sizes:
            found = completed[start : start + size]
            for place in range(start, start + size) if errors else ():
                if place in errors:
                    self._fail(found, place - start, field, errors[place])
            lists.append(found)
            start += size
        return lists

    def _columns(self, plan: ObjectPlan, values: list[Columns]) -> list[list[dict[str, Any]]]:
        """Lists by column; all of them make one frame."""
        projection = self._projection(plan)
        assert projection.of_columns is not None
        lists: list[list[dict[str, Any]]] = []
        for value in values:
            if len(value):
                by_name = dict(zip(value.names, value.values, strict=True))
                lists.append(
                    self._projected(projection.of_columns, len(value), *(by_name[name] for name in projection.columns))
                )
            else:
                lists.append([])
        if projection.rest:
            sources = Several([value for value in values if len(value)])
            self._frames.append(Frame(plan, sources, list(chain.from_iterable(lists)), projection.rest, self._shared))
        return lists

    def _abstract(self, field: FieldPlan, type_: Any, values: list[Any]) -> list[Any]:
        # An object can say of itself that it stands for another type.
        if any(get_strawberry_type_cast(value) is not None for value in values):
            raise Bail("type")
        completed: list[Any] = [None] * len(values)
        for kind in dict.fromkeys(map(type, values)):
            runtime_type = self._plans.object_types.get(kind)
            if runtime_type is None or not self._schema.is_sub_type(type_, runtime_type):
                raise Bail("type")
            places = [place for place, value in enumerate(values) if type(value) is kind]
            found = self._objects(field.below(runtime_type), [values[place] for place in places])
            for place, out in zip(places, found, strict=True):
                completed[place] = out
        return completed

    def _objects(self, plan: ObjectPlan, sources: list[Any]) -> list[dict[str, Any]]:
        if not plan.classes.issuperset(map(type, sources)):
            raise Bail("type")
        return self._project(plan, sources)

    def _project(self, plan: ObjectPlan, sources: list[Any]) -> list[dict[str, Any]]:
        projection = self._projection(plan)
        outs = self._projected(projection.of_objects, sources)
        if projection.rest:
            self._frames.append(Frame(plan, sources, outs, projection.rest, self._shared))
        return outs

    @staticmethod
    def _projected(project: Callable[..., list[dict[str, Any]]], *given: Any) -> list[dict[str, Any]]:
        try:
            return project(*given)
        except Bail:
            raise
        except Exception:
            # A leaf's resolver failed: rare enough not to find out here whose.
            raise Bail("error") from None

    @staticmethod
    def _projection(plan: ObjectPlan) -> Projection:
        projection = plan.projection
        if projection is None:
            projection = plan.projection = Projection(plan)
        assert isinstance(projection, Projection)
        return projection

    def _fail(self, container: Any, key: Any, field: FieldPlan, error: Exception) -> None:
        if self._shared:
            raise Bail("error")
        self._failures.append((container, key, field, error))

    def _errors(self, data: dict[str, Any]) -> list[GraphQLError]:
        if not self._failures:
            return []
        paths = _paths(data)
        return [
            located_error(error, field.nodes, [*paths[id(container)], key])
            for container, key, field, error in self._failures
        ]


def _grouped(keys: Iterable[Any], owners: Sequence[Any], objects: list[Any]) -> dict[Any, list[Any]]:
    """The objects of each key."""
    grouped: dict[Any, list[Any]] = {key: [] for key in keys}
    for owner, one in zip(owners, objects, strict=True):
        grouped[owner].append(one)
    return grouped


def _are_columns(values: list[Any]) -> bool:
    """Whether lists are given by column. One without anything may be empty instead."""
    return any(isinstance(value, Columns) for value in values) and all(
        isinstance(value, Columns) or (isinstance(value, list) and not value) for value in values
    )


def _paths(data: dict[str, Any]) -> dict[int, list[str | int]]:
    """The path of every object and list of an answer, by its identity."""
    paths: dict[int, list[str | int]] = {id(data): []}
    rest: list[Any] = [data]
    while rest:
        container = rest.pop()
        path = paths[id(container)]
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in items:
            if isinstance(value, dict | list):
                paths[id(value)] = [*path, key]
                rest.append(value)
    return paths
