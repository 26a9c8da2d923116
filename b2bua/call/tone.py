"""The engaged tone as early media, played by the relay itself (BEHAVIOUR B3, M1, M3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2bua.call.path import Path
from b2bua.call.steps import Performer
from b2bua.callplan.outcome import Ended
from b2bua.sip.errors import BadMessage

if TYPE_CHECKING:
    from b2bua.call.call import Call


class Engaged(Performer):
    """Performs `EngagedTone`; passed over where the caller takes no sound before the answer (B3)."""

    __slots__ = ("_path",)

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._path = Path(call.services.relay, call.services.token())

    def begin(self, now: float) -> None:
        """Open a relay session for the tone."""
        if not self.call.early.sound or self.call.seconds_left(now) <= 0:
            self.call.step_ended(Ended.FAILED, now)
        else:
            self.call.open(self._path, self._play)

    def _play(self, there: bool, now: float) -> None:
        if not there:
            self.call.step_ended(Ended.FAILED, now)
            return
        self._path.place(self.call.caller)
        try:
            self._path.play("engaged", self.call.early.play(now))
        except BadMessage:
            self._path.close()
            self.call.step_ended(Ended.FAILED, now)

    def stop(self, now: float) -> None:
        """The caller has heard enough."""
        self._path.close()

    def on_time_up(self, now: float) -> None:
        """The tone was heard to its end."""
        self._path.close()
        self.call.step_ended(Ended.FAILED if self._path.ports is None else Ended.COMPLETED, now)
