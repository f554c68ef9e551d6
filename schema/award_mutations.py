"""Making and changing what awards are given for, and giving and taking them back by hand."""

from __future__ import annotations

import math
from typing import Annotated

import strawberry

from db.queries.award_rules import AwardKind, AwardRule
from resolvers.award_grants import Gift, resolve_award_badge, resolve_revoke_badge
from resolvers.award_writes import DefinitionDraft, resolve_save_definition
from resolvers.keyed_changes import Done
from resolvers.loaders.awards import load_award_by_id, load_definition_by_id
from resolvers.user_errors import Refused, ValidationError
from schema.awards import BadgeDefinition, PerformanceBadge
from schema.costs import FEW
from schema.relay import Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at, said
from schema.user_errors import UserError, user_errors_of


@strawberry.input(
    description="An award to make (key, kind, name, rule, threshold) or to change (id). What is left out stays as it is."
)
class SaveBadgeDefinitionInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The one to change; without it a new one.")
    key: str | None = strawberry.field(
        default=None, description="Names a new one: small letters, digits and underscores; cannot change later."
    )
    kind: strawberry.Maybe[AwardKind] = strawberry.field(description="A badge or a milestone.")
    name: strawberry.Maybe[str] = strawberry.field(description="Name as people read it, at most 200 characters.")
    description: strawberry.Maybe[str | None] = strawberry.field(
        description="What one has to do, at most 1,000 characters."
    )
    icon: strawberry.Maybe[str | None] = strawberry.field(description="Name of a picture, at most 200 characters.")
    rule: strawberry.Maybe[AwardRule] = strawberry.field(description="What is counted.")
    threshold: strawberry.Maybe[float] = strawberry.field(
        description="How much of it one needs: a whole number, but for scores 0–100."
    )
    revocable: strawberry.Maybe[bool] = strawberry.field(
        description="Whether it is taken back when what it was awarded for is no longer there; so it is by default."
    )
    is_active: strawberry.Maybe[bool] = strawberry.field(description="Whether it is awarded; so it is by default.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> DefinitionDraft:
        """Raises Refused."""
        columns = ("kind", "name", "description", "icon", "rule", "threshold", "revocable", "is_active")
        values = said(self, *columns)
        if not math.isfinite(values.get("threshold", 0)):
            raise Refused(ValidationError("It is a number.", ("input", "threshold"), "RANGE"))
        key = None if self.id is None else key_at("BadgeDefinition", self.id, ("input", "id"))
        return DefinitionDraft(key, self.key, values)


@strawberry.type(description="The award that was made or changed.")
class SaveBadgeDefinitionPayload:
    definition: BadgeDefinition | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.input(description="A badge to give to a person.")
class AwardBadgeInput:
    user_id: strawberry.ID = strawberry.field(description="The person.")
    badge_key: str = strawberry.field(description="The key of the badge's definition, which is in use.")
    reason: str | None = strawberry.field(
        default=None, description="What for, at most 1,000 characters; the person can read it."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_gift(self) -> Gift:
        """Raises Refused."""
        return Gift(key_at("User", self.user_id, ("input", "userId")), self.badge_key, self.reason)


@strawberry.input(description="A badge to take back.")
class RevokeBadgeInput:
    id: strawberry.ID = strawberry.field(description="The badge that the person has.")
    reason: str = strawberry.field(description="Why, 1 to 1,000 characters; the person can read it.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="The badge that was given.")
class AwardBadgePayload:
    badge: PerformanceBadge | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="The badge that was taken back.")
class RevokeBadgePayload:
    badge: PerformanceBadge | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class AwardMutation:
    @strawberry.mutation(
        description="Makes or changes an award. Whoever has done enough for it already is awarded it soon, as of when they did. "
        "Needs CURATE."
    )
    async def save_badge_definition(
        self, info: Info, input: Annotated[SaveBadgeDefinitionInput, strawberry.argument(description="The award.")]
    ) -> SaveBadgeDefinitionPayload:
        try:
            done = await resolve_save_definition(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return SaveBadgeDefinitionPayload(user_errors=user_errors_of(refused.errors))
        row = await info.context.load(load_definition_by_id, done.ids[0])
        return SaveBadgeDefinitionPayload(definition=BadgeDefinition.of_found(row), replayed=done.replayed)

    @strawberry.mutation(
        description="Gives a person a badge, whatever its rule says: it is kept even if nothing else speaks for it. Needs CURATE."
    )
    async def award_badge(
        self, info: Info, input: Annotated[AwardBadgeInput, strawberry.argument(description="To whom, and which.")]
    ) -> AwardBadgePayload:
        try:
            done = await resolve_award_badge(info.context, input.to_gift(), input.idempotency_key)
        except Refused as refused:
            return AwardBadgePayload(user_errors=user_errors_of(refused.errors))
        return AwardBadgePayload(badge=await _badge(info, done), replayed=done.replayed)

    @strawberry.mutation(
        description="Takes a badge back, whether it was earned or given. It is not awarded again but by `awardBadge`. Needs CURATE."
    )
    async def revoke_badge(
        self, info: Info, input: Annotated[RevokeBadgeInput, strawberry.argument(description="Which, and why.")]
    ) -> RevokeBadgePayload:
        try:
            key = key_at("PerformanceBadge", input.id, ("input", "id"))
            done = await resolve_revoke_badge(info.context, key, input.reason, input.idempotency_key)
        except Refused as refused:
            return RevokeBadgePayload(user_errors=user_errors_of(refused.errors))
        return RevokeBadgePayload(badge=await _badge(info, done), replayed=done.replayed)


async def _badge(info: Info, done: Done) -> PerformanceBadge | None:
    """None for one that was taken back and given again since."""
    row = await info.context.load(load_award_by_id, done.ids[0])
    return PerformanceBadge.from_row(row) if row else None
