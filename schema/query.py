"""The queries, composed of those of each subject."""

import strawberry

from schema.nodes import NodeQuery
from schema.organizations import OrganizationQuery
from schema.users import UserQuery
from schema.viewer import ViewerQuery


@strawberry.type(description="What can be asked. Every number of an answer is from the same instant.")
class Query(NodeQuery, ViewerQuery, OrganizationQuery, UserQuery):
    pass
