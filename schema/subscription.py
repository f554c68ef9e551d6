"""The subscriptions, composed of those of each subject."""

import strawberry

from schema.leaderboard_updates import LeaderboardSubscription
from schema.scores import ScoreSubscription


@strawberry.type(description="What can be followed live, over graphql-transport-ws or server-sent events.")
class Subscription(LeaderboardSubscription, ScoreSubscription):
    pass
