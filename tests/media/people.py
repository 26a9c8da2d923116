"""The users' side of mailboxes, in memory: the rules of W3 and W4 as far as a call can tell."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from media.message import Message
from media.owners import Owner, PinProblem, PinVerdict

PIN = "271828"
LOCK_AFTER = 5


@dataclass
class People:
    """Implements `media.owners.Owners`. `pins` says which users there are; an empty PIN is none."""

    pins: dict[int, str]
    wrong: dict[int, int] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)
    gone: tuple[int, ...] = ()
    failing: bool = False
    slow: asyncio.Event | None = None
    """Each PIN waits for it, once it has been counted."""

    def _check(self) -> None:
        if self.failing:
            raise OSError("the database is away")

    async def owner(self, user: int) -> Owner | None:
        """See `Owners`."""
        self._check()
        return Owner(user, "Europe/London", "GB", bool(self.pins[user])) if user in self.pins else None

    async def locked(self, user: int) -> bool:
        """See `Owners`."""
        self._check()
        return self.wrong.get(user, 0) >= LOCK_AFTER

    async def check_pin(self, user: int, pin: str) -> PinVerdict:
        """See `Owners`."""
        if await self.locked(user):
            return PinVerdict.LOCKED
        self.tried.append(pin)
        if self.slow is not None:
            await self.slow.wait()
        if pin == self.pins[user]:
            self.wrong.pop(user, None)
            return PinVerdict.RIGHT
        self.wrong[user] = self.wrong.get(user, 0) + 1
        return PinVerdict.LOCKED if await self.locked(user) else PinVerdict.WRONG

    async def set_pin(self, user: int, pin: str) -> PinProblem | None:
        """See `Owners`."""
        self._check()
        if len(set(pin)) == 1:
            return PinProblem.SAME_DIGIT
        self.pins[user] = pin
        self.wrong.pop(user, None)
        return None

    async def message_stored(self, message: Message) -> None:
        """See `Owners`."""
        self._check()
        self.told.append(message)

    async def long_gone(self, now: datetime) -> tuple[int, ...]:
        """See `Owners`."""
        self._check()
        return self.gone
