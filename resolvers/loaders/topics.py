"""Batches of topics."""

from __future__ import annotations

from db.batch import Batch, row_of_each
from db.queries.topics import TopicRow, get_topics_by_lab, topics_by_id
from db.snapshot import Snapshot

load_topic_by_id: Batch[TopicRow | None] = Batch(topics_by_id, row_of_each(TopicRow))
"""Takes the wanted columns."""


async def load_topics_by_lab(snapshot: Snapshot, lab_ids: list[int]) -> list[tuple[TopicRow, ...]]:
    """Of each lab by title."""
    found = await get_topics_by_lab(snapshot, lab_ids)
    return [found.get(key, ()) for key in lab_ids]
