"""Batches of attempts, by themselves, by their person or lab, and of their revisions."""

from __future__ import annotations

from db.keyset import Page, SortKey
from db.queries.attempts import (
    AttemptRow,
    AttemptSelection,
    Listed,
    ListedRevisions,
    count_attempts_of_each,
    count_revisions_of_each,
    get_attempts,
    list_attempts_of_each,
    list_revisions_of_each,
)
from db.snapshot import Snapshot


async def load_attempt_by_id(snapshot: Snapshot, ids: list[int]) -> list[AttemptRow | None]:
    rows = {row.id: row for row in await get_attempts(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_attempt_page_by_owner(
    snapshot: Snapshot,
    owners: list[int],
    owner: str,
    selection: AttemptSelection,
    keys: tuple[SortKey, ...],
    page: Page,
) -> list[Listed]:
    """The same page of the attempts of each person (``owner`` user_id) or lab (lab_id)."""
    found = await list_attempts_of_each(snapshot, owner, owners, selection, keys, page)
    return [found.get(key, []) for key in owners]


async def load_attempt_count_by_owner(
    snapshot: Snapshot, owners: list[int], owner: str, selection: AttemptSelection, bound: int | None
) -> list[int]:
    found = await count_attempts_of_each(snapshot, owner, owners, selection, bound)
    return [found.get(key, 0) for key in owners]


async def load_revision_page_by_attempt(snapshot: Snapshot, ids: list[int], page: Page) -> list[ListedRevisions]:
    """The same page of the revisions of each attempt, newest first."""
    found = await list_revisions_of_each(snapshot, ids, page)
    return [found.get(key, []) for key in ids]


async def load_revision_count_by_attempt(snapshot: Snapshot, ids: list[int]) -> list[int]:
    found = await count_revisions_of_each(snapshot, ids)
    return [found.get(key, 0) for key in ids]
