"""Which channels the settings set up: what is queued for another would end untold."""

from __future__ import annotations

from config.settings import Settings
from provisioning.store.outbox import Channel


def channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels that whoever queues an event puts it on."""
    is_on = {Channel.MAIL: bool(settings.smtp.host), Channel.WEBHOOK: bool(settings.webhook.url)}
    return tuple(channel for channel in Channel if is_on[channel])
