"""The subscriptions, composed of those of each subject."""

import strawberry

from schema.leaderboards import LeaderboardSubscription
from schema.scores import ScoreSubscription


@strawberry.type(description="What can be followed live, over graphql-transport-ws.")
class Subscription(LeaderboardSubscription, ScoreSubscription):
    pass
