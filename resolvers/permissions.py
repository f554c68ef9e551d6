"""What each role may do. Which rows it does it on, row security decides."""

from __future__ import annotations

from enum import StrEnum

from db.entering import Viewer


class Permission(StrEnum):
    """What a caller may do."""

    VIEW_SELF = "VIEW_SELF"
    VIEW_TEAM = "VIEW_TEAM"
    VIEW_ANALYTICS = "VIEW_ANALYTICS"
    VIEW_AUDIT_LOG = "VIEW_AUDIT_LOG"
    VIEW_PII = "VIEW_PII"
    INGEST = "INGEST"
    EDIT_ATTEMPTS = "EDIT_ATTEMPTS"
    EXPORT = "EXPORT"
    CURATE = "CURATE"
    MANAGE_ROSTER = "MANAGE_ROSTER"
    VIEW_PLATFORM = "VIEW_PLATFORM"
    OPERATE = "OPERATE"


_STUDENT = frozenset({Permission.VIEW_SELF})
_TEACHER = _STUDENT | {Permission.VIEW_TEAM, Permission.EXPORT}
_MANAGER = _TEACHER | {
    Permission.VIEW_ANALYTICS,
    Permission.VIEW_AUDIT_LOG,
    Permission.VIEW_PII,
    Permission.VIEW_PLATFORM,
}
_WRITE = {Permission.INGEST, Permission.EDIT_ATTEMPTS, Permission.MANAGE_ROSTER}

_BY_ROLE = {
    "STUDENT": _STUDENT,
    "TEACHER": _TEACHER,
    "MANAGER": _MANAGER,
    "ADMIN": _MANAGER | _WRITE | {Permission.CURATE, Permission.OPERATE},
    "SERVICE": frozenset({Permission.VIEW_TEAM, Permission.VIEW_ANALYTICS, Permission.EXPORT} | _WRITE),
}


def permissions_of(viewer: Viewer) -> frozenset[Permission]:
    return _BY_ROLE[viewer.role]
