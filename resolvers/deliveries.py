"""To whom exports are delivered: who may be given what."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from db.delivery_targets import DeliveryChannel, checked_secret, checked_target, is_of_domains
from db.entering import Viewer
from db.queries.deliveries import Target, may_deliver_to
from resolvers.user_errors import Refused, UserError, ValidationError
from settings import Settings

MOST_TARGETS = 10


async def refuse_targets(
    connection: AsyncConnection,
    settings: Settings,
    viewer: Viewer,
    targets: Sequence[Target],
    group_ids: Sequence[int],
    user_id: int | None,
) -> None:
    """Of what the viewer is shown of these led groups and this person, at ``input.deliveries``. By e-mail it goes to addresses of
    people who may see it too, and to domains of the settings; who has another target, may give it to anybody. Raises Refused.
    """
    if len(targets) > MOST_TARGETS:
        raise Refused(ValidationError(f"At most {MOST_TARGETS} deliveries.", ("input", "deliveries"), "SIZE"))
    errors: list[UserError] = []
    for place, target in enumerate(targets):
        path = ("input", "deliveries", str(place))
        if (error := _nonsense(settings, target, path)) is not None:
            errors.append(error)
        elif target.channel is not DeliveryChannel.EMAIL or is_of_domains(target.target, settings.email_domains):
            continue
        elif not await may_deliver_to(connection, target.target, group_ids, user_id):
            message = "This is the address of nobody in the organization who may see what is in it."
            errors.append(ValidationError(message, (*path, "target"), "RANGE"))
    if errors:
        raise Refused(*errors)


def _nonsense(settings: Settings, target: Target, path: tuple[str, ...]) -> UserError | None:
    try:
        checked_target(target.channel, target.target, settings.webhook_networks)
    except ValueError as error:
        return ValidationError(str(error), (*path, "target"))
    try:
        checked_secret(target.channel, target.secret)
    except ValueError as error:
        return ValidationError(str(error), (*path, "secret"))
    if target.attach and target.channel is not DeliveryChannel.EMAIL:
        return ValidationError("Only e-mail takes the file.", (*path, "attach"), "CONSISTENCY")
    return None
