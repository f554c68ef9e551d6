"""Labs: which there are, by themselves and by their topic or level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from db.dependencies import ON_CATALOGUE
from db.keyset import Page, SortKey, bounded_count, paged, paged_by, sort_values
from db.models.labs import lab_topics, labs
from db.models.levels import levels
from db.queries.stats import Entity
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class LabRow:
    """Something to be done; ``difficulty`` is 0–10."""

    id: int
    organization_id: int
    type: str
    title: str
    level_id: int | None
    difficulty: Decimal | None
    required_skills: tuple[str, ...]
    archived_at: datetime | None


COLUMNS = (
    labs.c.id,
    labs.c.organization_id,
    labs.c.type,
    labs.c.title,
    labs.c.level_id,
    labs.c.difficulty,
    labs.c.required_skills,
    labs.c.archived_at,
)


@dataclass(frozen=True, slots=True)
class LabSelection:
    """Which labs; None means any."""

    topic_ids: tuple[int, ...] | None = None
    level_ids: tuple[int, ...] | None = None
    title_contains: str | None = None
    include_archived: bool = False


_ALL = ", ".join(column.name for column in COLUMNS)

LABS_BY_ID = sql(f"SELECT {_ALL} FROM labs WHERE id = ANY (:ids)", ON_CATALOGUE)
LABS_BY_TYPE = sql(f"SELECT {_ALL} FROM labs WHERE type = ANY (:types)", ON_CATALOGUE)


async def get_labs(snapshot: Snapshot, ids: Sequence[int]) -> list[LabRow]:
    return [_lab(row) for row in await snapshot.rows(LABS_BY_ID, ids=ids)]


async def get_labs_by_type(snapshot: Snapshot, types: Sequence[str]) -> list[LabRow]:
    return [_lab(row) for row in await snapshot.rows(LABS_BY_TYPE, types=types)]


def labs_statement(selection: LabSelection, keys: Sequence[SortKey], page: Page) -> Statement:
    """The labs of a selection, sorted by ``keys`` (of labs and levels), with the sort values after the columns."""
    chosen = select(*COLUMNS, *(key.column for key in keys)).select_from(
        labs.outerjoin(levels, levels.c.id == labs.c.level_id)
    )
    return Statement(paged(_selected(chosen, selection), keys, page), ON_CATALOGUE)


async def list_labs(
    snapshot: Snapshot, selection: LabSelection, keys: Sequence[SortKey], page: Page
) -> list[tuple[LabRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(labs_statement(selection, keys, page))
    return [(_lab(row[:width]), tuple(row[width:])) for row in rows]


async def count_labs(snapshot: Snapshot, selection: LabSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    counted = bounded_count(_selected(select(labs.c.id), selection), bound)
    return await snapshot.count(Statement(counted, ON_CATALOGUE))


def labs_of_each_statement(entity: Entity, selection: LabSelection, keys: Sequence[SortKey], page: Page) -> Statement:
    """The same page of the labs of each topic or level in the parameter ``owners``: its id, the columns, the sort values."""
    owner = _OWNER[entity]
    chosen = _owned(select(owner.label("owner_id"), *COLUMNS, *sort_values(keys)), entity)
    return Statement(paged_by(_selected(chosen, selection), owner, keys, page), ON_CATALOGUE)


async def list_labs_of_each(
    snapshot: Snapshot,
    entity: Entity,
    owners: Sequence[int],
    selection: LabSelection,
    keys: Sequence[SortKey],
    page: Page,
) -> dict[int, list[tuple[LabRow, tuple[Any, ...]]]]:
    """By topic or level, for those with labs."""
    end = 1 + len(COLUMNS)
    found: dict[int, list[tuple[LabRow, tuple[Any, ...]]]] = {}
    for row in await snapshot.rows(labs_of_each_statement(entity, selection, keys, page), owners=owners):
        found.setdefault(row[0], []).append((_lab(row[1:end]), tuple(row[end:])))
    return found


async def count_labs_of_each(
    snapshot: Snapshot, entity: Entity, owners: Sequence[int], selection: LabSelection
) -> dict[int, int]:
    """By topic or level, for those with labs."""
    owner = _OWNER[entity]
    counted = _selected(_owned(select(owner, func.count()), entity), selection).group_by(owner)
    return dict(await snapshot.rows(Statement(counted, ON_CATALOGUE), owners=owners))


_OWNER: dict[Entity, ColumnElement[Any]] = {Entity.TOPIC: lab_topics.c.topic_id, Entity.LEVEL: labs.c.level_id}


def _owned(statement: Select[Any], entity: Entity) -> Select[Any]:
    """The statement over the labs of the topics or levels in the parameter ``owners``."""
    if entity is Entity.TOPIC:
        statement = statement.select_from(labs.join(lab_topics, lab_topics.c.lab_id == labs.c.id))
    return statement.where(_OWNER[entity] == func.any(bindparam("owners", type_=ARRAY(BigInteger))))


def _selected(statement: Select[Any], selection: LabSelection) -> Select[Any]:
    if selection.topic_ids is not None:
        of_topics = select(lab_topics.c.lab_id).where(lab_topics.c.topic_id.in_(selection.topic_ids))
        statement = statement.where(labs.c.id.in_(of_topics))
    if selection.level_ids is not None:
        statement = statement.where(labs.c.level_id.in_(selection.level_ids))
    if selection.title_contains is not None:
        statement = statement.where(labs.c.title.icontains(selection.title_contains, autoescape=True))
    if not selection.include_archived:
        statement = statement.where(labs.c.archived_at.is_(None))
    return statement


def _lab(row: Sequence[Any]) -> LabRow:
    id_, organization_id, type_, title, level_id, difficulty, skills, archived_at = row
    return LabRow(id_, organization_id, type_, title, level_id, difficulty, tuple(skills), archived_at)
