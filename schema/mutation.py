"""The mutations, composed of those of each subject."""

import strawberry

from schema.alert_mutations import AlertMutation
from schema.assignment_mutations import AssignmentMutation
from schema.attempt_mutations import AttemptMutation
from schema.award_mutations import AwardMutation
from schema.dead_letters import DeadLetterMutation
from schema.export_requests import ExportMutation
from schema.jobs import JobMutation
from schema.record_metrics import RecordMetricsMutation
from schema.report_mutations import ReportMutation
from schema.roster import RosterMutation
from schema.tracked_event_mutations import TrackedEventMutation
from schema.webhook_mutations import WebhookMutation


@strawberry.type(
    description="What can be changed. What is wrong with an input is part of the answer (`userErrors`); what was written is "
    "in what the answer shows."
)
class Mutation(
    AttemptMutation,
    RosterMutation,
    AssignmentMutation,
    ExportMutation,
    ReportMutation,
    JobMutation,
    DeadLetterMutation,
    WebhookMutation,
    TrackedEventMutation,
    RecordMetricsMutation,
    AlertMutation,
    AwardMutation,
):
    pass
