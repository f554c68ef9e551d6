"""Which topics there are. Everybody sees all topics of their organization."""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.topics import TopicRow, count_topics, list_topics
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.topics import load_topic_by_id, load_topics_by_lab

# Names the order of topics in cursors, and the types of its sort values.
ORDER = "topics:TITLE"
ORDER_TYPES = (str, int)


async def resolve_topic(context: Context, key: int) -> TopicRow:
    """Raises NotFound."""
    row = await context.load(load_topic_by_id, key)
    if row is None:
        raise NotFound("topic")
    return row


async def resolve_topics(context: Context, page: Page) -> Listing[TopicRow]:
    """A page of the topics of the viewer's organization, by title."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_topics(snapshot, bound)

    return Listing.of(page, await list_topics(snapshot, page), count)


async def resolve_lab_topics(context: Context, lab_id: int) -> tuple[TopicRow, ...]:
    """The topics of a lab by title."""
    return await context.load(load_topics_by_lab, lab_id)
