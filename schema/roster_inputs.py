"""What is said of people, groups, topics, levels and labs. What is left out is not said; null takes away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.maybe import Some

from resolvers.errors import ClientError
from resolvers.membership_writes import MembershipDraft
from resolvers.roster_writes import RosterItem
from resolvers.user_errors import Path, Refused, user_error_of
from schema.memberships import GroupRole
from schema.relay import key_of
from schema.users import Role

KEY_DESCRIPTION = (
    "Chosen by the caller, once for each thing to do: the same key with the same body within 30 days gives the same answer "
    "without doing it again, with another body IDEMPOTENCY_MISMATCH."
)


def said(source: object, *names: str) -> dict[str, Any]:
    """The fields of an input that were given, by name; null is None, an enum its name."""
    given = {name: value.value for name in names if isinstance(value := getattr(source, name), Some)}
    return {name: value.name if isinstance(value, Enum) else value for name, value in given.items()}


def key_at(kind: str, value: str, path: Path) -> int:
    """The key in an id at a path of the input. Raises Refused."""
    try:
        return key_of(kind, value, ".".join(path))
    except ClientError as error:
        raise Refused(user_error_of(error, path)) from None


@strawberry.input(description="A person of the roster. A new one needs a username and a display name.")
class UserInput:
    external_id: str = strawberry.field(description="Id in the source system: who it is.")
    username: strawberry.Maybe[str] = strawberry.field(
        description="Login name; unique in the organization without regard to case."
    )
    display_name: strawberry.Maybe[str] = strawberry.field(description="Name as people read it; kept in NFC.")
    email: strawberry.Maybe[str | None] = strawberry.field(description="E-mail address.")
    role: strawberry.Maybe[Role] = strawberry.field(description="What the person is; STUDENT by default.")
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="IANA name of the person's time zone.")
    deactivated_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When the person was taken off rosters and boards, not in the future; null brings them back."
    )

    def to_item(self) -> RosterItem:
        columns = ("username", "display_name", "email", "role", "time_zone", "deactivated_at")
        return RosterItem(self.external_id, said(self, *columns))


@strawberry.input(description="People to add or change.")
class UpsertUsersInput:
    users: list[UserInput] = strawberry.field(description="At most 1,000, each external id once.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_items(self) -> list[RosterItem]:
        return [user.to_item() for user in self.users]


@strawberry.input(description="A group of the roster. A new one needs a name.")
class GroupInput:
    external_id: str = strawberry.field(description="Id in the source system: which one it is.")
    name: strawberry.Maybe[str] = strawberry.field(description="Name as people read it; kept in NFC.")
    kind: strawberry.Maybe[str] = strawberry.field(description='Such as "class", the default, or "team".')
    time_zone: strawberry.Maybe[str | None] = strawberry.field(description="IANA name of the group's time zone.")

    def to_item(self) -> RosterItem:
        return RosterItem(self.external_id, said(self, "name", "kind", "time_zone"))


@strawberry.input(description="Groups to add or change.")
class UpsertGroupsInput:
    groups: list[GroupInput] = strawberry.field(description="At most 1,000, each external id once.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_items(self) -> list[RosterItem]:
        return [group.to_item() for group in self.groups]


@strawberry.input(description="A person in a group during [validFrom, validTo).")
class SetGroupMembershipInput:
    user_id: strawberry.ID = strawberry.field(description="The person.")
    group_id: strawberry.ID = strawberry.field(description="The group.")
    role: GroupRole = strawberry.field(default=GroupRole.MEMBER, description="What the person is in it.")
    valid_from: datetime | None = strawberry.field(
        default=None,
        description="The first instant of it. Left out: the membership that holds now is meant, or one that begins now.",
    )
    valid_to: datetime | None = strawberry.field(
        default=None, description="The first instant after it; null or left out: without end."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> MembershipDraft:
        """Raises Refused."""
        return MembershipDraft(
            user_id=key_at("User", self.user_id, ("input", "userId")),
            group_id=key_at("Group", self.group_id, ("input", "groupId")),
            role=self.role.name,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


@strawberry.input(description="A topic.")
class TopicInput:
    external_id: str = strawberry.field(description="Id in the source system: which one it is.")
    title: str = strawberry.field(description="Title as people read it.")

    def to_item(self) -> RosterItem:
        return RosterItem(self.external_id, {"title": self.title})


@strawberry.input(description="Topics to add or change.")
class UpsertTopicsInput:
    topics: list[TopicInput] = strawberry.field(description="At most 1,000, each external id once.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_items(self) -> list[RosterItem]:
        return [topic.to_item() for topic in self.topics]


@strawberry.input(description="A level.")
class LevelInput:
    position: int = strawberry.field(description="Its place in the order of levels, 0 to 1000: which one it is.")
    title: str = strawberry.field(description="Title as people read it.")

    def to_item(self) -> RosterItem:
        return RosterItem(self.position, {"title": self.title})


@strawberry.input(description="Levels to add or change.")
class UpsertLevelsInput:
    levels: list[LevelInput] = strawberry.field(description="At most 1,000, each position once.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_items(self) -> list[RosterItem]:
        return [level.to_item() for level in self.levels]


@strawberry.input(description="A lab. A new one needs a title.")
class LabInput:
    type: str = strawberry.field(description="Id in the source system: which one it is.")
    title: strawberry.Maybe[str] = strawberry.field(description="Title as people read it.")
    topic_ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(
        description="All its topics, at most 100: those that are not in the list are taken away."
    )
    topic_external_ids: strawberry.Maybe[list[str]] = strawberry.field(
        description="The same by their ids in the source system."
    )
    level_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(description="Its level.")
    level_position: strawberry.Maybe[int | None] = strawberry.field(description="The same by its position.")
    difficulty: strawberry.Maybe[float | None] = strawberry.field(
        description="From 0 to 10. Attempts keep the difficulty of when they were completed: a change is for later ones."
    )
    required_skills: strawberry.Maybe[list[str]] = strawberry.field(description="Skills that it takes, at most 50.")
    archived_at: strawberry.Maybe[datetime | None] = strawberry.field(
        description="When it was taken out of use, not in the future; null puts it back."
    )

    def to_item(self, path: Path) -> RosterItem:
        """Raises Refused."""
        columns = ("title", "topic_external_ids", "level_position", "difficulty", "required_skills", "archived_at")
        values = said(self, *columns)
        if self.topic_ids is not None:
            values["topic_ids"] = [
                key_at("Topic", value, (*path, "topicIds", str(place)))
                for place, value in enumerate(self.topic_ids.value)
            ]
        if self.level_id is not None:
            level_id = self.level_id.value
            values["level_id"] = None if level_id is None else key_at("Level", level_id, (*path, "levelId"))
        return RosterItem(self.type, values)


@strawberry.input(description="Labs to add or change.")
class UpsertLabsInput:
    labs: list[LabInput] = strawberry.field(description="At most 1,000, each type once.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_items(self) -> Sequence[RosterItem]:
        """Raises Refused."""
        return [lab.to_item(("input", "labs", str(place))) for place, lab in enumerate(self.labs)]
