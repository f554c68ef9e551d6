"""Assignments: labs given to people, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.assignments import AssignmentRow, AssignmentSelection, AssignmentSide, ExtensionRow
from resolvers.assignments import (
    ORDER,
    ORDER_TYPES,
    resolve_assignment,
    resolve_assignments,
    resolve_assignments_of,
    resolve_effective_deadline,
)
from resolvers.labs import resolve_lab
from resolvers.loaders.assignments import load_extensions_by_assignment
from resolvers.loaders.groups import load_group_by_id
from resolvers.loaders.users import load_user_by_id
from schema import groups, labs, users
from schema.costs import assumed
from schema.periods import DateTimeRangeInput
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    global_id,
    key_of,
    page_of,
)

if TYPE_CHECKING:
    from schema.groups import Group
    from schema.labs import Lab
    from schema.users import User


@strawberry.type(description="A deadline for one person, which replaces the assignment's.")
class DeadlineExtension:
    row: strawberry.Private[ExtensionRow]
    due_at: datetime = strawberry.field(description="The last instant that is on time for this person.")
    reason: str | None = strawberry.field(description="Why; null where nobody said.")
    granted_at: datetime = strawberry.field(description="When it was granted, or changed last.")

    @classmethod
    def from_row(cls, row: ExtensionRow) -> Self:
        return cls(row=row, due_at=row.due_at, reason=row.reason, granted_at=row.granted_at)

    @strawberry.field(description="The person; null where the viewer may no longer see them.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id)
        return users.User.from_row(row) if row else None

    @strawberry.field(description="Who granted it; null for a system, and for people whom the viewer may not see.")
    async def granted_by(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.granted_by) if self.row.granted_by else None
        return users.User.from_row(row) if row else None


@strawberry.type(
    description="A lab given to one person or to one group. Attempts take the deadline along when they are completed."
)
class Assignment(Node):
    row: strawberry.Private[AssignmentRow]
    assigned_at: datetime = strawberry.field(description="From when on it is to be done.")
    due_at: datetime | None = strawberry.field(
        description="The last instant that is on time; null without a deadline. Single people can have another one."
    )
    revision: int = strawberry.field(description="1 at first, one more with each change of the assignment itself.")

    @classmethod
    def from_row(cls, row: AssignmentRow) -> Self:
        return cls(
            id=global_id("Assignment", row.id),
            row=row,
            assigned_at=row.assigned_at,
            due_at=row.due_at,
            revision=row.revision,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The assignment as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_assignment(info.context, key))

    @strawberry.field(description="What is to be done.")
    async def lab(self, info: Info) -> Annotated[Lab, strawberry.lazy("schema.labs")] | None:
        return labs.Lab.from_row(await resolve_lab(info.context, key=self.row.lab_id))

    @strawberry.field(
        description="The person whom it was given to; null for a group's, and where the viewer may not see them."
    )
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id) if self.row.user_id else None
        return users.User.from_row(row) if row else None

    @strawberry.field(
        description="The group that it was given to; null for a person's, and where the viewer may not see it."
    )
    async def group(self, info: Info) -> Annotated[Group, strawberry.lazy("schema.groups")] | None:
        row = await info.context.load(load_group_by_id, self.row.group_id) if self.row.group_id else None
        return groups.Group.from_row(row) if row else None

    @strawberry.field(
        description="The deadline of one person: their extension, else the assignment's. Null where there is none, and for "
        "people whom it was not given to."
    )
    async def effective_due_at(
        self, info: Info, user_id: Annotated[strawberry.ID, strawberry.argument(description="The person.")]
    ) -> datetime | None:
        return await resolve_effective_deadline(info.context, self.row.id, key_of("User", user_id, "userId"))

    @strawberry.field(
        description="Deadlines of single people, of those whom the viewer may see; earliest first.",
        directives=[assumed(10)],
    )
    async def extensions(self, info: Info) -> list[DeadlineExtension] | None:
        rows = await info.context.load(load_extensions_by_assignment, self.row.id)
        return [DeadlineExtension.from_row(row) for row in rows]


@strawberry.input(description="Which assignments; conditions are combined with AND.")
class AssignmentFilter:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Given to this person, or to a group that they are a member of now."
    )
    group_id: strawberry.ID | None = strawberry.field(default=None, description="Given to this group.")
    lab_id: strawberry.ID | None = strawberry.field(default=None, description="Of this lab.")
    due_at: DateTimeRangeInput | None = strawberry.field(
        default=None, description="With a deadline of their own within this; extensions are not looked at."
    )

    def to_selection(self) -> AssignmentSelection:
        return AssignmentSelection(
            user_id=None if self.user_id is None else key_of("User", self.user_id, "filter.userId"),
            group_id=None if self.group_id is None else key_of("Group", self.group_id, "filter.groupId"),
            lab_id=None if self.lab_id is None else key_of("Lab", self.lab_id, "filter.labId"),
            due_from=self.due_at.from_ if self.due_at else None,
            due_before=self.due_at.to if self.due_at else None,
        )


async def assignment_connection(
    info: Info,
    side: AssignmentSide,
    key: int,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[Assignment]:
    """A page of the assignments of a person or group, by deadline."""
    page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
    listing = await resolve_assignments_of(info.context, side, key, page)
    return connection_of(page, listing, ORDER, Assignment.from_row)


@strawberry.type
class AssignmentQuery:
    @strawberry.field(
        description="The assignments that the viewer may see, by deadline; those without one come last.",
        directives=PAGED,
    )
    async def assignments(
        self,
        info: Info,
        filter: Annotated[
            AssignmentFilter | None, strawberry.argument(description="Which assignments; all by default.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Assignment] | None:
        page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
        selection = filter.to_selection() if filter else AssignmentSelection()
        listing = await resolve_assignments(info.context, selection, page)
        return connection_of(page, listing, ORDER, Assignment.from_row)
