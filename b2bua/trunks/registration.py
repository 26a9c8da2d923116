"""Keeping a registration at a carrier (RFC 3261 §10.2): refreshed in time, tried again ever more slowly, ended.

A table says what happens; `TrunkRegistration` carries it out. Its `RegistrationUser` sends the REGISTER, with digest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from typing import Protocol

from b2bua.sip.text.address import parse_address, split_list
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Response
from b2bua.sip.text.uri import Uri
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.timers import NEVER, Timed, TimerQueue

EXPIRES = 3600  # seconds asked for
SHORTEST = 5.0  # seconds between a registration and its refresh, however soon it ends
# RFC 5626 §4.5, with a shorter end: a carrier that comes back must not wait half an hour for us.
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
GOODBYE = 2.0  # seconds that an answer to the end of a registration is waited for
MAX_EXPIRES = 2**31 - 1


class Phase(Enum):
    """What is being done."""

    WAITING = auto()  # for the next attempt: registered until then, or not
    ASKING = auto()  # a REGISTER has no answer
    ENDING = auto()  # the same, and when it comes the registration is to be ended
    LEAVING = auto()  # the REGISTER that ends it has no answer
    OVER = auto()


class Event(Enum):
    """What can happen."""

    DUE = auto()  # the deadline
    LOST = auto()  # the way by which we registered is gone
    ACCEPTED = auto()  # 2xx
    TOO_BRIEF = auto()  # 423 with a longer time, for the first time in this attempt
    FAILED = auto()  # any other refusal, silence, a broken transport
    STOP = auto()


class Action(Enum):
    """What is then done."""

    ASK = auto()
    ASK_LONGER = auto()
    KEEP = auto()  # wait until it is to be refreshed
    BACK_OFF = auto()
    HURRY = auto()  # try again at once, unless the last attempt failed
    WAIT_A_LITTLE = auto()  # for the answer that is still to come
    LEAVE = auto()
    FINISH = auto()


TABLE: dict[tuple[Phase, Event], tuple[Phase, Action]] = {
    (Phase.WAITING, Event.DUE): (Phase.ASKING, Action.ASK),
    (Phase.WAITING, Event.LOST): (Phase.WAITING, Action.HURRY),
    (Phase.WAITING, Event.STOP): (Phase.LEAVING, Action.LEAVE),
    (Phase.ASKING, Event.ACCEPTED): (Phase.WAITING, Action.KEEP),
    (Phase.ASKING, Event.TOO_BRIEF): (Phase.ASKING, Action.ASK_LONGER),
    (Phase.ASKING, Event.FAILED): (Phase.WAITING, Action.BACK_OFF),
    # RFC 3261 §10.2: no new REGISTER while one has no answer.
    (Phase.ASKING, Event.STOP): (Phase.ENDING, Action.WAIT_A_LITTLE),
    (Phase.ENDING, Event.ACCEPTED): (Phase.LEAVING, Action.LEAVE),
    (Phase.ENDING, Event.TOO_BRIEF): (Phase.LEAVING, Action.LEAVE),
    (Phase.ENDING, Event.FAILED): (Phase.LEAVING, Action.LEAVE),
    (Phase.ENDING, Event.DUE): (Phase.OVER, Action.FINISH),
    (Phase.LEAVING, Event.ACCEPTED): (Phase.OVER, Action.FINISH),
    (Phase.LEAVING, Event.TOO_BRIEF): (Phase.OVER, Action.FINISH),
    (Phase.LEAVING, Event.FAILED): (Phase.OVER, Action.FINISH),
    (Phase.LEAVING, Event.DUE): (Phase.OVER, Action.FINISH),
}
"""A pair that is not there changes nothing."""


class RegistrationUser(Protocol):
    """Sends the REGISTER requests of a registration, and hears what becomes of it."""

    def send_register(
        self, registration: TrunkRegistration, expires: int, number: int, now: float
    ) -> Uri | None:
        """Send a REGISTER whose user is `registration`; returns the Contact in it.

        `None` where there is nowhere to send it: the attempt has failed then.
        """

    def registered_until(self, until: float, now: float) -> None:
        """Registered, or again, until this moment."""

    def contact_rewritten(self, contact: Uri, seconds: int, now: float) -> None:
        """The carrier has another Contact for us than the one in our REGISTER, for so many seconds."""

    def not_registered(self, code: int, pause: float, now: float) -> None:
        """An attempt failed (0: nowhere to go); the next one is in `pause` seconds."""

    def over(self, now: float) -> None:
        """Ended, after `stop`."""


class TrunkRegistration(Timed):
    """One registration. It is also the user of its REGISTER requests.

    `chance` returns numbers from 0 to below 1. The refresh comes at half the time granted: the other half is
    for attempts to fail in.
    """

    __slots__ = (
        "_asked",
        "_chance",
        "_contact",
        "_failures",
        "_known_as",
        "_lengthened",
        "_line",
        "_number",
        "_queue",
        "phase",
        "until",
    )

    def __init__(self, line: RegistrationUser, queue: TimerQueue, chance: Callable[[], float]) -> None:
        super().__init__()
        self._line = line
        self._queue = queue
        self._chance = chance
        self._asked = EXPIRES
        self._lengthened = False
        self._failures = 0
        self._number = 0
        self._contact: Uri | None = None
        self._known_as = ""
        self.phase = Phase.WAITING
        self.until = -NEVER

    def start(self, now: float) -> None:
        """Register now."""
        self._queue.schedule(self, now)

    def lost(self, now: float) -> None:
        """The connection has gone, or the address we registered at is the carrier's no more."""
        self._handle(Event.LOST, now)

    def stop(self, now: float) -> None:
        """End the registration; the line hears when that is done, within 2 GOODBYE at the latest."""
        self._handle(Event.STOP, now)

    def on_deadline(self, now: float) -> None:
        """Time for the next attempt, or to wait no longer."""
        self._handle(Event.DUE, now)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """The carrier answered."""
        if response.code < 200 or transaction.draft.number < self._number:
            return
        # A challenge that was answered below took a number of its own.
        self._number = transaction.draft.number
        if response.code < 300:
            granted = self._granted(response, now)
            if self.phase is not Phase.ASKING or granted > 0:
                self._handle(Event.ACCEPTED, now, granted)
                return
        wanted = _number_in(response, "min-expires") if response.code == 423 else 0
        if self._asked < wanted <= MAX_EXPIRES and not self._lengthened:
            self._handle(Event.TOO_BRIEF, now, wanted)
        else:
            self._handle(Event.FAILED, now, response.code, _number_in(response, "retry-after"))

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """The carrier did not answer."""
        if transaction.draft.number >= self._number:
            self._number = transaction.draft.number
            self._handle(Event.FAILED, now, code)

    def _handle(self, event: Event, now: float, value: int = 0, longer: int = 0) -> None:
        """Let one event happen. `value` is the time granted or wanted, or the code of a failure."""
        entry = TABLE.get((self.phase, event))
        if entry is None:
            return
        self.phase, action = entry
        if action is Action.ASK:
            self._lengthened = False
            self._ask(self._asked, now)
        elif action is Action.ASK_LONGER:
            self._lengthened = True
            self._asked = value
            self._ask(value, now)
        elif action is Action.KEEP:
            self._failures = 0
            self.until = now + value
            self._queue.schedule(self, now + max(value / 2, SHORTEST))
            self._line.registered_until(self.until, now)
        elif action is Action.BACK_OFF:
            self._back_off(value, longer, now)
        elif action is Action.HURRY:
            if not self._failures:
                self._queue.schedule(self, now)
        elif action is Action.WAIT_A_LITTLE:
            self._queue.schedule(self, now + GOODBYE)
        elif action is Action.LEAVE:
            self._leave(event, now)
        else:
            self._queue.schedule(self, NEVER)
            self.until = -NEVER
            self._line.over(now)

    def _ask(self, expires: int, now: float) -> None:
        self._number += 1
        self._queue.schedule(self, NEVER)
        self._contact = self._line.send_register(self, expires, self._number, now)
        if self._contact is None:
            self._handle(Event.FAILED, now)

    def _back_off(self, code: int, longer: int, now: float) -> None:
        self._failures += 1
        bound = min(FIRST_PAUSE * 2 ** min(self._failures - 1, 16), LONGEST_PAUSE)
        pause = max(bound * (0.5 + self._chance() / 2), min(longer, LONGEST_PAUSE))
        self._queue.schedule(self, now + pause)
        self._line.not_registered(code, pause, now)

    def _leave(self, event: Event, now: float) -> None:
        """What may be registered is ended; a REGISTER without an answer may have arrived."""
        if self.until > now or event in (Event.ACCEPTED, Event.FAILED):
            self._ask(0, now)
            self._queue.schedule(self, now + GOODBYE if self.phase is Phase.LEAVING else NEVER)
        else:
            self._handle(Event.DUE, now)

    def _granted(self, response: Response, now: float) -> int:
        """For how many seconds the carrier keeps our contact (RFC 3261 §10.2.4); the line hears of another one.

        Expires counts where a Contact says nothing of it, and where there is none what we asked for.
        """
        usual = _number_in(response, "expires") if response.get("expires") else self._asked
        assert self._contact is not None
        found = _ours(self._contact, _contacts(response))
        if not found:
            return usual
        # 0 stands for one that has gone; among several ours may be any, so the first to end counts.
        lasting = [(seconds, uri) for uri, asked in found if (seconds := usual if asked is None else asked)]
        seconds, uri = min(lasting, default=(0, self._contact), key=lambda pair: pair[0])
        if str(uri) not in (str(self._contact), self._known_as):
            self._known_as = str(uri)
            self._line.contact_rewritten(uri, seconds, now)
        return seconds


def _contacts(response: Response) -> list[tuple[Uri, int | None]]:
    """The contacts in a 2xx that can be read, each with the seconds it says that it lasts."""
    found: list[tuple[Uri, int | None]] = []
    for line in response.lines("contact"):
        with suppress(BadMessage):
            for value in split_list(line):
                with suppress(BadMessage):
                    contact = parse_address(value)
                    text = contact.param("expires") or ""
                    readable = text.isascii() and text.isdigit()
                    found.append((contact.uri, min(int(text[:11]), MAX_EXPIRES) if readable else None))
    return found


def _ours(contact: Uri, found: list[tuple[Uri, int | None]]) -> list[tuple[Uri, int | None]]:
    """Those of a carrier's contacts that stand for ours: by URI, else by user part, else all of them.

    A border controller on the way may write its own address in the place of ours.
    """
    by_uri = [each for each in found if each[0].same_as(contact)]
    return by_uri or [each for each in found if each[0].user == contact.user] or found


def _number_in(response: Response, name: str) -> int:
    """A header's number of seconds, whatever follows it; 0 where there is none."""
    digits = (response.get(name) or "").split(";")[0].split("(")[0].strip()
    return min(int(digits[:11]), MAX_EXPIRES) if digits.isascii() and digits.isdigit() else 0
