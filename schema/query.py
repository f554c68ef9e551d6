"""The queries, composed of those of each subject."""

import strawberry

from schema.alerts import AlertQuery
from schema.assignments import AssignmentQuery
from schema.attempts import AttemptQuery
from schema.audit_log import AuditQuery
from schema.awards import AwardQuery
from schema.comparisons import ComparisonQuery
from schema.export_jobs import ExportQuery
from schema.groups import GroupQuery
from schema.labs import LabQuery
from schema.leaderboards import LeaderboardQuery
from schema.levels import LevelQuery
from schema.nodes import NodeQuery
from schema.operations import OperationsQuery
from schema.organizations import OrganizationQuery
from schema.performance_logs import PerformanceLogQuery
from schema.platform import PlatformQuery
from schema.report_schedules import ExportScheduleQuery
from schema.reports import ReportQuery
from schema.service import ServiceQuery
from schema.topics import TopicQuery
from schema.tracked_events import TrackedEventQuery
from schema.users import UserQuery
from schema.viewer import ViewerQuery
from schema.webhooks import WebhookQuery


@strawberry.type(description="What can be asked. Every number of an answer is from the same instant.")
class Query(
    AssignmentQuery,
    AttemptQuery,
    AwardQuery,
    AuditQuery,
    LeaderboardQuery,
    NodeQuery,
    ViewerQuery,
    ServiceQuery,
    OrganizationQuery,
    ExportQuery,
    ReportQuery,
    ExportScheduleQuery,
    GroupQuery,
    ComparisonQuery,
    PerformanceLogQuery,
    UserQuery,
    TopicQuery,
    LevelQuery,
    LabQuery,
    OperationsQuery,
    AlertQuery,
    WebhookQuery,
    TrackedEventQuery,
    PlatformQuery,
):
    pass
