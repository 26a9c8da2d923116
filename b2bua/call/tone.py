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
    """Performs `EngagedTone`; passed over where the caller made no offer that we could answer early."""

    __slots__ = ("_path",)

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._path = Path(call.services.relay, call.services.token())

    def begin(self, now: float) -> None:
        """Open a relay session for the tone."""
        if self.call.caller.heard is None or self.call.seconds_left(now) <= 0:
            self.call.step_ended(Ended.FAILED, now)
        else:
            self.call.open(self._path, self._play)

    def _play(self, there: bool, now: float) -> None:
        caller = self.call.caller
        if not there:
            self.call.step_ended(Ended.FAILED, now)
            return
        self._path.place(caller)
        try:
            sdp = caller.answer_early()
        except BadMessage:
            self._path.close()
            self.call.step_ended(Ended.FAILED, now)
            return
        assert caller.said is not None
        self._path.play("engaged", caller.said.audio.codecs[0].payload)
        self.call.session.progress(183, now, sdp)
        # Without 100rel nothing says whether it arrived (BEHAVIOUR M3).
        self.call.session.progress(183, now, sdp)

    def stop(self, now: float) -> None:
        """The caller has heard enough."""
        self._path.close()

    def on_time_up(self, now: float) -> None:
        """The tone was heard to its end."""
        self._path.close()
        self.call.step_ended(Ended.FAILED if self._path.ports is None else Ended.COMPLETED, now)
