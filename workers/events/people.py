"""People and courses as events tell of them. A course is a group of kind ``course``, whose members are enrolled.

Of each column the newest word counts. Who is named before being introduced is called by their id until then, so that the
events may come in any order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from unicodedata import normalize

from pydantic import AfterValidator, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_unparking import unpark
from db.queries.event_memberships import Enrolment, enrol
from db.queries.event_registers import Said, merge, tell_registers
from db.queries.roster_writes import (
    GROUPS,
    USERS,
    RosterTable,
    find_taken_usernames,
    get_present,
    insert_rows,
    lay_down_usernames,
    lock_roster,
    update_rows,
)
from db.time_zones import NO_PLACE, is_place
from workers.events.envelope import Data, Event, Instant, Key, Name, Refusal

COURSE = "course"
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f.]+(\.[^@\s\x00-\x1f\x7f.]+)*")


def _composed(text: str) -> str:
    composed = normalize("NFC", text)
    if not composed.strip():
        raise ValueError("The text is blank.")
    return composed


def _is_zone(name: str) -> str:
    if not is_place(name):
        raise ValueError(NO_PLACE)
    return name


def _is_address(text: str) -> str:
    if not EMAIL.fullmatch(text):
        raise ValueError("This is not an e-mail address.")
    return text


Text = Annotated[Name, AfterValidator(_composed)]
Role = Literal["STUDENT", "TEACHER", "MANAGER", "ADMIN", "SERVICE"]


class PersonTold(Data):
    """What is said of a person; what is left out stays as it is."""

    user_id: Key
    username: Text | None = None
    display_name: Text | None = None
    email: Annotated[str, StringConstraints(max_length=320), AfterValidator(_is_address)] | None = None
    role: Role | None = None
    time_zone: Annotated[str, AfterValidator(_is_zone)] | None = None
    deactivated_at: Instant | None = None


class CourseTold(Data):
    """What is said of a course."""

    course_id: Key
    title: Text


class PersonEnrolled(Data):
    """Somebody belongs to a course; without ``enrolledAt`` since the event happened."""

    user_id: Key
    course_id: Key
    role: Literal["MEMBER", "LEAD"] = "MEMBER"
    enrolled_at: Instant | None = None


MUST_BE_SAID = ("username", "display_name", "role")
"""Columns that are never empty."""


async def take_people(connection: AsyncConnection, organization_id: int, events: Sequence[Event]) -> dict[int, Refusal]:
    """Makes people be what was said of them last, and records the attempts that waited for them."""
    told: dict[str, dict[str, Any]] = {}
    news: dict[str, Said] = {}
    positions: dict[str, int] = {}
    for position, event in enumerate(events):
        columns = event.data.model_dump(exclude_unset=True, exclude={"user_id"})
        said = {name: value for name, value in columns.items() if value is not None or name not in MUST_BE_SAID}
        key = event.person or ""
        positions[key] = position
        told.setdefault(key, {})
        entity = f"user:{key}"
        news[entity], taken = merge(news.get(entity, {}), {name: {"order": event.order} for name in said})
        told[key].update((name, said[name]) for name in taken)
    registers = await tell_registers(connection, organization_id, news)
    changes = {
        key: {name: value for name, value in columns.items() if name in registers[f"user:{key}"].taken}
        for key, columns in told.items()
    }
    taken_names = await _put_people(connection, organization_id, changes)
    return {
        positions[key]: Refusal("USERNAME", "username: Another person has it.", may_pass=True) for key in taken_names
    }


async def take_enrolments(
    connection: AsyncConnection, organization_id: int, events: Sequence[Event]
) -> dict[int, Refusal]:
    """Makes people belong to courses since the earliest instant that was told."""
    undated = Refusal("DATA", "enrolledAt: Without it the event needs its time.")
    refused = {position: undated for position, event in enumerate(events) if _since(event) is None}
    if refused:
        return refused
    people = await _put_new(connection, organization_id, USERS, {event.data.user_id for event in events})
    courses = await _put_new(connection, organization_id, GROUPS, {event.data.course_id for event in events})
    earliest: dict[tuple[int, int, str], datetime] = {}
    for event in events:
        key = (courses[event.data.course_id], people[event.data.user_id], event.data.role)
        since = _since(event)
        assert since is not None
        earliest[key] = min(since, earliest.get(key, since))
    await enrol(connection, organization_id, [Enrolment(*key, since) for key, since in earliest.items()])
    return {}


async def take_courses(
    connection: AsyncConnection, organization_id: int, events: Sequence[Event]
) -> dict[int, Refusal]:
    """Gives courses the title that was told last."""
    titles: dict[str, str] = {}
    news: dict[str, Said] = {}
    for event in events:
        key = event.data.course_id
        entity = f"course:{key}"
        news[entity], taken = merge(news.get(entity, {}), {"name": {"order": event.order}})
        if taken:
            titles[key] = event.data.title
    registers = await tell_registers(connection, organization_id, news)
    changes = {key: {"name": title} for key, title in titles.items() if registers[f"course:{key}"].taken}
    await _put(connection, organization_id, GROUPS, changes)
    return {}


def _since(event: Event) -> datetime | None:
    since: datetime | None = event.data.enrolled_at or event.time
    return since


async def _put_people(
    connection: AsyncConnection, organization_id: int, changes: dict[str, dict[str, Any]]
) -> list[str]:
    """Keys of those whose username somebody else has: nothing was written then."""
    await lock_roster(connection, organization_id, USERS)
    present = await get_present(connection, organization_id, USERS, list(changes))
    rows = {key: {**_newcomer(USERS, key), **present.get(key, {}), **said} for key, said in changes.items()}
    usernames = [row["username"] for row in rows.values()]
    taken, repeated = await find_taken_usernames(connection, organization_id, usernames, list(rows))
    if taken or repeated:
        keys = list(rows)
        return [keys[place] for place in taken | repeated]
    renamed = [row["id"] for key, row in present.items() if row["username"] != rows[key]["username"]]
    if len(renamed) > 1:
        # They may swap theirs.
        await lay_down_usernames(connection, organization_id, renamed)
    await _write(connection, organization_id, USERS, changes, present)
    return []


async def _put_new(
    connection: AsyncConnection, organization_id: int, table: RosterTable, keys: Iterable[str]
) -> dict[str, int]:
    """Ids by key; who or what is not there yet is called by its key."""
    changes: dict[str, dict[str, Any]] = {key: {} for key in keys}
    return await _put(connection, organization_id, table, changes)


async def _put(
    connection: AsyncConnection, organization_id: int, table: RosterTable, changes: dict[str, dict[str, Any]]
) -> dict[str, int]:
    await lock_roster(connection, organization_id, table)
    present = await get_present(connection, organization_id, table, list(changes))
    return await _write(connection, organization_id, table, changes, present)


async def _write(
    connection: AsyncConnection,
    organization_id: int,
    table: RosterTable,
    changes: dict[str, dict[str, Any]],
    present: Mapping[str, dict[str, Any]],
) -> dict[str, int]:
    """What is to be different from what is ``present``, which is locked. Ids by key."""
    fresh = [{table.key: key, **_newcomer(table, key), **said} for key, said in changes.items() if key not in present]
    changed = [
        {**present[key], **said}
        for key, said in changes.items()
        if key in present and any(present[key][name] != value for name, value in said.items())
    ]
    await update_rows(connection, table, changed)
    ids = {key: row["id"] for key, row in present.items()}
    ids |= await insert_rows(connection, organization_id, table, fresh)
    if fresh and table is USERS:
        # Attempts of theirs may have waited for them; more than fit into one call are left to the maintenance.
        await unpark(connection, organization_id)
    return ids


def _newcomer(table: RosterTable, key: str) -> dict[str, Any]:
    values = dict.fromkeys(table.columns)
    if table is GROUPS:
        return {**values, "name": key, "kind": COURSE}
    return {**values, "username": key, "display_name": key, "role": "STUDENT"}
