"""The audit trail: leaving a trace of what a call does, and reading it, for those with VIEW_AUDIT_LOG."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.contextvars import get_contextvars

from db.entering import Viewer
from db.keyset import Listing, Page
from db.queries.audit_log import Actor, AuditRow, AuditSelection, Deed, count_entries, leave_trace, list_entries
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.audit_log import load_audit_entry_by_id
from resolvers.permissions import Permission
from resolvers.writing import write

OBJECT_TYPES = {
    "recordAttempt": "Attempt",
    "recordAttempts": "Attempt",
    "updateAttempt": "Attempt",
    "deleteAttempt": "Attempt",
    "restoreAttempt": "Attempt",
    "upsertUsers": "User",
    "upsertGroups": "Group",
    "upsertTopics": "Topic",
    "upsertLevels": "Level",
    "upsertLabs": "Lab",
    "setGroupMembership": "GroupMembership",
    "saveAssignment": "Assignment",
    "extendDeadline": "Assignment",
    "saveBadgeDefinition": "BadgeDefinition",
    "awardBadge": "PerformanceBadge",
    "revokeBadge": "PerformanceBadge",
    "requestExport": "ExportJob",
    "cancelExport": "ExportJob",
    "retryExport": "ExportJob",
    "downloadExport": "ExportJob",
    "mintExportLink": "ExportJob",
    "saveWebhook": "Webhook",
    "deleteWebhook": "Webhook",
    "rotateWebhookSecret": "Webhook",
    "testWebhook": "WebhookDelivery",
    "saveReport": "Report",
    "deleteReport": "Report",
    "generateReport": "ExportJob",
    "saveExportSchedule": "ExportSchedule",
    "deleteExportSchedule": "ExportSchedule",
    "runJob": "JobRun",
    "refreshViews": "JobRun",
    "replayDeadLetters": "DeadLetter",
    "saveAlertRule": "AlertRule",
    "acknowledgeAlert": "Alert",
}
"""What is done to what: the type of the ids that a deed comes with. Mutations go by their names."""

UNTRACED = frozenset({"recordEvent", "recordEvents", "recordMetrics"})
"""What systems report all the time: it changes nothing that is there."""


async def trace(
    context: Context, connection: AsyncConnection, viewer: Viewer, action: str, ids: list[int], **details: object
) -> None:
    """Notes, in the transaction of the effect, that the caller did this. ``details`` hold nothing personal."""
    if action in UNTRACED:
        return
    actor = Actor(viewer.organization_id, context.caller.subject, viewer.user_id, viewer.role)
    deed = Deed(action, OBJECT_TYPES.get(action), ids, details)
    await leave_trace(connection, actor, deed, get_contextvars().get("request_id"))


async def resolve_fetch_trace(context: Context, action: str, key: int) -> None:
    """Notes that the file of an export is fetched. Whoever cannot be noted gets none: raises DatabaseUnavailable."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> None:
        await trace(context, connection, viewer, action, [key])

    await write(context, work)


async def resolve_audit_entry(context: Context, key: int) -> AuditRow:
    """Raises NotFound, also for one that the viewer may not see."""
    await context.snapshot.at()
    row = await context.load(load_audit_entry_by_id, key)
    if row is None:
        raise NotFound("entry")
    return row


async def resolve_audit_log(context: Context, selection: AuditSelection, page: Page) -> Listing[AuditRow]:
    """A page of the organization's trail, newest first. Nobody is told of entries: an answer about them is not kept. Raises
    Forbidden.
    """
    await context.require(Permission.VIEW_AUDIT_LOG)
    snapshot = context.snapshot
    await snapshot.at()

    async def count(bound: int | None) -> int:
        return await count_entries(snapshot, selection, bound)

    rows = await list_entries(snapshot, selection, page)
    return Listing.of(page, [(row, (row.id,)) for row in rows], count)
