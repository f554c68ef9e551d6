"""`node` and `nodes`: any object by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from resolvers.errors import ClientError, Invalid, NotFound
from schema.alerts import Alert, AlertRule
from schema.assignments import Assignment
from schema.attempts import Attempt
from schema.audit_log import AuditEntry
from schema.awards import BadgeDefinition, PerformanceBadge, PerformanceMilestone
from schema.costs import one_for_each
from schema.dead_letters import DeadLetter
from schema.export_jobs import ExportJob
from schema.groups import Group
from schema.jobs import JobRun
from schema.labs import Lab
from schema.levels import Level
from schema.memberships import GroupMembership
from schema.organizations import Organization
from schema.performance_logs import PerformanceLog
from schema.relay import LARGEST_PAGE, Info, Node, parse_global_id
from schema.report_schedules import ExportSchedule
from schema.reports import Report
from schema.topics import Topic
from schema.tracked_events import TrackedEvent
from schema.users import User
from schema.webhooks import Webhook

# Every type that implements Node. An id of another type finds nothing.
NODES: dict[str, Callable[[Info, int], Awaitable[Node]]] = {
    "Alert": Alert.from_key,
    "AlertRule": AlertRule.from_key,
    "Assignment": Assignment.from_key,
    "Attempt": Attempt.from_key,
    "DeadLetter": DeadLetter.from_key,
    "AuditEntry": AuditEntry.from_key,
    "BadgeDefinition": BadgeDefinition.from_key,
    "ExportJob": ExportJob.from_key,
    "ExportSchedule": ExportSchedule.from_key,
    "Group": Group.from_key,
    "GroupMembership": GroupMembership.from_key,
    "JobRun": JobRun.from_key,
    "Lab": Lab.from_key,
    "Level": Level.from_key,
    "Organization": Organization.from_key,
    "PerformanceBadge": PerformanceBadge.from_key,
    "PerformanceLog": PerformanceLog.from_key,
    "PerformanceMilestone": PerformanceMilestone.from_key,
    "Report": Report.from_key,
    "Topic": Topic.from_key,
    "TrackedEvent": TrackedEvent.from_key,
    "User": User.from_key,
    "Webhook": Webhook.from_key,
}


async def find_node(info: Info, value: str, argument: str) -> Node:
    kind, key = parse_global_id(value, argument)
    if kind not in NODES:
        raise NotFound("object")
    try:
        return await NODES[kind](info, key)
    except NotFound:
        # One answer for every type, so that the id's type says nothing about what exists.
        raise NotFound("object") from None


@strawberry.type
class NodeQuery:
    @strawberry.field(description="The object with an id. An unknown one and another's give the same error, NOT_FOUND.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
    ) -> Node | None:
        return await find_node(info, id, "id")

    @strawberry.field(
        description="The objects with these ids, in their order; null with an error where there is none.",
        directives=[one_for_each("ids", LARGEST_PAGE)],
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"At most {LARGEST_PAGE} global ids.")],
    ) -> list[Node | None]:
        if len(ids) > LARGEST_PAGE:
            raise Invalid(f"At most {LARGEST_PAGE} ids.", "ids")

        async def found(position: int, value: str) -> Node | ClientError:
            try:
                return await find_node(info, value, f"ids.{position}")
            except ClientError as error:
                return error

        # An exception in a list becomes null with an error at its position.
        coroutines = (found(position, value) for position, value in enumerate(ids))
        return await info.context.together(*coroutines)  # type: ignore[arg-type]
