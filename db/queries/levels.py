"""Levels: where a lab stands on the way from the basics up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db.dependencies import ON_CATALOGUE
from db.snapshot import Snapshot
from db.statement import sql


@dataclass(frozen=True, slots=True)
class LevelRow:
    """A level; ``position`` is unique in the organization."""

    id: int
    organization_id: int
    position: int
    title: str


LEVELS_BY_ID = sql("SELECT id, organization_id, position, title FROM levels WHERE id = ANY (:ids)", ON_CATALOGUE)
# At most 1,001, since positions go from 0 to 1000.
LEVELS = sql("SELECT id, organization_id, position, title FROM levels ORDER BY position", ON_CATALOGUE)


async def get_levels(snapshot: Snapshot, ids: Sequence[int]) -> list[LevelRow]:
    return [LevelRow(*row) for row in await snapshot.rows(LEVELS_BY_ID, ids=ids)]


async def list_levels(snapshot: Snapshot) -> list[LevelRow]:
    """All of the viewer's organization, by position."""
    return [LevelRow(*row) for row in await snapshot.rows(LEVELS)]
