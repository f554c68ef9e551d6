"""Topics: what labs are about. A lab can have several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import select

from db.dependencies import ON_CATALOGUE
from db.keyset import Page, SortKey, bounded_count, paged
from db.models.topics import topics
from db.parts import Query
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql


class TopicRow(NamedTuple):
    """A topic."""

    id: int
    organization_id: int
    external_id: str
    title: str


COLUMNS = (topics.c.id, topics.c.organization_id, topics.c.external_id, topics.c.title)
# The order that topics are listed in.
KEYS = (SortKey(topics.c.title), SortKey(topics.c.id))

_ALL = ", ".join(f"t.{column.name}" for column in COLUMNS)

TOPICS_BY_LAB = sql(
    f"""
SELECT lt.lab_id, {_ALL} FROM lab_topics lt JOIN topics t ON t.id = lt.topic_id
WHERE lt.lab_id = ANY (:lab_ids) ORDER BY lt.lab_id, t.title, t.id
""",
    ON_CATALOGUE,
)


@lru_cache(maxsize=16)
def topics_by_id(wanted: frozenset[str] | None = None) -> Query:
    """The id and the wanted columns of a TopicRow (None: all)."""
    columns = chosen(TopicRow._fields, None if wanted is None else wanted | {"id"})
    return Query(
        sql(f"SELECT {', '.join(columns)} FROM topics WHERE id = ANY (:ids)", ON_CATALOGUE),
        "ids",
        columns,
        is_unique=True,
    )


async def get_topics_by_lab(snapshot: Snapshot, lab_ids: Sequence[int]) -> dict[int, tuple[TopicRow, ...]]:
    """By lab, for those with topics; by title."""
    found: dict[int, tuple[TopicRow, ...]] = {}
    for lab_id, *columns in await snapshot.rows(TOPICS_BY_LAB, lab_ids=lab_ids):
        found[lab_id] = (*found.get(lab_id, ()), TopicRow(*columns))
    return found


def topics_statement(page: Page) -> Statement:
    """All topics by title, with the sort values after the columns."""
    return Statement(paged(select(*COLUMNS, *(key.column for key in KEYS)), KEYS, page), ON_CATALOGUE)


async def list_topics(snapshot: Snapshot, page: Page) -> list[tuple[TopicRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(topics_statement(page))
    return [(TopicRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_topics(snapshot: Snapshot, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(select(topics.c.id), bound), ON_CATALOGUE))
