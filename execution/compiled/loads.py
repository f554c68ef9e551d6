"""What is loaded by key for the fields of one run, and what will be."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any, NamedTuple

from execution.columns import ByKey, Related
from execution.compiled.arguments import Arguments
from execution.compiled.plan import FieldPlan
from resolvers.batches import Asked, Batches, Load


class Prepared(NamedTuple):
    """How a field's values are found by key, and what is known of them."""

    by_key: ByKey
    asked: Asked


class Loads:
    """Each field is prepared once, whatever objects it is of."""

    def __init__(self, batches: Batches, arguments: Arguments) -> None:
        self._batches = batches
        self._arguments = arguments
        self._prepared: dict[FieldPlan, Prepared] = {}

    def asked(self, load: Load, arguments: tuple[Hashable, ...]) -> Asked:
        return self._batches.asked(load, arguments)

    def known(self, field: FieldPlan, keys: set[Any]) -> Prepared | None:
        """None where something has to be waited for."""
        prepared = self._prepared.get(field)
        return prepared if prepared is not None and prepared.asked.knows(keys) else None

    async def load(self, field: FieldPlan, keys: Collection[Any]) -> Prepared:
        """When the keys are known. Raises whatever preparing the field raises."""
        prepared = self._prepared.get(field) or await self._prepare(field)
        await self.foresee(field, prepared.asked)
        await self._batches.want(prepared.asked, keys)
        return prepared

    async def foresee(self, field: FieldPlan, asked: Asked, known: Collection[Load] = ()) -> None:
        """Says what will be asked of the rows that a field is loaded from, so that it can be loaded with them; except by
        ``known`` loads.
        """
        above = [(field, asked)]
        for parent, of_parent in above:
            for below in parent.followed_by:
                try:
                    prepared = self._prepared.get(below) or await self._prepare(below)
                except Exception:  # noqa: S112  it goes wrong again when there are objects that it goes wrong for
                    continue
                if parent is not field or prepared.by_key.load not in known:
                    self._batches.follow(of_parent, below.key_column, prepared.asked)
                    above.append((below, prepared.asked))

    async def _prepare(self, field: FieldPlan) -> Prepared:
        if isinstance(field.declared, Related):
            by_key: ByKey = await field.declared.prepare(None, **self._arguments.of(field, self))
        else:
            by_key = field.reference
        prepared = self._prepared[field] = Prepared(by_key, self._batches.asked(by_key.load, by_key.arguments))
        return prepared
