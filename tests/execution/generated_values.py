"""Argument values that reach data: ids, names, cursors and times of a school, and now and then what is none of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    IntValueNode,
    ListValueNode,
    NameNode,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    get_nullable_type,
    is_required_input_field,
)

KIND_OF_ARGUMENT = {
    "userId": "User",
    "userIds": "User",
    "userA": "User",
    "userB": "User",
    "groupId": "Group",
    "groupIds": "Group",
    "labId": "Lab",
    "labIds": "Lab",
    "topicIds": "Topic",
    "levelIds": "Level",
    "UserRef.id": "User",
    "LabRef.id": "Lab",
    "group.id": "Group",
    "organization.id": "Organization",
    "topic.id": "Topic",
}
SCOPE_KINDS = ("Group", "Topic", "Level", "Lab")

TEXTS = {
    "username": ("ben", "ADA", "cleo", "nobody", ""),
    "externalId": ("ben", "cleo", "alg-1", "nobody"),
    "usernameStartsWith": ("b", "A", "", "_", "%"),
    "nameContains": ("a", "Algebra", "1", "%", "é"),
    "titleContains": ("Lab", "1", "\\", "zz"),
    "errorCode": ("E_SYNTAX", "E_TIMEOUT", "none"),
    "type": ("l1", "l2", "l4", "zz"),
}
INTEGERS = {
    "first": (0, 1, 1, 2, 2, 3, 5, 50, 200, 201, -1),
    "last": (0, 1, 2, 3, 50, 201),
    "radius": (0, 1, 2, 5, 50, 51, -1),
    "lastDays": (1, 7, 30, 365, 3700, 0, 4000),
}
FLOATS = {"p": (0, 0.1, 0.25, 0.5, 0.9, 1, 0.33, 1.5, -0.1)}
INSTANTS = (
    "2025-12-31T23:30:00Z",
    "2026-01-01T00:00:00Z",
    "2026-03-03T09:00:00Z",
    "2026-03-09T10:00:00.123+01:00",
    "2026-03-29T00:30:00-05:00",
    "2026-04-01T00:00:00Z",
    "2026-12-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-03-03T09:00:00",
    "yesterday",
)
DAYS = ("2026-01-01", "2026-03-01", "2026-03-29", "2026-04-01", "2026-11-01", "2026-13-01")
ZONES = ("Europe/Madrid", "UTC", "America/New_York", "Asia/Kathmandu", "Mars/Olympus")

# How often an argument that may be left out is given.
GIVEN = {"first": 0.5, "last": 0.1, "after": 0.15, "before": 0.08, "by": 1.0, "period": 0.3, "scopeId": 0.7}


@dataclass(frozen=True, repr=False)
class World:
    """What there is: ids by type, those of another organization, and cursors by the field that gave them."""

    ids: dict[str, list[str]]
    foreign_ids: dict[str, list[str]]
    cursors: dict[str, list[str]] = field(default_factory=dict)


class Values:
    """Draws values for arguments."""

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random

    def is_given(self, name: str) -> bool:
        return self._random.random() < GIVEN.get(name, 0.4)

    def chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def value(self, type_: GraphQLInputType, name: str, owner: str) -> ValueNode:
        """A literal for the argument or input field ``name`` of ``owner``, a field or an input type."""
        if not isinstance(type_, GraphQLNonNull) and self.chance(0.04):
            return NullValueNode()
        inner: Any = get_nullable_type(type_)
        if isinstance(inner, GraphQLList):
            return self._list(inner, name, owner)
        if isinstance(inner, GraphQLInputObjectType):
            return self._object(inner)
        if isinstance(inner, GraphQLEnumType):
            return EnumValueNode(value=self._random.choice(list(inner.values)))
        return self._scalar(inner.name, name, owner)

    def _list(self, type_: GraphQLList[Any], name: str, owner: str) -> ValueNode:
        item_type = type_.of_type
        if self.chance(0.1):
            # Stands for a list of one.
            return self.value(item_type, name, owner)
        if name == "boundaries":
            numbers = sorted(self._random.sample(range(-10, 120, 10), self._random.randint(0, 5)))
            return ListValueNode(values=tuple(FloatValueNode(value=str(number)) for number in numbers))
        count = self._random.choice((0, 1, 1, 2, 3))
        return ListValueNode(values=tuple(self.value(item_type, name, owner) for _ in range(count)))

    def _object(self, type_: GraphQLInputObjectType) -> ValueNode:
        names = list(type_.fields)
        is_one_of = type_.extensions["strawberry-definition"].is_one_of
        if is_one_of:
            names = [self._random.choice(names)]
        else:
            names = [name for name in names if is_required_input_field(type_.fields[name]) or self.chance(0.35)]
        fields = []
        for name in names:
            of_type = type_.fields[name].type
            value = self.value(GraphQLNonNull(of_type) if is_one_of else of_type, name, type_.name)
            fields.append(ObjectFieldNode(name=NameNode(value=name), value=value))
        if type_.name in ("DateTimeRangeInput", "DateRangeInput") and self.chance(0.8):
            fields = [
                ObjectFieldNode(name=each.name, value=value)
                for each, value in zip(
                    fields,
                    sorted((each.value for each in fields), key=lambda one: getattr(one, "value", "")),
                    strict=True,
                )
            ]
        return ObjectValueNode(fields=tuple(fields))

    def _scalar(self, scalar: str, name: str, owner: str) -> ValueNode:
        pick = self._random.choice
        match scalar:
            case "ID":
                return StringValueNode(value=self._id(name, owner))
            case "Int":
                return IntValueNode(value=str(pick(INTEGERS.get(name, (0, 1, 2, 100)))))
            case "Float":
                return FloatValueNode(value=str(pick(FLOATS.get(name, (0, 0.5, 20, 50, 80.5, 100, -1, 1e300)))))
            case "Boolean":
                return BooleanValueNode(value=self.chance(0.5))
            case "DateTime":
                return StringValueNode(value=pick(INSTANTS[:7] if self.chance(0.97) else INSTANTS))
            case "Date":
                return StringValueNode(value=pick(DAYS[:5] if self.chance(0.97) else DAYS))
            case "TimeZone":
                return StringValueNode(value=pick(ZONES[:4] if self.chance(0.95) else ZONES))
        if name in ("after", "before"):
            return StringValueNode(value=self._cursor(owner))
        return StringValueNode(value=pick(TEXTS.get(name, ("a", "", "\u0000", "é😀"))))

    def _id(self, name: str, owner: str) -> str:
        kind = KIND_OF_ARGUMENT.get(name) or KIND_OF_ARGUMENT.get(f"{owner}.{name}")
        if kind is None or self.chance(0.06):
            kind = self._random.choice(SCOPE_KINDS if name == "scopeId" else list(self._world.ids))
        if self.chance(0.05):
            return self._random.choice(("", "nonsense", "VXNlcjo5OTk5OTk", "VXNlcjp4", "Ωmega"))
        return self._random.choice((self._world.foreign_ids if self.chance(0.05) else self._world.ids)[kind])

    def _cursor(self, field: str) -> str:
        known = self._world.cursors.get(field, [])
        if not known or self.chance(0.15):
            known = [cursor for cursors in self._world.cursors.values() for cursor in cursors] + ["", "nonsense"]
        return self._random.choice(known)
