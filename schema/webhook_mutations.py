"""Setting up webhooks, trying them out, and giving them new secrets."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.outbox import EventType
from resolvers.keyed_changes import Done
from resolvers.loaders.webhooks import load_delivery_by_id, load_webhook_by_id
from resolvers.user_errors import Refused
from resolvers.webhook_writes import (
    WebhookDraft,
    resolve_delete_webhook,
    resolve_rotate_webhook_secret,
    resolve_save_webhook,
    resolve_test_webhook,
)
from schema.costs import FEW
from schema.relay import Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at
from schema.user_errors import UserError, user_errors_of
from schema.webhooks import Webhook, WebhookDelivery

SECRET = "What the messages are signed with. It is shown this once: keep it."  # noqa: S105 - a description
WHICH = "Which one."


@strawberry.input(description="A webhook to be set up or changed.")
class SaveWebhookInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The one to change; a new one without it.")
    url: str = strawberry.field(
        description="Where to post to: https, and nothing that only this server can reach, unless its operator allows it."
    )
    events: list[EventType] = strawberry.field(description="What to post; one kind at least.")
    enabled: bool = strawberry.field(
        default=True, description="Whether anything is posted. Enabled again, it is given another chance."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> WebhookDraft:
        """Raises Refused."""
        id = None if self.id is None else key_at("Webhook", self.id, ("input", "id"))
        return WebhookDraft(id, self.url, self.events, self.enabled)


@strawberry.input(description="A webhook to be deleted.")
class DeleteWebhookInput:
    id: strawberry.ID = strawberry.field(description=WHICH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="A webhook whose messages are to be signed with a new secret.")
class RotateWebhookSecretInput:
    id: strawberry.ID = strawberry.field(description=WHICH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(description="A webhook to be tried out.")
class TestWebhookInput:
    id: strawberry.ID = strawberry.field(description=WHICH)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="What became of a webhook.")
class SaveWebhookPayload:
    webhook: Webhook | None = strawberry.field(default=None, description="As it is now.")
    secret: str | None = strawberry.field(default=None, description=SECRET + " Null for one that was changed.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="That a webhook is gone.")
class DeleteWebhookPayload:
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The id that it had.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="A new secret.")
class RotateWebhookSecretPayload:
    webhook: Webhook | None = strawberry.field(default=None, description="As it is now.")
    secret: str | None = strawberry.field(default=None, description=SECRET)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="A message that is to show whether the webhook works.")
class TestWebhookPayload:
    delivery: WebhookDelivery | None = strawberry.field(
        default=None, description="As it is now: it is posted within a second. See `deliveries` of the webhook."
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(
        description="Sets up a webhook, or changes one. Of an organization there are 20 at most. Needs OPERATE."
    )
    async def save_webhook(
        self, info: Info, input: Annotated[SaveWebhookInput, strawberry.argument(description="Where, and what.")]
    ) -> SaveWebhookPayload:
        try:
            saved = await resolve_save_webhook(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return SaveWebhookPayload(user_errors=user_errors_of(refused.errors))
        webhook = await _webhook(info, saved.done)
        return SaveWebhookPayload(webhook=webhook, secret=saved.secret, replayed=saved.done.replayed)

    @strawberry.mutation(
        description="Deletes a webhook, with what waits to be posted and what is known of its messages. Needs OPERATE."
    )
    async def delete_webhook(
        self, info: Info, input: Annotated[DeleteWebhookInput, strawberry.argument(description=WHICH)]
    ) -> DeleteWebhookPayload:
        try:
            key = key_at("Webhook", input.id, ("input", "id"))
            done = await resolve_delete_webhook(info.context, key, input.idempotency_key)
        except Refused as refused:
            return DeleteWebhookPayload(user_errors=user_errors_of(refused.errors))
        return DeleteWebhookPayload(deleted_id=input.id, replayed=done.replayed)

    @strawberry.mutation(
        description="Signs the messages to a webhook with a new secret from now on; the old one is forgotten. Needs OPERATE."
    )
    async def rotate_webhook_secret(
        self, info: Info, input: Annotated[RotateWebhookSecretInput, strawberry.argument(description=WHICH)]
    ) -> RotateWebhookSecretPayload:
        try:
            key = key_at("Webhook", input.id, ("input", "id"))
            rotated = await resolve_rotate_webhook_secret(info.context, key, input.idempotency_key)
        except Refused as refused:
            return RotateWebhookSecretPayload(user_errors=user_errors_of(refused.errors))
        webhook = await _webhook(info, rotated.done)
        return RotateWebhookSecretPayload(webhook=webhook, secret=rotated.secret, replayed=rotated.done.replayed)

    @strawberry.mutation(
        description="Posts a message of the type WebhookTest to a webhook that is enabled, at once even if it is being left alone "
        "after failures. Needs OPERATE."
    )
    async def test_webhook(
        self, info: Info, input: Annotated[TestWebhookInput, strawberry.argument(description=WHICH)]
    ) -> TestWebhookPayload:
        try:
            key = key_at("Webhook", input.id, ("input", "id"))
            done = await resolve_test_webhook(info.context, key, input.idempotency_key)
        except Refused as refused:
            return TestWebhookPayload(user_errors=user_errors_of(refused.errors))
        row = await info.context.load(load_delivery_by_id, done.ids[0])
        delivery = WebhookDelivery.from_row(row) if row else None
        return TestWebhookPayload(delivery=delivery, replayed=done.replayed)


async def _webhook(info: Info, done: Done) -> Webhook | None:
    row = await info.context.load(load_webhook_by_id, done.ids[0])
    return Webhook.from_row(row) if row else None
