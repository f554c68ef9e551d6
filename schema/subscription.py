"""The subscriptions, composed of those of each subject."""

import strawberry

from schema.alert_updates import AlertSubscription
from schema.award_updates import AwardSubscription
from schema.export_jobs import ExportSubscription
from schema.leaderboard_updates import LeaderboardSubscription
from schema.operations import OperationsSubscription
from schema.scores import ScoreSubscription


@strawberry.type(description="What can be followed live, over graphql-transport-ws or server-sent events.")
class Subscription(
    LeaderboardSubscription,
    ScoreSubscription,
    ExportSubscription,
    OperationsSubscription,
    AlertSubscription,
    AwardSubscription,
):
    pass
