"""The statements that keep the roster: people, groups, topics, levels and labs by the ids of their source system.

Each table is written the same way: lock, read what is there, insert what is new, update what differs. Writers of one table
take turns within an organization, so what was read stays true until the end of the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from db.models.groups import groups
from db.models.labs import labs
from db.models.levels import levels
from db.models.topics import topics
from db.models.users import users

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('scoregraph.roster.' || :name, :organization_id))")


class RosterTable:
    """A table and the column that its rows are known by outside; ``columns`` are those that can be written."""

    def __init__(self, table: Table, key: str, columns: tuple[str, ...]) -> None:
        self.name = str(table.name)
        self.key = key
        self.columns = columns
        typed = {name: table.c[name].type.compile(dialect=_DIALECT) for name in (key, *columns)}
        record = ", ".join(f"{name} {kind}" for name, kind in typed.items())
        everything = ", ".join(("id", key, *columns))
        # Locked as attempts lock people: in the order of ids, leaving keys free to be referred to.
        self.read: TextClause = text(f"""
            SELECT {everything} FROM {table.name}
            WHERE organization_id = :organization_id AND {key} = ANY (CAST(:keys AS {typed[key]}[]))
            ORDER BY id FOR NO KEY UPDATE
        """)
        self.insert: TextClause = text(f"""
            INSERT INTO {table.name} (organization_id, {", ".join(typed)})
            SELECT :organization_id, {", ".join(f"r.{name}" for name in typed)}
            FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS ({record})) WITH ORDINALITY AS r
            ORDER BY r.ordinality
            RETURNING id, {key}
        """)
        self.update: TextClause = text(f"""
            UPDATE {table.name} t SET {", ".join(f"{name} = r.{name}" for name in columns)}
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, {record}) WHERE t.id = r.id
        """)


USERS = RosterTable(users, "external_id", ("username", "display_name", "email", "role", "time_zone", "deactivated_at"))
GROUPS = RosterTable(groups, "external_id", ("name", "kind", "time_zone"))
TOPICS = RosterTable(topics, "external_id", ("title",))
LEVELS = RosterTable(levels, "position", ("title",))
LABS = RosterTable(labs, "type", ("title", "level_id", "difficulty", "required_skills", "archived_at"))

# Usernames as they are to be, compared as the unique index compares them. People of the batch are left out: what they are
# to be called is in the batch.
TAKEN_USERNAMES = text("""
SELECT w.position - 1 AS position
FROM unnest(CAST(:usernames AS text[])) WITH ORDINALITY AS w (username, position)
JOIN users u ON u.organization_id = :organization_id AND u.username_key = lower(normalize(w.username, NFKC))
WHERE u.external_id <> ALL (CAST(:external_ids AS text[]))
""")
REPEATED_USERNAMES = text("""
SELECT r.position FROM (
  SELECT w.position - 1 AS position,
    row_number() OVER (PARTITION BY lower(normalize(w.username, NFKC)) ORDER BY w.position) AS place
  FROM unnest(CAST(:usernames AS text[])) WITH ORDINALITY AS w (username, position)
) AS r
WHERE r.place > 1
""")
# The unique index looks at each row as it is written, so people who swap usernames lay theirs down first.
LAY_DOWN_USERNAMES = text("""
UPDATE users SET username = 'changing ' || gen_random_uuid()
WHERE organization_id = :organization_id AND id = ANY (CAST(:ids AS bigint[]))
""")

IDS_BY_KEY = """
SELECT id, {key} FROM {table}
WHERE organization_id = :organization_id AND (id = ANY (CAST(:ids AS bigint[])) OR {key} = ANY (CAST(:keys AS {kind}[])))
"""
TOPIC_IDS = text(IDS_BY_KEY.format(table="topics", key="external_id", kind="text"))
LEVEL_IDS = text(IDS_BY_KEY.format(table="levels", key="position", kind="integer"))

REMOVE_LAB_TOPICS = text("""
DELETE FROM lab_topics t
WHERE t.lab_id = ANY (CAST(:labs AS bigint[])) AND (t.lab_id, t.topic_id) NOT IN (
  SELECT * FROM unnest(CAST(:lab_ids AS bigint[]), CAST(:topic_ids AS bigint[])))
""")
ADD_LAB_TOPICS = text("""
INSERT INTO lab_topics (organization_id, lab_id, topic_id)
SELECT :organization_id, n.lab_id, n.topic_id
FROM unnest(CAST(:lab_ids AS bigint[]), CAST(:topic_ids AS bigint[])) AS n (lab_id, topic_id)
ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A row by both of its names."""

    id: int
    key: Any


async def lock_roster(connection: AsyncConnection, organization_id: int, table: RosterTable) -> None:
    """Waits until no other transaction keeps this table of the organization, and holds it."""
    await connection.execute(LOCK, {"name": table.name, "organization_id": organization_id})


async def get_present(
    connection: AsyncConnection, organization_id: int, table: RosterTable, keys: Sequence[Any]
) -> dict[Any, dict[str, Any]]:
    """The rows that are there, by key, locked: ``id``, the key and the columns."""
    found = await connection.execute(table.read, {"organization_id": organization_id, "keys": list(keys)})
    return {row[table.key]: dict(row) for row in found.mappings()}


async def insert_rows(
    connection: AsyncConnection, organization_id: int, table: RosterTable, rows: Sequence[Mapping[str, Any]]
) -> dict[Any, int]:
    """Ids by key. Each row has the key and all columns."""
    if not rows:
        return {}
    found = await connection.execute(table.insert, {"organization_id": organization_id, "rows": _json(rows)})
    return {key: id_ for id_, key in found}


async def update_rows(connection: AsyncConnection, table: RosterTable, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row has ``id``, the key and all columns."""
    if rows:
        await connection.execute(table.update, {"rows": _json(rows)})


async def find_taken_usernames(
    connection: AsyncConnection, organization_id: int, usernames: Sequence[str], external_ids: Sequence[str]
) -> tuple[set[int], set[int]]:
    """Positions of usernames that other people have, and of those that come again in the list."""
    values = {"organization_id": organization_id, "usernames": list(usernames), "external_ids": list(external_ids)}
    taken = set((await connection.execute(TAKEN_USERNAMES, values)).scalars())
    repeated = set((await connection.execute(REPEATED_USERNAMES, {"usernames": list(usernames)})).scalars())
    return taken, repeated


async def lay_down_usernames(connection: AsyncConnection, organization_id: int, ids: Sequence[int]) -> None:
    """Frees the usernames of people who get another one in this transaction."""
    await connection.execute(LAY_DOWN_USERNAMES, {"organization_id": organization_id, "ids": list(ids)})


async def get_known_topics(
    connection: AsyncConnection, organization_id: int, ids: Iterable[int], external_ids: Iterable[str]
) -> list[KnownKey]:
    return await _known(connection, TOPIC_IDS, organization_id, ids, external_ids)


async def get_known_levels(
    connection: AsyncConnection, organization_id: int, ids: Iterable[int], positions: Iterable[int]
) -> list[KnownKey]:
    return await _known(connection, LEVEL_IDS, organization_id, ids, positions)


async def replace_lab_topics(
    connection: AsyncConnection, organization_id: int, topics_by_lab: Mapping[int, Iterable[int]]
) -> None:
    """Gives each lab exactly these topics."""
    if not topics_by_lab:
        return
    pairs = [(lab_id, topic_id) for lab_id, topic_ids in topics_by_lab.items() for topic_id in topic_ids]
    values = {
        "organization_id": organization_id,
        "labs": list(topics_by_lab),
        "lab_ids": [lab_id for lab_id, _ in pairs],
        "topic_ids": [topic_id for _, topic_id in pairs],
    }
    await connection.execute(REMOVE_LAB_TOPICS, values)
    await connection.execute(ADD_LAB_TOPICS, values)


async def _known(
    connection: AsyncConnection, statement: TextClause, organization_id: int, ids: Iterable[int], keys: Iterable[Any]
) -> list[KnownKey]:
    values = {"organization_id": organization_id, "ids": list(ids), "keys": list(keys)}
    if not values["ids"] and not values["keys"]:
        return []
    return [KnownKey(*row) for row in await connection.execute(statement, values)]


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps(list(rows), default=float).decode()
