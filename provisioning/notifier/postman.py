"""Telling by e-mail: one entry composed, with its recording, and handed to the mail server."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from pathlib import Path

from config.tables import SmtpSettings
from provisioning.notifier.mail import compose
from provisioning.notifier.outcome import Outcome, Postponed, Refused
from provisioning.notifier.queue import Entry
from provisioning.notifier.recipient import Recipient
from provisioning.notifier.recording import Recording, read_recording
from provisioning.notifier.smtp import MailServer
from provisioning.store.outbox import VoicemailLeft


class Postman:
    """Tells by e-mail, one mail at a time over one connection."""

    at_once = 1

    def __init__(self, settings: SmtpSettings, language: str, mailboxes: Path) -> None:
        """`mailboxes` is the folder that holds them all."""
        self._settings = settings
        self._mailboxes = mailboxes
        self._language = language
        self._server = MailServer(settings)

    async def tell(self, entry: Entry, recipient: Recipient) -> Outcome:
        """Send one mail to the user's address of now."""
        try:
            # A recording is megabytes to be read and encoded: that is not for the event loop.
            mail = await asyncio.to_thread(self._written, entry, recipient)
        except OSError as error:
            return Postponed(f"the recording cannot be read: {error.strerror}")
        except ValueError as error:
            return Refused(str(error))
        return await self._server.send(mail)

    async def rest(self) -> None:
        """Close the connection."""
        await self._server.rest()

    def _written(self, entry: Entry, recipient: Recipient) -> EmailMessage:
        news = entry.news
        recording = Recording(None)
        if isinstance(news, VoicemailLeft):
            recording = read_recording(self._mailboxes / str(news.user), news.message)
        return compose(entry, recipient, recording, self._settings.sender, self._language)
