"""What a resolver takes beside its object."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues, get_argument_values
from graphql.type import GraphQLResolveInfo
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.info import Info

from execution.compiled.bail import Bail
from execution.compiled.plan import FieldPlan
from execution.compiled.templates import Fill, Hole, fill_of
from resolvers.batches import Load
from resolvers.context import Context

if TYPE_CHECKING:
    from execution.compiled.loads import Loads


class Arguments:
    """Of the resolvers of one run."""

    def __init__(self, schema: GraphQLSchema, variables: VariableValues, context: Context) -> None:
        self.schema = schema
        self.variables = variables
        self.context = context

    def of(self, field: FieldPlan, loads: Loads) -> dict[str, Any]:
        """Raises Bail where they are not such as the field takes."""
        arguments = self._filled(field)
        if field.info_name is None:
            return arguments
        return {**arguments, field.info_name: PlannedInfo(field, self, loads)}

    def _filled(self, field: FieldPlan) -> dict[str, Any]:
        if not field.is_templated:
            field.template, field.is_templated = self._template(field), True
        template, values = field.template, self.variables.coerced
        # What a null stands for is decided by the conversion.
        if template is None or any(values.get(name) is None for name in field.variables):
            return self._converted(field, self.variables)
        arguments: dict[str, Any] = template(values)
        return arguments

    def _template(self, field: FieldPlan) -> Fill | None:
        """None where the arguments have to be converted each time."""
        holes = {name: Hole(name) for name in field.variables}
        try:
            converted = self._converted(
                field, VariableValues(self.variables.sources, {**self.variables.coerced, **holes})
            )
        except Bail:
            return None
        return fill_of(converted, field.variables)

    def _converted(self, field: FieldPlan, variables: VariableValues) -> dict[str, Any]:
        try:
            given = get_argument_values(field.definition, field.details[0].node, variables)
            schema = self.schema._strawberry_schema  # type: ignore[attr-defined]
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
        return arguments


class PlannedInfo(Info[Context, None]):
    """What a resolver may ask about its field, with the columns that are wanted of the rows it gives."""

    def __init__(self, plan: FieldPlan, arguments: Arguments, loads: Loads) -> None:
        self._plan = plan
        self._arguments = arguments
        self._loads = loads
        self._field = plan.field

    @property
    def context(self) -> Context:
        return self._arguments.context

    async def foresee(self, load: Load, arguments: tuple[Any, ...], known: Collection[Load]) -> None:
        await self._loads.foresee(self._plan, self._loads.asked(load, arguments), known)

    def columns_wanted(self, below: str | None) -> frozenset[str] | None:
        return self._plan.columns_below if below is None else self._plan.columns_of(below)

    @cached_property
    def _raw_info(self) -> GraphQLResolveInfo[Context]:  # type: ignore[override]
        """Hardly ever asked for."""
        plan, plans = self._plan, self._plan.plans
        return GraphQLResolveInfo(
            plan.definition_name,
            plan.nodes,
            plan.type,
            plan.parent.type,
            None,  # type: ignore[arg-type]  # many objects at once
            self._arguments.schema,
            plans.operation.fragments,
            None,
            plans.operation.node,
            self._arguments.variables,
            self._arguments.context,
            None,  # type: ignore[arg-type]
            None,
            None,  # type: ignore[arg-type]
        )
