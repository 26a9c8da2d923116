"""What the media host needs to know of the people whose mailboxes it keeps, and whom it tells of them.

The host knows no database: its process supplies an `Owners`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from media.message import Message

PIN_DIGITS = 6
"""How long a PIN is (W3)."""


class PinVerdict(StrEnum):
    """What came of a PIN that somebody keyed (W4). A PIN is not even looked at while the portal is locked."""

    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"


class PinProblem(StrEnum):
    """Why a new PIN is refused (W3)."""

    LENGTH = "length"
    SAME_DIGIT = "same-digit"
    RUN = "run"
    OWN_NUMBER = "own-number"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is. `timezone` is an IANA name, `country` ISO 3166-1 alpha-2."""

    user: int
    timezone: str
    country: str
    has_pin: bool


class OwnersUnavailable(OSError):
    """The users' side cannot be asked, or cannot write, at the moment."""


class Owners(Protocol):
    """The users' side of their mailboxes. Everything may be slow, and may raise OwnersUnavailable."""

    async def owner(self, user: int) -> Owner | None:
        """A user of now; `None` for one that is deleted, or suspended with their customer or alone (P5)."""
        ...

    async def locked(self, user: int) -> bool:
        """Whether wrong PINs have locked the portal, over all calls and processes (W4)."""
        ...

    async def check_pin(self, user: int, pin: str) -> PinVerdict:
        """Try a PIN. The try is counted, on disk, before the PIN is looked at; a right one clears the count."""
        ...

    async def set_pin(self, user: int, pin: str) -> PinProblem | None:
        """Set a new PIN, which unlocks; or say why not."""
        ...

    async def message_stored(self, message: Message) -> None:
        """A message is safe on disk: tell its owner, if wanted. Telling twice of the same message tells once."""
        ...

    async def long_gone(self, now: datetime) -> tuple[int, ...]:
        """Users deleted so long ago (P7: 30 days) that their mailboxes go too. No caller waits for it."""
        ...
