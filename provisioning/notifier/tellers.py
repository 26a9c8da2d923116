"""The ways to tell that the settings set up."""

from __future__ import annotations

from config.settings import Settings
from provisioning.notifier.channels import channels
from provisioning.notifier.courier import Teller
from provisioning.notifier.postman import Postman
from provisioning.notifier.webhook import Webhook
from provisioning.store.outbox import Channel


def tellers(settings: Settings) -> dict[Channel, Teller]:
    """A way to tell for each channel that is set up. Raises ValueError for a URL that cannot be used."""
    made: dict[Channel, Teller] = {}
    for channel in channels(settings):
        match channel:
            case Channel.MAIL:
                made[channel] = Postman(settings.smtp, settings.media.language, settings.data_dir / "mailbox")
            case Channel.WEBHOOK:
                made[channel] = Webhook(settings.webhook)
    return made
