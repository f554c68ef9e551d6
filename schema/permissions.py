"""Permissions, as the graph shows them."""

from resolvers.permissions import Permission
from schema.enums import describe_enum

__all__ = ["Permission"]

describe_enum(
    Permission,
    "Permission",
    "What a caller may do; on which rows, row security decides.",
    {
        "VIEW_SELF": "See one's own rows.",
        "VIEW_TEAM": "See the people of the groups that one leads, and compare them.",
        "VIEW_ANALYTICS": "See statistics of the whole organization.",
        "VIEW_AUDIT_LOG": "See performance logs of everybody and the history of changes.",
        "VIEW_PII": "See e-mail addresses.",
        "INGEST": "Record attempts, events and metrics.",
        "EDIT_ATTEMPTS": "Change, delete and restore attempts.",
        "EXPORT": "Ask for files of what one sees. Without it: of one's own performance.",
        "CURATE": "Say what badges and milestones there are; give badges and take them back.",
        "MANAGE_ROSTER": "Keep people, groups, topics, labs and assignments.",
        "VIEW_PLATFORM": "See what people do on the platform and how its services fare.",
        "OPERATE": "Operate the platform.",
    },
)
