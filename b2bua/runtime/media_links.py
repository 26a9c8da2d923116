"""The relay and the media host, and what they tell: which call or lamp each piece of news concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from b2bua.runtime.directory import LiveDevices
from b2bua.runtime.mailboxes import MailboxLink
from b2bua.runtime.message_waiting import MessageWaiting
from b2bua.runtime.records.callbook import CallBook
from b2bua.runtime.relay import RelayLink
from b2bua.runtime.wires import reached_at
from b2bua.sip.bodies.message_summary import Counts
from b2bua.sip.text.flow import SocketAddress
from config.settings import Settings
from media.protocol import CountsChanged, Event, MessageStored, PoolStats, SessionEnded, SessionLost

log = structlog.get_logger()


class MediaLinks:
    """The ways to both processes. `local` is where the media host's calls come from."""

    def __init__(
        self,
        settings: Settings,
        local: SocketAddress,
        devices: LiveDevices,
        book: CallBook,
        message_waiting: MessageWaiting,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._message_waiting = message_waiting
        self._clock = clock
        self.pool = PoolStats(0, 0, 0)
        """The media host's workers, as it told last."""
        self.relay = RelayLink(
            settings.run_dir / "relay.sock",
            settings.data_dir / "tones",
            reached_at(settings.media_address, settings.media.public_address, settings),
            settings.media.silence_timeout,
            self._relay_back,
            self._relay_lost,
            self._silent,
        )
        self.mailboxes = MailboxLink(
            settings.run_dir / "media.sock", local, devices, self._told, self._media_gone
        )

    async def connect(self) -> None:
        """Reach both, waiting for them as long as it takes."""
        await asyncio.gather(self.relay.connect(), self.mailboxes.connect())

    # What the relay tells

    def _silent(self, session: str) -> None:
        if (call := self._book.with_relay_session(session)) is not None:
            log.warning("call.silent", call_id=call.journal.call_id)
            call.hang_up(self._clock(), "service (silence)")

    def _relay_back(self) -> None:
        for call in self._book:
            call.relay_back(self._clock())

    def _relay_lost(self) -> None:
        for call in self._book:
            call.hang_up(self._clock(), "service (relay lost)")

    # What the media host tells

    def _told(self, event: Event) -> None:
        now = self._clock()
        match event:
            case CountsChanged(mailbox, new, saved):
                self._message_waiting.counts_changed(mailbox, Counts(new, saved), now)
            case MessageStored():
                self._book.message_stored(event)
            case SessionEnded():
                self._book.mailbox_ended(event)
            case SessionLost(token):
                if (call := self._book.with_mailbox(token)) is not None:
                    call.mailbox_lost(now)
                else:
                    self.mailboxes.release(token)
            case PoolStats():
                self.pool = event
                # On connecting it comes behind the counts of all mailboxes.
                self._message_waiting.all_named(now)

    def _media_gone(self) -> None:
        self._message_waiting.host_gone()
        for call in self._book:
            if call.in_mailbox:
                call.hang_up(self._clock(), "service (media host lost)")
