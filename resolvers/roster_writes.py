"""Upserts of people, groups, topics, levels and labs: all items of a call, or none.

What is not said of a thing stays as it is, or has its default where the thing is new.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.problems import Problem, text_problem
from db.queries.roster_writes import (
    GROUPS,
    LABS,
    LEVELS,
    TOPICS,
    USERS,
    RosterTable,
    find_taken_usernames,
    get_known_levels,
    get_known_topics,
    get_present,
    insert_rows,
    lay_down_usernames,
    lock_roster,
    replace_lab_topics,
    update_rows,
)
from resolvers.argument_names import argument_name
from resolvers.roster_checks import (
    group_problems,
    lab_problems,
    level_problems,
    position_problem,
    topic_problems,
    user_problems,
)
from resolvers.user_errors import ConflictError, NotFoundError, Refused, UserError, ValidationError

MOST_ITEMS = 1_000


@dataclass(slots=True)
class RosterItem:
    """One thing: the key that it is known by, and what was said of it, by column.

    Of a lab also ``topic_ids`` or ``topic_external_ids`` and ``level_position`` can be said.
    """

    key: Any
    said: dict[str, Any]


@dataclass(slots=True)
class _Row:
    """What a row is to be; ``before`` is what it is, None for a new one. ``topic_ids`` None: a lab keeps those it has."""

    position: int
    item: RosterItem
    values: dict[str, Any]
    before: dict[str, Any] | None
    topic_ids: list[int] | None = None

    @property
    def changed(self) -> bool:
        return self.before is None or any(self.before[name] != value for name, value in self.values.items())


Check = Callable[["_Batch"], Awaitable[list[UserError]]]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a call upserts. ``required`` and ``defaults`` are for new things; ``problems`` looks at one item alone, ``check``
    at all of them beside what is there.
    """

    table: RosterTable
    problems: Callable[[dict[str, Any]], list[Problem]]
    required: tuple[str, ...]
    defaults: Mapping[str, Any]
    check: Check | None = None

    def path(self, position: int, column: str) -> tuple[str, ...]:
        return ("input", self.table.name, str(position), argument_name(column))


@dataclass(slots=True)
class _Batch:
    connection: AsyncConnection
    viewer: Viewer
    subject: Subject
    rows: list[_Row] = field(default_factory=list)


def refuse_nonsense(subject: Subject, items: Sequence[RosterItem]) -> None:
    """Everything that is wrong with the items themselves. Raises Refused."""
    if len(items) > MOST_ITEMS:
        path = ("input", subject.table.name)
        raise Refused(ValidationError(f"At most {MOST_ITEMS:,} at a time.", path, rule="SIZE"))
    errors: list[UserError] = []
    seen: set[Any] = set()
    for position, item in enumerate(items):
        key = subject.table.key
        problem = position_problem(key, item.key) if isinstance(item.key, int) else text_problem(key, item.key)
        problems = subject.problems(item.said)
        if item.key in seen:
            problem = Problem(key, "DUPLICATE", "This one comes twice in the list.")
        seen.add(item.key)
        for column, rule, message in [problem, *problems] if problem else problems:
            errors.append(ValidationError(message, subject.path(position, column), rule=rule))
    if errors:
        raise Refused(*errors)


async def upsert(
    connection: AsyncConnection, viewer: Viewer, subject: Subject, items: Sequence[RosterItem]
) -> list[int]:
    """Makes the roster say what the items say; their ids. Raises Refused, and then nothing may be committed."""
    table = subject.table
    await lock_roster(connection, viewer.organization_id, table)
    present = await get_present(connection, viewer.organization_id, table, [item.key for item in items])
    batch = _Batch(connection, viewer, subject)
    errors: list[UserError] = []
    for position, item in enumerate(items):
        before = present.get(item.key)
        if before is None:
            for column in subject.required:
                if column not in item.said:
                    message = f"A new one needs its {argument_name(column)}."
                    errors.append(ValidationError(message, subject.path(position, column), rule="REQUIRED"))
        known = {**subject.defaults, **(before or {}), **item.said}
        batch.rows.append(_Row(position, item, {name: known.get(name) for name in table.columns}, before))
    if not errors and subject.check is not None:
        errors += await subject.check(batch)
    if errors:
        raise Refused(*errors)
    return await _write(batch)


async def _write(batch: _Batch) -> list[int]:
    connection, organization_id, table = batch.connection, batch.viewer.organization_id, batch.subject.table
    changed = {row.position for row in batch.rows if row.changed}
    ids = {row.item.key: row.before["id"] for row in batch.rows if row.before is not None}
    await update_rows(
        connection,
        table,
        [
            {"id": row.before["id"], table.key: row.item.key, **row.values}
            for row in batch.rows
            if row.before is not None and row.position in changed
        ],
    )
    fresh = [{table.key: row.item.key, **row.values} for row in batch.rows if row.before is None]
    ids |= await insert_rows(connection, organization_id, table, fresh)
    if table is LABS:
        topics = {ids[row.item.key]: row.topic_ids for row in batch.rows if row.topic_ids is not None}
        await replace_lab_topics(connection, organization_id, topics)
    return [ids[row.item.key] for row in batch.rows]


async def _check_users(batch: _Batch) -> list[UserError]:
    """Usernames that are taken. Puts down those that change hands, so that people of one call can swap them."""
    subject, organization_id = batch.subject, batch.viewer.organization_id
    usernames = [row.values["username"] for row in batch.rows]
    keys = [row.item.key for row in batch.rows]
    taken, repeated = await find_taken_usernames(batch.connection, organization_id, usernames, keys)
    errors: list[UserError] = []
    for row in batch.rows:
        path = subject.path(row.position, "username")
        if row.position in taken:
            errors.append(ConflictError("Another person has this username.", path))
        elif row.position in repeated:
            errors.append(ConflictError("Another person in the list has this username.", path))
        if (
            row.before is not None
            and row.before["id"] == batch.viewer.user_id
            and row.before["deactivated_at"] is None
            and row.values["deactivated_at"] is not None
        ):
            message = "Nobody deactivates themselves: ask another administrator."
            path = subject.path(row.position, "deactivated_at")
            errors.append(ValidationError(message, path, rule="CONSISTENCY"))
    renamed = [
        row.before["id"]
        for row in batch.rows
        if row.before is not None and row.before["username"] != row.values["username"]
    ]
    if len(renamed) > 1 and not errors:
        await lay_down_usernames(batch.connection, organization_id, renamed)
    return errors


async def _check_labs(batch: _Batch) -> list[UserError]:
    """Finds the topics and levels that labs name."""
    return await _find_topics(batch) + await _find_levels(batch)


async def _find_topics(batch: _Batch) -> list[UserError]:
    said = [row.item.said for row in batch.rows]
    topics = await get_known_topics(
        batch.connection,
        batch.viewer.organization_id,
        {key for one in said for key in one.get("topic_ids", ())},
        {key for one in said for key in one.get("topic_external_ids", ())},
    )
    by_id, by_key = {topic.id: topic.id for topic in topics}, {topic.key: topic.id for topic in topics}
    errors: list[UserError] = []
    for row in batch.rows:
        for column, known in (("topic_ids", by_id), ("topic_external_ids", by_key)):
            if column in row.item.said:
                found = [known.get(key) for key in row.item.said[column]]
                path = batch.subject.path(row.position, column)
                errors += [
                    NotFoundError("There is no such topic.", (*path, str(place)))
                    for place, topic_id in enumerate(found)
                    if topic_id is None
                ]
                row.topic_ids = [topic_id for topic_id in dict.fromkeys(found) if topic_id is not None]
    return errors


async def _find_levels(batch: _Batch) -> list[UserError]:
    said = [row.item.said for row in batch.rows]
    levels = await get_known_levels(
        batch.connection,
        batch.viewer.organization_id,
        {one["level_id"] for one in said if one.get("level_id") is not None},
        {one["level_position"] for one in said if one.get("level_position") is not None},
    )
    by_id, by_key = {level.id: level.id for level in levels}, {level.key: level.id for level in levels}
    errors: list[UserError] = []
    for row in batch.rows:
        for column, known in (("level_id", by_id), ("level_position", by_key)):
            wanted = row.item.said.get(column)
            if wanted is not None and wanted not in known:
                errors.append(NotFoundError("There is no such level.", batch.subject.path(row.position, column)))
            elif column in row.item.said:
                row.values["level_id"] = None if wanted is None else known[wanted]
    return errors


UPSERTED_USERS = Subject(USERS, user_problems, ("username", "display_name"), {"role": "STUDENT"}, _check_users)
UPSERTED_GROUPS = Subject(GROUPS, group_problems, ("name",), {"kind": "class"})
UPSERTED_TOPICS = Subject(TOPICS, topic_problems, ("title",), {})
UPSERTED_LEVELS = Subject(LEVELS, level_problems, ("title",), {})
UPSERTED_LABS = Subject(LABS, lab_problems, ("title",), {"required_skills": []}, _check_labs)
