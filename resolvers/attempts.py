"""Which attempts the viewer sees, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from db.keyset import Listing, Page, SortKey
from db.models.attempts import attempts
from db.queries.attempts import AttemptRow, AttemptSelection, RevisionRow, count_attempts, list_attempts
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.attempts import (
    load_attempt_by_id,
    load_attempt_count_by_owner,
    load_attempt_page_by_owner,
    load_revision_count_by_attempt,
    load_revision_page_by_attempt,
)
from resolvers.permissions import Permission


class AttemptStatus(StrEnum):
    STARTED = "STARTED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class AttemptSource(StrEnum):
    API = "API"
    REST = "REST"
    KAFKA = "KAFKA"
    XAPI = "XAPI"
    CSV = "CSV"
    LTI = "LTI"
    MANUAL = "MANUAL"


class AttemptChange(StrEnum):
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    RESTORED = "RESTORED"


class AttemptOwner(StrEnum):
    """Whose attempts a nested list holds; the value is the column."""

    USER = "user_id"
    LAB = "lab_id"


class AttemptOrderField(StrEnum):
    """What attempts can be sorted by."""

    COMPLETED_AT = "COMPLETED_AT"
    RECORDED_AT = "RECORDED_AT"
    SCORE = "SCORE"
    COMPLETION_TIME = "COMPLETION_TIME"


# Keys are made once: loaders are found by them, and columns are equal to themselves only.
_KEYS = {
    (field, descending): (SortKey(column, descending, nullable), SortKey(attempts.c.id, descending))
    for field, column, nullable in (
        (AttemptOrderField.COMPLETED_AT, attempts.c.occurred_at, False),
        (AttemptOrderField.RECORDED_AT, attempts.c.recorded_at, False),
        (AttemptOrderField.SCORE, attempts.c.score, True),
        (AttemptOrderField.COMPLETION_TIME, attempts.c.duration_seconds, True),
    )
    for descending in (False, True)
}


@dataclass(frozen=True, slots=True)
class AttemptOrder:
    """A sort order; the id breaks ties. Newest first by default."""

    field: AttemptOrderField = AttemptOrderField.COMPLETED_AT
    descending: bool = True

    @property
    def name(self) -> str:
        """Names the order in cursors."""
        return f"attempts:{self.field}:{'DESC' if self.descending else 'ASC'}"

    @property
    def types(self) -> tuple[type, type]:
        by_time = self.field in (AttemptOrderField.COMPLETED_AT, AttemptOrderField.RECORDED_AT)
        return (datetime if by_time else Decimal), int

    @property
    def keys(self) -> tuple[SortKey, SortKey]:
        return _KEYS[self.field, self.descending]


async def resolve_attempt(context: Context, key: int) -> AttemptRow:
    """One attempt, deleted or not. Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_attempt_by_id, key)
    if row is None:
        raise NotFound("attempt")
    return row


async def resolve_attempts(
    context: Context, selection: AttemptSelection, order: AttemptOrder, page: Page
) -> Listing[AttemptRow]:
    """A page of the attempts that the viewer may see."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_attempts(snapshot, selection, bound)

    return Listing.of(page, await list_attempts(snapshot, selection, order.keys, page), count)


async def resolve_attempts_of(
    context: Context, owner: AttemptOwner, key: int, selection: AttemptSelection, order: AttemptOrder, page: Page
) -> Listing[AttemptRow]:
    """A page of the attempts of a person or lab that the viewer may see."""

    async def count(bound: int | None) -> int:
        return await context.load(load_attempt_count_by_owner, key, owner.value, selection, bound)

    rows = await context.load(load_attempt_page_by_owner, key, owner.value, selection, order.keys, page)
    return Listing.of(page, rows, count)


async def resolve_revisions(context: Context, key: int, page: Page) -> Listing[RevisionRow]:
    """A page of what an attempt was before each change, newest first. Raises Forbidden without VIEW_AUDIT_LOG."""
    await context.require(Permission.VIEW_AUDIT_LOG)

    async def count(bound: int | None) -> int:
        return await context.load(load_revision_count_by_attempt, key)

    return Listing.of(page, await context.load(load_revision_page_by_attempt, key, page), count)
