"""What events said last of a thing, part by part: the newest word wins, in whatever order they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Said = dict[str, dict[str, Any]]
"""By part; each holds its ``order``: a list that compares with others of the same part."""

ADD = text("""
INSERT INTO event_registers (organization_id, entity, said)
SELECT :organization_id, r.entity, r.said FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (entity text, said jsonb)
ORDER BY r.entity
ON CONFLICT DO NOTHING
RETURNING entity
""")
LOCK = text("""
SELECT entity, said FROM event_registers
WHERE organization_id = :organization_id AND entity = ANY (CAST(:entities AS text[]))
ORDER BY entity FOR NO KEY UPDATE
""")
CHANGE = text("""
UPDATE event_registers e SET said = r.said
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (entity text, said jsonb)
WHERE e.organization_id = :organization_id AND e.entity = r.entity
""")


@dataclass(frozen=True, slots=True)
class Register:
    """What is said of a thing now; ``taken`` are the parts that are new."""

    said: Said
    taken: frozenset[str]


async def tell_registers(
    connection: AsyncConnection, organization_id: int, news: Mapping[str, Said]
) -> dict[str, Register]:
    """Takes what is newer than what is known, by entity; they are held until the end of the transaction."""
    if not news:
        return {}
    rows = [{"entity": entity, "said": said} for entity, said in news.items()]
    values = {"organization_id": organization_id, "rows": orjson.dumps(rows).decode()}
    added = set((await connection.execute(ADD, values)).scalars())
    registers = {entity: Register(news[entity], frozenset(news[entity])) for entity in added}
    known = [entity for entity in news if entity not in added]
    if not known:
        return registers
    changed = []
    found = await connection.execute(LOCK, {"organization_id": organization_id, "entities": known})
    for entity, said in found:
        merged, taken = merge(said, news[entity])
        registers[entity] = Register(merged, taken)
        if taken:
            changed.append({"entity": entity, "said": merged})
    if changed:
        values = {"organization_id": organization_id, "rows": orjson.dumps(changed).decode()}
        await connection.execute(CHANGE, values)
    return registers


def merge(said: Said, news: Said) -> tuple[Said, frozenset[str]]:
    """Both together, and the parts of which the news is newer."""
    taken = frozenset(part for part, word in news.items() if part not in said or said[part]["order"] < word["order"])
    return {**said, **{part: news[part] for part in taken}}, taken
