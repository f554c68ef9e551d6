"""Making and changing what awards are given for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.problems import NOT_STORABLE, is_storable
from db.queries.award_rules import AwardRule
from db.queries.awards import change_definition, insert_definition, lock_definition
from resolvers.argument_names import argument_name
from resolvers.context import Context
from resolvers.keyed_changes import Done, change
from resolvers.permissions import Permission
from resolvers.user_errors import ConflictError, NotFoundError, Refused, UserError, ValidationError

SLUG = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")
DEFAULTS: dict[str, Any] = {"description": None, "icon": None, "revocable": True, "is_active": True}
MOST_SCORE, MOST_COUNTED = 100, 100_000


@dataclass(frozen=True, slots=True)
class DefinitionDraft:
    """``key`` None: a new one, which is named by ``slug``. ``said`` are columns; what was not said stays as it is."""

    key: int | None
    slug: str | None
    said: dict[str, Any]

    def checked_body(self) -> dict[str, Any]:
        """What was said, by argument. Raises Refused."""
        errors = [*self._naming_errors(), *self._text_errors()]
        if errors:
            raise Refused(*errors)
        return {"id": self.key, "key": self.slug, **{argument_name(name): value for name, value in self.said.items()}}

    def _naming_errors(self) -> list[UserError]:
        if self.key is not None:
            message = "An award keeps its key; it is named by its id."
            return [ValidationError(message, ("input", "key"), "CONSISTENCY")] if self.slug is not None else []
        errors: list[UserError] = []
        if self.slug is None or not SLUG.fullmatch(self.slug):
            message = "A key has 1 to 63 small letters, digits and underscores, and begins with no underscore."
            errors.append(ValidationError(message, ("input", "key"), "FORMAT"))
        missing = [name for name in ("kind", "name", "rule", "threshold") if name not in self.said]
        errors += [ValidationError("A new award needs it.", ("input", name), "REQUIRED") for name in missing]
        return errors

    def _text_errors(self) -> list[UserError]:
        errors: list[UserError] = []
        for name, most in (("name", 200), ("description", 1000), ("icon", 200)):
            value = self.said.get(name)
            if value is None:
                continue
            if not 1 <= len(value) <= most:
                errors.append(ValidationError(f"It has 1 to {most:,} characters.", ("input", name), "LENGTH"))
            elif not is_storable(value):
                errors.append(ValidationError(NOT_STORABLE, ("input", name), "TEXT"))
        return errors


async def resolve_save_definition(context: Context, draft: DefinitionDraft, key: str | None) -> Done:
    """Makes or changes a definition; everybody's awards follow. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        if draft.key is None:
            said = _whole(DEFAULTS | draft.said)
            assert draft.slug is not None
            made = await insert_definition(connection, viewer.organization_id, draft.slug, said)
            if made is None:
                message = "There is an award of this key; to change it give its id."
                raise Refused(ConflictError(message, ("input", "key")))
            return [made]
        before = await lock_definition(connection, viewer.organization_id, draft.key)
        if before is None:
            raise Refused(NotFoundError("There is no such award.", ("input", "id")))
        was = {name: value for name, value in before._asdict().items() if name not in ("id", "organization_id", "slug")}
        said = _whole(was | draft.said)
        if said != was:
            await change_definition(connection, draft.key, said)
        return [draft.key]

    return await change(context, Permission.CURATE, "saveBadgeDefinition", key, draft.checked_body, work)


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    """Refuses a threshold that its rule cannot have."""
    threshold, path = said["threshold"], ("input", "threshold")
    if said["rule"] == AwardRule.TASK_SCORE:
        if not 0 <= threshold <= MOST_SCORE:
            raise Refused(ValidationError(f"A score is 0 to {MOST_SCORE}.", path, "RANGE"))
    elif not 1 <= threshold <= MOST_COUNTED or threshold != int(threshold):
        raise Refused(ValidationError(f"It is a whole number from 1 to {MOST_COUNTED:,}.", path, "RANGE"))
    return {**said, "threshold": round(Decimal(threshold), 4)}
