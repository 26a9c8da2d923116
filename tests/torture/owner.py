"""The owner of a mailbox in the voice portal, who keeps a ledger of what the voice acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

from tests.support import meter
from tests.torture.handset import Call, Handset
from tests.torture.ledger import Either, Kept

HEADS = ("message-new", "message-saved-one")
END = ("no-more-messages",)
NO_GREETING = "none"
LOCKED_AT = 5
"""Failures in a row that lock the portal."""


@dataclass
class Books:
    """What is known of one mailbox: its messages by their tones, its PIN, its greeting by its tone."""

    email: str
    pin: Either
    greeting: Either = field(default_factory=lambda: Either({NO_GREETING}))
    messages: dict[float, Kept] = field(default_factory=dict)
    tries: int = 0
    """PINs keyed since one was known to be right."""
    faults: list[str] = field(default_factory=list)

    def expect(self, hertz: float) -> None:
        """Somebody leaves a message of this tone."""
        self.messages[hertz] = Kept()

    @property
    def audible(self) -> set[float]:
        """The tones that may be heard there."""
        return {hertz for hertz, kept in self.messages.items() if kept.possible != {"gone"}}


class Owner:
    """Visits the portal again and again."""

    def __init__(self, phone: Handset, books: Books, chance: random.Random, counts: Counter[str]) -> None:
        self.phone = phone
        self.books = books
        self.chance = chance
        self.counts = counts
        self._number = 0

    async def visit(self) -> None:
        """One visit, which a kill may end anywhere."""
        await self.phone.register(3600, 3.0)
        answer = await self.phone.dial("1571")
        if answer is None or answer.code != 200:
            self.counts["visits that were not answered"] += 1
            await asyncio.sleep(0.3)
            return
        with self.phone.connected(answer) as call:
            call.rtp.play(meter.silence(1.0))
            if await self._sign_on(call):
                self.counts["visits"] += 1
                for _ in range(self.chance.randrange(1, 5)):
                    act = self.chance.choice((self._messages, self._messages, self._greeting, self._pin))
                    if not await act(call):
                        self.counts["visits that broke off"] += 1
                        break
            await call.hang_up()

    async def _sign_on(self, call: Call) -> bool:
        """Try the PINs that may be right."""
        tried: set[str] = set()
        for _ in range(3):
            heard = await call.hears("enter-pin", "pin-wrong", "pin-locked", "no-pin", "unavailable")
            if heard == "pin-wrong":
                heard = await call.hears("enter-pin")
            if heard in ("pin-locked", "no-pin") and self.books.tries < LOCKED_AT:
                self.books.faults.append(f"{heard} after {self.books.tries} tries")
            if heard != "enter-pin":
                return False
            left = sorted(self.books.pin.possible - tried)
            if not left:
                self.counts["PINs that got mixed up"] += 1
                tried.clear()
                continue
            pin = self.chance.choice(left)
            self.books.tries += 1
            call.press(pin)
            answered = await call.hears("you-have", "pin-wrong", "enter-pin", "unavailable", "too-many-tries")
            if answered == "you-have":
                self.books.tries = 0
                self.books.pin.acknowledged(pin)
                return True
            tried.add(pin)
            if answered != "pin-wrong":
                return False
        return False

    async def _messages(self, call: Call) -> bool:
        """Go through new or saved messages; whether the caller is in the main menu again."""
        call.press(self.chance.choice("112"))
        first = await call.hears(*HEADS, "no-new-messages", "no-saved-messages")
        if first is None:
            return False
        if first not in HEADS:
            return True
        while True:
            call.press("1")
            hertz = await call.hears_tone(self.books.audible)
            if hertz is None:
                # It might be any of them, and may become a saved one when it is left.
                self.counts["messages that were not recognised"] += 1
                for kept in self.books.messages.values():
                    kept.maybe_heard()
                return False
            message = self.books.messages[hertz]
            message.heard()
            match self.chance.choice(("save", "delete", "restore", "skip", "listen", "leave")):
                case "save":
                    message.asked("saved")
                    call.press("2")
                    if await call.hears("message-saved", whole=True) is None:
                        return False
                    message.acknowledged("saved")
                    self.counts["saved"] += 1
                case "delete" | "restore" as what:
                    message.asked("gone")
                    call.press("3")
                    if await call.hears("message-deleted", whole=True) is None:
                        return False
                    message.acknowledged("gone")
                    self.counts["deleted"] += 1
                    if what == "restore":
                        message.asked_back()
                        call.press("5")
                        if await call.hears("message-restored", whole=True) is None:
                            return False
                        message.restored()
                        self.counts["restored"] += 1
                        call.press("*")
                        return await call.hears("main-menu") is not None
                case "listen":
                    if await call.hears("message-menu", within=12.0) is None:
                        return False
                    call.press("#")
                case "skip":
                    call.press("#")
                case _:
                    call.press("*")
                    return await call.hears("main-menu") is not None
            following = await call.hears(*HEADS, *END)
            if following not in HEADS:
                return following is not None

    async def _greeting(self, call: Call) -> bool:
        """Record a greeting of a tone of its own, or go back to the system's."""
        call.press("31")
        if await call.hears("greeting-menu") is None:
            return False
        if self.chance.random() < 0.2:
            self.books.greeting.asked(NO_GREETING)
            call.press("3")
            if await call.hears("greeting-removed", whole=True) is None:
                return False
            self.books.greeting.acknowledged(NO_GREETING)
        else:
            call.press("2")
            if await call.hears("record-greeting") is None:
                return False
            call.press("#")
            if await call.hears("beep") is None:
                return False
            hertz = float(self.chance.randrange(400, 2000, 20))
            call.rtp.play(meter.tone(hertz, seconds=0.5))
            await asyncio.sleep(self.chance.uniform(2.0, 3.0))
            call.press("#")
            if await call.hears("greeting-review") is None:
                return False
            call.rtp.play(meter.silence(1.0))
            self.books.greeting.asked(f"{hertz:g}")
            call.press("1")
            if await call.hears("greeting-saved", whole=True) is None:
                return False
            self.books.greeting.acknowledged(f"{hertz:g}")
            self.counts["greetings"] += 1
        call.press("**")
        return await call.hears("main-menu") is not None

    async def _pin(self, call: Call) -> bool:
        """Change it."""
        pin = f"27{self.chance.randrange(10_000):04}"
        call.press("4")
        if await call.hears("new-pin") is None:
            return False
        call.press(pin)
        if await call.hears("repeat-pin") is None:
            return False
        self.books.pin.asked(pin)
        call.press(pin)
        if await call.hears("pin-changed", whole=True) is None:
            return False
        self.books.pin.acknowledged(pin)
        self.counts["PINs"] += 1
        return await call.hears("main-menu") is not None
