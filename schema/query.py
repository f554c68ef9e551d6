"""The queries, composed of those of each subject."""

import strawberry

from schema.labs import LabQuery
from schema.leaderboards import LeaderboardQuery
from schema.levels import LevelQuery
from schema.nodes import NodeQuery
from schema.organizations import OrganizationQuery
from schema.topics import TopicQuery
from schema.users import UserQuery
from schema.viewer import ViewerQuery


@strawberry.type(description="What can be asked. Every number of an answer is from the same instant.")
class Query(LeaderboardQuery, NodeQuery, ViewerQuery, OrganizationQuery, UserQuery, TopicQuery, LevelQuery, LabQuery):
    pass
