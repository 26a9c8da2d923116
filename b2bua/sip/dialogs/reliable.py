"""Reliable provisional responses as their sender knows them (RFC 3262 §3): one waits for its PRACK, one is next.

Nothing is sent from here: the session sends what is due, and keeps the time that this says.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from b2bua.sip.text.capabilities import RELIABLY
from b2bua.sip.text.compose import Header
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.transactions.timers import NEVER, Timers

"""The option tag, in Supported, Require and nowhere else."""
REPEAT_FACTOR = 2.5
"""How much rarer a reliable response is repeated to keep an INVITE alive: minutes, where others take one (§3)."""
MAX_FIRST = 2**31 - 1
"""The highest RSeq to begin with (§3)."""
_RACK = re.compile(r"([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+(\S+)\Z")


class Provisional(NamedTuple):
    """What a caller is told before the final response."""

    code: int
    sdp: bytes = b""
    headers: tuple[Header, ...] = ()


class Reliable:
    """The reliable provisional responses to one INVITE.

    `first` is the RSeq to begin with, 1 to `MAX_FIRST`, by chance; `cseq` is the INVITE's. `waiting` is the response
    without PRACK, `next` the one that follows it. `described` is the description that the caller was sent,
    `agreed` whether it has said that it came.
    """

    __slots__ = (
        "_cseq",
        "_interval",
        "_silent_at",
        "_timers",
        "agreed",
        "described",
        "next",
        "number",
        "waiting",
    )

    def __init__(self, first: int, cseq: int, timers: Timers) -> None:
        self.number = first - 1
        self.waiting: Provisional | None = None
        self.next: Provisional | None = None
        self.described = b""
        self.agreed = False
        self._cseq = cseq
        self._timers = timers
        self._interval = 0.0
        self._silent_at = NEVER

    @property
    def headers(self) -> tuple[Header, ...]:
        """What makes the response that waits a reliable one."""
        return (("Require", RELIABLY), ("RSeq", str(self.number)))

    def put(self, response: Provisional) -> None:
        """Take a response on. Of those that must wait only the newest is sent; a description goes with it."""
        if self.waiting is not None and response == self.waiting and self.next is None:
            return
        if self.next is not None and not response.sdp:
            response = response._replace(sdp=self.next.sdp)
        self.next = response

    def strip_next(self) -> None:
        """What the next response would have said about sound holds no longer."""
        if self.next is not None:
            self.next = self.next._replace(sdp=b"")

    def begin(self, now: float) -> float:
        """Let the next response be the one that waits, and send it.

        Returns when it is due again, `NEVER` where there is none to send or another one waits.
        """
        if self.waiting is not None or self.next is None:
            return NEVER
        self.waiting, self.next = self.next, None
        self.number += 1
        self.described = self.waiting.sdp or self.described
        self._interval = self._timers.t1
        self._silent_at = now + self._timers.timeout
        return now + self._interval

    def repeat(self, now: float) -> float:
        """The PRACK is late: send the response again. Returns when the next time is; `NEVER`: give up (64 T1)."""
        if now >= self._silent_at:
            return NEVER
        self._interval *= 2
        return min(now + self._interval, self._silent_at)

    def acknowledge(self, rack: str) -> bool:
        """A PRACK with this RAck came. Whether it is for the response that waits.

        Raises BadMessage (400) where it cannot be read.
        """
        if (match := _RACK.match(rack)) is None:
            raise BadMessage(400, "Bad RAck")
        named = int(match[1]), int(match[2]), match[3]
        if self.waiting is None or named != (self.number, self._cseq, "INVITE"):
            return False
        self.agreed = self.agreed or bool(self.waiting.sdp)
        self.waiting = None
        return True
