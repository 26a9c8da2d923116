"""Whether a trunk is there: OPTIONS probes, and what calls meet (RFC 3261 §11).

Health only orders the trunks: one that is down is tried last, never left out, so a wrong guess costs seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from b2bua.sip.text.message import Response
from b2bua.sip.transactions.client_transaction import ClientTransaction
from b2bua.sip.transactions.timers import NEVER, Timed, TimerQueue

MOST_MISSED = 2  # probes without an answer until a trunk is down
PROBE_TIMEOUT = 4.0  # seconds for the answer to a probe; as long as a call waits for a trunk


class Condition(IntEnum):
    """How a trunk seems to be, best first: the order in which trunks are tried."""

    UP = 0
    SUSPECT = 1
    DOWN = 2


class Sign(Enum):
    """What tells of a trunk's health."""

    ANSWERED = auto()  # a response other than 503, to a probe, a REGISTER or a call
    REFUSED = auto()  # 503 to a probe
    BROKEN = auto()  # the connection could not be opened, or broke
    MISSED = auto()  # a probe without an answer
    SILENT = auto()  # a call without an answer


@dataclass(frozen=True, slots=True)
class Health:
    """A trunk's condition, and how many probes it missed running."""

    condition: Condition = Condition.UP
    missed: int = 0

    def after(self, sign: Sign) -> Health:
        """The health after one more sign."""
        if sign is Sign.ANSWERED:
            return Health()
        if sign in (Sign.REFUSED, Sign.BROKEN):
            return Health(Condition.DOWN, self.missed)
        if sign is Sign.SILENT:
            return Health(max(self.condition, Condition.SUSPECT), self.missed)
        missed = self.missed + 1
        return Health(Condition.DOWN if missed >= MOST_MISSED else self.condition, missed)


class Watch(Timed):
    """Watches one address of a trunk. It is also the user of the probes that it sends.

    `probe(watch, now)` sends an OPTIONS, `changed(watch, now)` hears of another condition. Probes come every
    `interval` seconds, and at once after one that was missed or a call that met silence. With an interval of
    0 there are none, and only calls and registrations tell.
    """

    __slots__ = ("_asked", "_changed", "_interval", "_probe", "_queue", "health")

    def __init__(
        self,
        queue: TimerQueue,
        interval: float,
        probe: Callable[[Watch, float], None],
        changed: Callable[[Watch, float], None],
    ) -> None:
        super().__init__()
        self._queue = queue
        self._interval = interval
        self._probe = probe
        self._changed = changed
        self._asked = False
        self.health = Health()

    def start(self, now: float) -> None:
        """Send the first probe."""
        if self._interval:
            self._queue.schedule(self, now)

    def stop(self) -> None:
        """Send no more; late answers change nothing any more."""
        self._interval = 0.0
        self._queue.schedule(self, NEVER)
        self._changed = _nobody_hears

    def tell(self, sign: Sign, now: float) -> None:
        """Something tells of the trunk."""
        before, self.health = self.health, self.health.after(sign)
        if sign is Sign.SILENT and not self._asked:
            self.start(now)
        if self.health.condition is not before.condition:
            self._changed(self, now)

    def on_deadline(self, now: float) -> None:
        """Time for a probe, or the last one was missed."""
        if self._asked:
            self._asked = False
            self.tell(Sign.MISSED, now)
            if self.health.condition is Condition.DOWN:
                self._queue.schedule(self, now + self._interval)
                return
        self._asked = True
        # Scheduled first: what cannot be sent at all is told from inside.
        self._queue.schedule(self, now + min(PROBE_TIMEOUT, self._interval))
        self._probe(self, now)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """The trunk answered a probe, in time or late."""
        self._heard(Sign.REFUSED if response.code == 503 else Sign.ANSWERED, now)

    def on_no_response(self, transaction: ClientTransaction, code: int, now: float) -> None:
        """The connection broke; silence (408) was noticed before."""
        if code != 408:
            self._heard(Sign.BROKEN, now)

    def _heard(self, sign: Sign, now: float) -> None:
        if self._asked and self._interval:
            self._asked = False
            self._queue.schedule(self, now + self._interval)
        self.tell(sign, now)


def _nobody_hears(watch: Watch, now: float) -> None:
    """For a watch that was stopped."""
