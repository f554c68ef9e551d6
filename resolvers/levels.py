"""Which levels there are. Everybody sees all levels of their organization."""

from __future__ import annotations

from db.queries.levels import LevelRow, list_levels
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.levels import load_level_by_id


async def resolve_level(context: Context, key: int) -> LevelRow:
    """Raises NotFound."""
    row = await context.load(load_level_by_id, key)
    if row is None:
        raise NotFound("level")
    return row


async def resolve_levels(context: Context) -> list[LevelRow]:
    """All levels by position."""
    return await list_levels(context.snapshot)
