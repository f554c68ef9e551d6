"""Keeping the roster: people, groups, who is in them, topics, levels and labs."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers.loaders.groups import load_group_by_id
from resolvers.loaders.labs import load_lab_by_id
from resolvers.loaders.levels import load_level_by_id
from resolvers.loaders.memberships import load_membership_by_id
from resolvers.loaders.topics import load_topic_by_id
from resolvers.loaders.users import load_user_by_id
from resolvers.roster import resolve_membership_change, resolve_upsert
from resolvers.roster_writes import (
    MOST_ITEMS,
    UPSERTED_GROUPS,
    UPSERTED_LABS,
    UPSERTED_LEVELS,
    UPSERTED_TOPICS,
    UPSERTED_USERS,
)
from resolvers.user_errors import Refused
from schema.costs import FEW, one_for_each_of_input
from schema.groups import Group
from schema.labs import Lab
from schema.levels import Level
from schema.memberships import GroupMembership
from schema.relay import Info
from schema.roster_inputs import (
    SetGroupMembershipInput,
    UpsertGroupsInput,
    UpsertLabsInput,
    UpsertLevelsInput,
    UpsertTopicsInput,
    UpsertUsersInput,
)
from schema.topics import Topic
from schema.user_errors import UserError, user_errors_of
from schema.users import User

REPLAYED = "Whether an earlier call with the same idempotency key did it; what is shown is as it is now."
USER_ERRORS = "What was wrong; then nothing was written."
# Said of every upsert.
UPSERT = (
    " Atomic: where one item is wrong nothing is written. What is left out of an item stays as it is, null takes it away. "
    "Needs MANAGE_ROSTER."
)


@strawberry.type(description="What became of people.")
class UpsertUsersPayload:
    users: list[User] = strawberry.field(default_factory=list, description="The people, in the order of the input.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of groups.")
class UpsertGroupsPayload:
    groups: list[Group] = strawberry.field(default_factory=list, description="The groups, in the order of the input.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of a membership.")
class SetGroupMembershipPayload:
    membership: GroupMembership | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of topics.")
class UpsertTopicsPayload:
    topics: list[Topic] = strawberry.field(default_factory=list, description="The topics, in the order of the input.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of levels.")
class UpsertLevelsPayload:
    levels: list[Level] = strawberry.field(default_factory=list, description="The levels, in the order of the input.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of labs.")
class UpsertLabsPayload:
    labs: list[Lab] = strawberry.field(default_factory=list, description="The labs, in the order of the input.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class RosterMutation:
    @strawberry.mutation(
        description="Adds and changes people, by their ids in the source system." + UPSERT,
        directives=[one_for_each_of_input("users", MOST_ITEMS)],
    )
    async def upsert_users(
        self, info: Info, input: Annotated[UpsertUsersInput, strawberry.argument(description="Which people.")]
    ) -> UpsertUsersPayload:
        try:
            done = await resolve_upsert(info.context, UPSERTED_USERS, input.to_items(), input.idempotency_key)
        except Refused as refused:
            return UpsertUsersPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_user_by_id, done.ids)
        return UpsertUsersPayload(users=[User.from_row(row) for row in rows if row], replayed=done.replayed)

    @strawberry.mutation(
        description="Adds and changes groups, by their ids in the source system." + UPSERT,
        directives=[one_for_each_of_input("groups", MOST_ITEMS)],
    )
    async def upsert_groups(
        self, info: Info, input: Annotated[UpsertGroupsInput, strawberry.argument(description="Which groups.")]
    ) -> UpsertGroupsPayload:
        try:
            done = await resolve_upsert(info.context, UPSERTED_GROUPS, input.to_items(), input.idempotency_key)
        except Refused as refused:
            return UpsertGroupsPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_group_by_id, done.ids)
        return UpsertGroupsPayload(groups=[Group.from_row(row) for row in rows if row], replayed=done.replayed)

    @strawberry.mutation(
        description="Puts a person into a group, or ends that. The membership that begins at `validFrom`, or without that "
        "the one that holds now, gets the end `validTo`; where there is none a new one begins. One that is open stays as it "
        "is. Two of the same person, group and role never overlap: CONFLICT. Needs MANAGE_ROSTER."
    )
    async def set_group_membership(
        self,
        info: Info,
        input: Annotated[SetGroupMembershipInput, strawberry.argument(description="Who, where, when.")],
    ) -> SetGroupMembershipPayload:
        try:
            done = await resolve_membership_change(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return SetGroupMembershipPayload(user_errors=user_errors_of(refused.errors))
        row = await info.context.load(load_membership_by_id, done.ids[0])
        membership = GroupMembership.from_row(row) if row else None
        return SetGroupMembershipPayload(membership=membership, replayed=done.replayed)

    @strawberry.mutation(
        description="Adds and changes topics, by their ids in the source system." + UPSERT,
        directives=[one_for_each_of_input("topics", MOST_ITEMS)],
    )
    async def upsert_topics(
        self, info: Info, input: Annotated[UpsertTopicsInput, strawberry.argument(description="Which topics.")]
    ) -> UpsertTopicsPayload:
        try:
            done = await resolve_upsert(info.context, UPSERTED_TOPICS, input.to_items(), input.idempotency_key)
        except Refused as refused:
            return UpsertTopicsPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_topic_by_id, done.ids)
        return UpsertTopicsPayload(topics=[Topic.from_row(row) for row in rows if row], replayed=done.replayed)

    @strawberry.mutation(
        description="Adds and changes levels, by their position." + UPSERT,
        directives=[one_for_each_of_input("levels", MOST_ITEMS)],
    )
    async def upsert_levels(
        self, info: Info, input: Annotated[UpsertLevelsInput, strawberry.argument(description="Which levels.")]
    ) -> UpsertLevelsPayload:
        try:
            done = await resolve_upsert(info.context, UPSERTED_LEVELS, input.to_items(), input.idempotency_key)
        except Refused as refused:
            return UpsertLevelsPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_level_by_id, done.ids)
        return UpsertLevelsPayload(levels=[Level.from_row(row) for row in rows if row], replayed=done.replayed)

    @strawberry.mutation(
        description="Adds and changes labs, by their ids in the source system." + UPSERT,
        directives=[one_for_each_of_input("labs", MOST_ITEMS)],
    )
    async def upsert_labs(
        self, info: Info, input: Annotated[UpsertLabsInput, strawberry.argument(description="Which labs.")]
    ) -> UpsertLabsPayload:
        try:
            done = await resolve_upsert(info.context, UPSERTED_LABS, input.to_items(), input.idempotency_key)
        except Refused as refused:
            return UpsertLabsPayload(user_errors=user_errors_of(refused.errors))
        rows = await info.context.load_many(load_lab_by_id, done.ids)
        return UpsertLabsPayload(labs=[Lab.from_row(row) for row in rows if row], replayed=done.replayed)
