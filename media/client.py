"""Signalling's end of the media host's socket.

Callback style: `done` is called once for each request, in order, from the event loop, with a result or an
error value. Nothing here is awaited on a call's path and nothing raises into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from media.lines import JsonLines
from media.protocol import BadRequest, Event, Place, Reservation, event_from_json


class MediaError(Exception):
    """The media host could not do what it was asked; the text is its reason."""


class MediaFull(MediaError):
    """Every worker is full."""


class NoSession(MediaError):
    """The media host does not know this session: it is over, or the host was restarted."""


class MediaGone(MediaError):
    """There is no media host at the other end."""


_ERRORS: dict[str, type[MediaError]] = {
    "full": MediaFull,
    "no such session": NoSession,
}

PlaceOrError = Callable[[Place | MediaError], None]


class MediaClient:
    """One connection to the media host. When it is gone, make another: `on_gone` is called once."""

    def __init__(self, on_event: Callable[[Event], None], on_gone: Callable[[], None]) -> None:
        self._on_event = on_event
        self._on_gone = on_gone
        self._numbers = count(1)
        self._pending: dict[int, PlaceOrError] = {}
        self._line = JsonLines(self._received, self._closed)

    @classmethod
    async def connect(
        cls, path: Path, on_event: Callable[[Event], None], on_gone: Callable[[], None]
    ) -> MediaClient:
        """Connect to the host's socket; raises OSError. The counts of all mailboxes follow as events."""
        client = cls(on_event, on_gone)
        await asyncio.get_running_loop().create_unix_connection(lambda: client._line, str(path))
        return client

    @property
    def alive(self) -> bool:
        """Whether the host is at the other end."""
        return self._line.open

    def reserve(self, reservation: Reservation, done: PlaceOrError) -> None:
        """Ask for a worker that will take this caller. Send it the INVITE within 5 s."""
        self._request("reserve", done, reservation.to_json())

    def resume(self, session: str, done: PlaceOrError) -> None:
        """After SessionLost: ask for another worker on which the script goes on."""
        self._request("resume", done, {"session": session})

    def release(self, session: str) -> None:
        """Give a session up: its worker hangs up, or expects it no longer. SessionEnded follows."""
        self._request("release", None, {"session": session})

    def digit(self, session: str, digit: str) -> None:
        """Hand on a digit (0-9 * #) that arrived by SIP INFO."""
        self._request("digit", None, {"session": session, "digit": digit})

    def close(self) -> None:
        """Hang up on the host; `on_gone` is called."""
        self._line.close()

    def _request(self, do: str, done: PlaceOrError | None, fields: dict[str, Any]) -> None:
        if not self.alive:
            if done:
                asyncio.get_running_loop().call_soon(done, MediaGone("no media host"))
            return
        number = next(self._numbers)
        if done:
            self._pending[number] = done
        self._line.send({"id": number, "do": do, **fields})

    def _received(self, values: dict[str, Any]) -> None:
        if "event" in values:
            try:
                event = event_from_json(values)
            except BadRequest:
                return  # a newer host tells of something this version has no use for
            self._on_event(event)
        elif done := self._pending.pop(values["id"], None):
            if values["ok"]:
                done(Place(values["address"], values["port"]))
            else:
                done(_ERRORS.get(values["error"], MediaError)(values["error"]))

    def _closed(self) -> None:
        pending, self._pending = self._pending, {}
        for done in pending.values():
            done(MediaGone("the media host has gone"))
        self._on_gone()
