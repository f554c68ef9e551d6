"""Putting people into groups and taking them out again: intervals that never overlap."""

from __future__ import annotations

import asyncio
from typing import Any

from schema.relay import global_id
from tests.asking import Answer, Asker
from tests.schema.test_roster import MEMBERSHIP, ROOT, payload, rows, told


class Membership:
    """Sets memberships of one person in alg-2 and shows the history."""

    def __init__(self, ask: Asker, person: str = "ben") -> None:
        self.ask, self.person = ask, person

    async def __call__(self, **values: Any) -> Answer:
        ids = {"userId": self.ask.id("User", self.person), "groupId": self.ask.id("Group", "alg-2")}
        return await self.ask(MEMBERSHIP, {"input": {**ids, **values}}, **ROOT)

    def history(self) -> list[tuple[Any, ...]]:
        return rows(
            self.ask,
            """SELECT m.role, m.valid_from::date::text, m.valid_to::date::text FROM group_memberships m
            JOIN users u ON u.id = m.user_id AND u.external_id = %s JOIN groups g ON g.id = m.group_id AND g.external_id = 'alg-2'
            WHERE m.organization_id = 1 ORDER BY m.role, m.valid_from""",
            self.person,
        )


async def test_memberships_open_end_and_open_again(fresh_ask: Asker) -> None:
    ben = Membership(fresh_ask)
    opened = payload(await ben(validFrom="2026-02-01T00:00:00Z"))
    assert opened["membership"]["group"] == {"externalId": "alg-2"}
    assert opened["membership"]["validTo"] is None
    # Open already, whether from then, from later or from now.
    for again in ({}, {"validFrom": "2026-02-01T00:00:00Z"}, {"validFrom": "2026-03-01T00:00:00Z"}):
        assert payload(await ben(**again))["membership"] == opened["membership"]
    assert ben.history() == [("MEMBER", "2026-02-01", None)]
    ended = payload(await ben(validTo="2026-04-01T00:00:00Z"))["membership"]
    assert (ended["id"], ended["validTo"]) == (opened["membership"]["id"], "2026-04-01T00:00:00.000Z")
    # A new one may touch the old one, and being a lead is another thing.
    await ben(validFrom="2026-04-01T00:00:00Z")
    await ben(role="LEAD", validFrom="2026-02-15T00:00:00Z", validTo="2026-03-01T00:00:00Z")
    assert ben.history() == [
        ("LEAD", "2026-02-15", "2026-03-01"),
        ("MEMBER", "2026-02-01", "2026-04-01"),
        ("MEMBER", "2026-04-01", None),
    ]


async def test_memberships_that_would_overlap_or_end_before_they_begin(fresh_ask: Asker) -> None:
    dan = Membership(fresh_ask, "dan")
    assert told(await dan(validFrom="2025-12-01T00:00:00Z")) == [("CONFLICT", "input", None)]
    assert told(await dan(validFrom="2026-02-01T00:00:00Z", validTo="2026-03-01T00:00:00Z")) == [
        ("CONFLICT", "input", None)
    ]
    assert told(await dan(validTo="2025-12-31T00:00:00Z")) == [("VALIDATION", "input.validTo", "CONSISTENCY")]
    assert told(await dan(validTo="2300-12-31T00:00:00Z")) == [("VALIDATION", "input.validTo", "TIME")]
    assert dan.history() == [("MEMBER", "2026-01-01", None)]
    # In the past and before is fine.
    before = await dan(validFrom="2025-11-01T00:00:00Z", validTo="2025-12-01T00:00:00Z")
    assert payload(before)["userErrors"] == []


async def test_memberships_of_people_and_groups_that_are_not_there(fresh_ask: Asker) -> None:
    ben = Membership(fresh_ask)
    for name, kind, table in (("userId", "User", "ben"), ("groupId", "Group", "alg-1")):
        for key in (fresh_ask.id(kind, table, "south"), global_id(kind, 999_999), global_id("Lab", 1)):
            assert told(await ben(**{name: key})) == [("NOT_FOUND", f"input.{name}", None)]
        assert told(await ben(**{name: "?"})) == [("VALIDATION", f"input.{name}", "FORMAT")]


async def test_a_membership_opened_twice_at_once_is_one(fresh_ask: Asker) -> None:
    gus = Membership(fresh_ask, "gus")
    answers = await asyncio.gather(*(gus() for _ in range(4)))
    assert len({payload(answer)["membership"]["id"] for answer in answers}) == 1
    assert len(gus.history()) == 1


async def test_a_new_lead_sees_the_group_at_once(fresh_ask: Asker) -> None:
    people = "{ users(orderBy: {field: USERNAME}) { nodes { externalId } } }"
    gus = Membership(fresh_ask, "gus")
    await gus(role="LEAD")
    seen = (await fresh_ask(people, person="gus", role="TEACHER")).data
    assert seen == {"users": {"nodes": [{"externalId": name} for name in ("dan", "gus", "tom")]}}
