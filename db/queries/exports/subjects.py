"""What reports are about, by name: only what the requester may see is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from db.queries.exports.fragments import shown
from db.queries.group_stats import MEMBERS, THEIR_IDS, Attribution
from db.snapshot import Snapshot
from db.statement import sql


class Subject(StrEnum):
    """The value names it in errors."""

    ORGANIZATION = "organization"
    GROUP = "group"
    USER = "user"
    TOPIC = "topic"
    LEVEL = "level"
    LAB = "lab"


NAMES = {
    Subject.ORGANIZATION: sql("SELECT id, name FROM organizations WHERE id = ANY (:ids)"),
    Subject.GROUP: sql("SELECT id, name FROM groups WHERE id = ANY (:ids)"),
    # Colleagues are seen by name, what they did is not.
    Subject.USER: sql(f"""
SELECT id, {shown("display_name")} FROM users JOIN user_totals ON user_totals.user_id = users.id WHERE id = ANY (:ids)
"""),
    Subject.TOPIC: sql('SELECT id, title FROM topics WHERE id = ANY (:ids) ORDER BY title COLLATE "C", id'),
    Subject.LEVEL: sql("SELECT id, title FROM levels WHERE id = ANY (:ids)"),
    Subject.LAB: sql("SELECT id, title FROM labs WHERE id = ANY (:ids)"),
}

_COMPLETED = "a.status <> 'STARTED' AND a.deleted_at IS NULL"
USER_HISTORY = sql(f"SELECT min(occurred_at), max(occurred_at) FROM attempts a WHERE user_id = :id AND {_COMPLETED}")
GROUP_HISTORY = sql(f"""
WITH members AS MATERIALIZED ({MEMBERS[Attribution.AT_ATTEMPT]})
SELECT min(occurred_at), max(occurred_at)
FROM members m JOIN attempts a ON a.user_id = m.user_id AND a.occurred_at >= m.valid_from AND a.occurred_at < m.valid_to
WHERE a.{THEIR_IDS} AND {_COMPLETED}
""")


async def get_names(snapshot: Snapshot, subject: Subject, ids: Sequence[int]) -> dict[int, str]:
    """By id, of those that the requester may see; topics by title."""
    return {row[0]: row[1] for row in await snapshot.rows(NAMES[subject], ids=ids)}


async def get_user_history(snapshot: Snapshot, user_id: int) -> tuple[datetime, datetime] | None:
    """When a person completed the first attempt and the last; None without any."""
    [[first, last]] = await snapshot.rows(USER_HISTORY, id=user_id)
    return None if first is None else (first, last)


async def get_group_history(snapshot: Snapshot, group_id: int) -> tuple[datetime, datetime] | None:
    """The same of whoever was a member at the time."""
    [[first, last]] = await snapshot.rows(GROUP_HISTORY, keys=[group_id])
    return None if first is None else (first, last)
