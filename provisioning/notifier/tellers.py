"""The channels that are set up, by the settings: whoever queues asks which, and the notifier tells by them."""

from __future__ import annotations

from config.settings import Settings
from provisioning.notifier.courier import Teller
from provisioning.notifier.postman import Postman
from provisioning.notifier.webhook import Webhook
from provisioning.outbox import Channel


def tellers(settings: Settings) -> dict[Channel, Teller]:
    """A way to tell for each channel that is set up. Raises ValueError for a URL that cannot be used."""
    found: dict[Channel, Teller] = {}
    if settings.smtp.host:
        found[Channel.MAIL] = Postman(settings.smtp, settings.media.language)
    if settings.webhook.url:
        found[Channel.WEBHOOK] = Webhook(settings.webhook)
    return found
