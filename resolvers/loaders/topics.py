"""Batches of topics."""

from __future__ import annotations

from db.queries.topics import TopicRow, get_topics, get_topics_by_lab
from db.snapshot import Snapshot


async def load_topic_by_id(snapshot: Snapshot, ids: list[int]) -> list[TopicRow | None]:
    rows = {row.id: row for row in await get_topics(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_topics_by_lab(snapshot: Snapshot, lab_ids: list[int]) -> list[tuple[TopicRow, ...]]:
    """Of each lab by title."""
    found = await get_topics_by_lab(snapshot, lab_ids)
    return [found.get(key, ()) for key in lab_ids]
