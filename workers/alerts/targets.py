"""Where notices of alerts go: what the settings say of each channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from db.delivery_targets import DeliveryChannel
from settings import Settings


class Target(NamedTuple):
    """``address`` and ``secret`` as ``send_notice`` takes them."""

    address: str
    secret: str | None = None


def targets_of(settings: Settings, channel: DeliveryChannel) -> list[Target]:
    """None where the settings say nothing of the channel."""
    match channel:
        case DeliveryChannel.EMAIL:
            return [Target(address) for address in settings.alert_emails]
        case DeliveryChannel.SLACK if settings.alert_slack_url:
            return [Target(settings.alert_slack_url.get_secret_value())]
        case DeliveryChannel.TELEGRAM if settings.alert_telegram_chat:
            return [Target(settings.alert_telegram_chat)]
        case DeliveryChannel.WEBHOOK if settings.alert_webhook_url and settings.alert_webhook_secret:
            url, secret = settings.alert_webhook_url, settings.alert_webhook_secret
            return [Target(url.get_secret_value(), secret.get_secret_value())]
    return []


def without_target(settings: Settings, channels: Iterable[str]) -> list[DeliveryChannel]:
    """Those of the channels of which the settings say nothing."""
    wanted = [channel for channel in DeliveryChannel if channel in set(channels)]
    return [channel for channel in wanted if not targets_of(settings, channel)]
