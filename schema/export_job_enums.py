"""What is said of exports in few words."""

from __future__ import annotations

from db.export_parameters import ExportKind
from db.queries.export_jobs import ExportFormat, ExportStatus, FailureCode
from schema.enums import describe_enum

__all__ = ["ExportFormat", "ExportKind", "ExportStatus", "FailureCode"]

describe_enum(
    ExportKind,
    "ExportKind",
    "What a file is about.",
    {
        "GROUP_REPORT": "A group: its members, topics, and members by topic.",
        "USER_PERFORMANCE": "A person: performance log, topics, labs.",
        "LEADERBOARD": "A leaderboard.",
        "ATTEMPTS": "Attempts, one in a row.",
        "LAB_REPORT": "A lab: groups, common errors.",
    },
)
describe_enum(
    ExportFormat,
    "ExportFormat",
    "What kind of file.",
    {
        "CSV": "The first table as text, for spreadsheets or, in the dialect RFC4180, for programs.",
        "XLSX": "All tables as a workbook.",
        "PDF": "Pages to hand round, with charts and the beginning of long tables.",
        "JSON": "All tables, for programs.",
    },
)
describe_enum(
    ExportStatus,
    "ExportStatus",
    "How far an export is.",
    {
        "PENDING": "It waits for its turn.",
        "PROCESSING": "It is being made.",
        "READY": "The file can be fetched.",
        "FAILED": "There is no file; `failure` says why.",
        "CANCELLED": "It was cancelled.",
        "EXPIRED": "The file was kept for a while, and is gone.",
    },
)
describe_enum(
    FailureCode,
    "ExportFailureCode",
    "Why an export failed.",
    {
        "TOO_LARGE": "The file would be larger than is allowed: ask for less.",
        "TIMEOUT": "It took too long.",
        "PERMISSION_REVOKED": "The requester may no longer see what they asked for.",
        "STORAGE": "The file could not be stored.",
        "INTERNAL": "Something went wrong on our side.",
    },
)
