"""Which events were taken already, and which organizations they name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EventKey = tuple[str, str, str]
"""Topic, source and id."""

Organizations = dict[str | None, int]
"""Ids by slug; of None for the only organization there is."""

# In the order of the keys, so that two consumers of the same events wait for each other only one way.
CLAIM = text("""
INSERT INTO event_inbox (organization_id, topic, source, event_id)
SELECT :organization_id, k.key ->> 0, k.key ->> 1, k.key ->> 2 FROM jsonb_array_elements(CAST(:keys AS jsonb)) AS k (key)
ORDER BY 2, 3, 4
ON CONFLICT DO NOTHING
RETURNING topic, source, event_id
""")

ORGANIZATIONS = text("SELECT slug, id FROM organizations WHERE slug = ANY (CAST(:slugs AS text[]))")
ONLY_ORGANIZATION = text("SELECT min(id) FROM organizations HAVING count(*) = 1")

EXPIRE = text("DELETE FROM event_inbox WHERE received_at < now() - interval '30 days'")


async def claim_events(connection: AsyncConnection, organization_id: int, keys: Iterable[EventKey]) -> set[EventKey]:
    """Those that were not taken yet; from now on they are, if the transaction commits."""
    values = {"organization_id": organization_id, "keys": orjson.dumps(list(keys)).decode()}
    return {(topic, source, event_id) for topic, source, event_id in await connection.execute(CLAIM, values)}


async def get_organizations(connection: AsyncConnection, slugs: Collection[str | None]) -> Organizations:
    """Ids of those that are there, by slug; for None the only organization there is, if there is just one."""
    named = [slug for slug in slugs if slug is not None]
    found: Organizations = {}
    if named:
        found.update((row.slug, row.id) for row in await connection.execute(ORGANIZATIONS, {"slugs": named}))
    if None in slugs:
        only = (await connection.execute(ONLY_ORGANIZATION)).scalar_one_or_none()
        if only is not None:
            found[None] = only
    return found


async def expire_inbox(connection: AsyncConnection) -> int:
    """Forgets events of more than 30 days ago; how many. What they said is known from ``event_registers``."""
    return (await connection.execute(EXPIRE)).rowcount
