"""The message trace: first line, key headers and time of each message of a call, kept in bounds while it lasts.

Messages are kept as they came, cut at their body, and read only when the call is over. Authorization never
leaves this module, nor does anything that would show a withheld caller.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from contextlib import suppress
from typing import NamedTuple

from b2bua.runtime.clock import WallClock
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.message import canonical
from provisioning.store.calllog import TraceEntry

# With these alone nothing tells who a withheld caller is.
WITHHELD_HEADERS = frozenset({"call-id", "cseq", "reason", "content-type"})
KEY_HEADERS = WITHHELD_HEADERS | {"from", "to", "contact", "user-agent", "x-session"}
MAX_MESSAGES = 200  # a leg of a call
MAX_UNKNOWN = 1000  # Call-IDs that are not, or not yet, those of a call
MAX_UNKNOWN_MESSAGES = 10  # for each of these: an INVITE is challenged and comes again
MAX_UNKNOWN_BYTES = 1 << 19  # of all of these together: a call is challenged and there within a second
MAX_HEAD = 4096  # bytes
_USER = re.compile(r"sips?:[^@\s]*@|tel:\S*", re.IGNORECASE)
_FOLD = re.compile(r"\r\n[ \t]+")


class Sight(NamedTuple):
    """One message as it was seen; `moment` is monotonic, `head` ends before the body."""

    moment: float
    outgoing: bool
    call_id: str
    peer: SocketAddress
    head: bytes


class Trace:
    """What was seen lately, by Call-ID."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._calls: dict[str, list[Sight]] = {}
        self._unknown: OrderedDict[str, list[Sight]] = OrderedDict()
        self._unknown_bytes = 0

    def see(self, moment: float, outgoing: bool, call_id: str, peer: SocketAddress, data: bytes) -> None:
        """Keep a message."""
        if not self._enabled:
            return
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0:
            end = data.rfind(b"\r\n", 0, MAX_HEAD)
        sight = Sight(moment, outgoing, call_id, peer, data[: end if end >= 0 else MAX_HEAD])
        if (sights := self._calls.get(call_id)) is None:
            self._see_unknown(sight)
        elif len(sights) < MAX_MESSAGES:
            sights.append(sight)

    def follow(self, call_id: str) -> None:
        """This Call-ID belongs to a call: keep what it says until the call is over."""
        if self._enabled and call_id not in self._calls:
            self._calls[call_id] = self._take_unknown(call_id)

    def forget(self, before: float) -> None:
        """Forget the Call-IDs that were first seen before that moment, and are still those of no call."""
        while self._unknown:
            call_id, sights = next(iter(self._unknown.items()))
            if sights[0].moment >= before:
                return
            self._take_unknown(call_id)

    def _see_unknown(self, sight: Sight) -> None:
        sights = self._unknown.setdefault(sight.call_id, [])
        if len(sights) < MAX_UNKNOWN_MESSAGES:
            sights.append(sight)
            self._unknown_bytes += _size(sight)
        while len(self._unknown) > MAX_UNKNOWN or self._unknown_bytes > MAX_UNKNOWN_BYTES:
            self._take_unknown(next(iter(self._unknown)))

    def _take_unknown(self, call_id: str) -> list[Sight]:
        sights = self._unknown.pop(call_id, [])
        self._unknown_bytes -= sum(map(_size, sights))
        return sights

    def take(self, call_ids: list[str]) -> list[Sight]:
        """Hand over what was seen of a call's legs, in order, and forget it."""
        return sorted(
            (sight for call_id in call_ids for sight in self._calls.pop(call_id, [])),
            key=lambda sight: sight.moment,
        )


def _size(sight: Sight) -> int:
    return len(sight.head) + len(sight.call_id)


def legible(text: str) -> str:
    """Text of a message without the surrogates that stand for bytes which are not UTF-8: no database takes them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def entries(sights: list[Sight], legs: dict[str, str], withheld: bool, clock: WallClock) -> list[TraceEntry]:
    """Turn sights into a call's ladder; `legs` names each leg by its Call-ID."""
    since = clock.epoch()
    return [_entry(sight, legs[sight.call_id], withheld, since) for sight in sights]


def _entry(sight: Sight, leg: str, withheld: bool, since: float) -> TraceEntry:
    text = sight.head.decode("utf-8", "replace")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    first, *lines = text.split("\r\n")
    wanted = WITHHELD_HEADERS if withheld else KEY_HEADERS
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        # A line that is no header may be in what was answered with 400 all the same.
        with suppress(BadMessage):
            if canonical(name.rstrip(" \t")) in wanted:
                headers.append((name.strip(), value.strip()))
    return TraceEntry(
        round(since + sight.moment, 6),
        "out" if sight.outgoing else "in",
        leg,
        str(sight.peer),
        # What a withheld caller dialled may be read; where it can be reached may not.
        _USER.sub("sip:…@", first) if withheld and leg == "a" and sight.outgoing else first,
        headers,
    )
