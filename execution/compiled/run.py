"""Runs a plan breadth-first: a wave at a time, all loads of a wave together.

A wave is a set of frames (see ``frames``). What follows without waiting is filled in at once; resolvers that wait run side by
side (see ``resolvers.batches``), and what they give makes the frames of the next wave.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLSchema
from graphql.execution.values import VariableValues

from execution.columns import Reference, Related
from execution.compiled.arguments import Arguments
from execution.compiled.bail import Bail
from execution.compiled.completion import Completion, Found
from execution.compiled.frames import Frame
from execution.compiled.loads import Loads
from execution.compiled.plan import FieldPlan, Plans
from resolvers.batches import drive
from resolvers.context import Context


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
        self._plans = plans
        self._batches = context.run_in_step()
        self._arguments = Arguments(schema, variables, context)
        self._loads = Loads(self._batches, self._arguments)
        self._completion = Completion(plans, self._loads)

    async def query(self) -> tuple[dict[str, Any], list[GraphQLError]]:
        """The data and the errors."""
        [data] = self._completion.objects(self._plans.root, [None], is_shared=False)
        return await self._filled_in(data)

    async def event(self, event: Any) -> tuple[dict[str, Any], list[GraphQLError]]:
        """The data and the errors for what the source of a subscription gave."""
        [field] = self._plans.root.fields
        data: dict[str, Any] = {field.key: None}
        self._finish(Frame(self._plans.root, [None], [data], []), field, [event], {})
        return await self._filled_in(data)

    async def _filled_in(self, data: dict[str, Any]) -> tuple[dict[str, Any], list[GraphQLError]]:
        while self._completion.frames:
            jobs: list[Job] = []
            coroutines: list[Coroutine[Any, Any, Any]] = []
            try:
                while frames := self._completion.frames:
                    self._completion.frames = []
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
                self._end(job, outcomes, failures)
        return data, self._completion.failures.errors(data)

    def _start(
        self, frame: Frame, field: FieldPlan, jobs: list[Job], coroutines: list[Coroutine[Any, Any, Any]]
    ) -> None:
        if isinstance(field.declared, Reference | Related):
            keys = frame.column(field.key_column)
            found = self._completion.known(field, keys, is_shared=frame.is_shared)
            if found is not None:
                self._show(frame, field, found)
                return
            if None in keys:
                raise Bail("null")
            jobs.append(Job(frame, field, len(coroutines), keys))
            coroutines.append(self._loads.load(field, dict.fromkeys(keys)))
            return
        if field.resolver is None:
            name = field.python_name
            self._finish(frame, field, [getattr(source, name) for source in frame.sources], {})
            return
        resolve, arguments = field.resolver, self._arguments.of(field, self._loads)
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

    def _end(self, job: Job, outcomes: list[Any], failures: dict[int, Exception]) -> None:
        first, keys, count = job.first, job.keys, len(job.frame.sources)
        if keys is None:
            failed = {place: failures[first + place] for place in range(count) if first + place in failures}
            self._finish(job.frame, job.field, outcomes[first : first + count], failed)
        elif first in failures:
            self._finish(job.frame, job.field, [None] * count, dict.fromkeys(range(count), failures[first]))
        else:
            found = self._completion.found(job.field, outcomes[first], keys, set(keys), is_shared=job.frame.is_shared)
            self._show(job.frame, job.field, found)

    def _finish(self, frame: Frame, field: FieldPlan, values: list[Any], failures: dict[int, Exception]) -> None:
        if failures and not field.nullable:
            raise Bail("null")
        completed = self._completion.values(field, field.shape, values, is_shared=frame.is_shared)
        self._show(frame, field, Found(completed, failures))

    def _show(self, frame: Frame, field: FieldPlan, found: Found) -> None:
        key = field.key
        for out, value in zip(frame.outs, found.values, strict=True):
            out[key] = value
        self._completion.fail(frame.outs, field, found.failures, is_shared=frame.is_shared)
