"""What a caller is told and hears before the answer (BEHAVIOUR M1, M2, M4, B3)."""

from __future__ import annotations

from b2bua.call.leg import Leg
from b2bua.sip.sdp import Sdp
from b2bua.sip.uas import ServerSession


class Early:
    """The provisional responses of one call. Once a description was said, it is the caller's answer for good (M1).

    Where the caller takes no sound before the answer, nothing is said.
    """

    __slots__ = ("_caller", "_told", "ringing", "session", "sound")

    def __init__(self, session: ServerSession, caller: Leg, sound: bool) -> None:
        self.session = session
        self.sound = sound
        self.ringing = False
        self._caller = caller
        self._told = 0

    def alert(self, now: float) -> bool:
        """It rings. Whether that is news."""
        return not self.ringing and self._tell(180, now)

    def pass_on(self, heard: Sdp, code: int, now: float) -> bool:
        """Somebody called elsewhere is heard before the answer; the caller's leg has its address already (M4).

        Whether it is news that it rings.
        """
        if not self.sound:
            return code == 180 and self.alert(now)
        if self._caller.said is None:
            self._caller.answer(heard)
        return code != self._told and self._tell(code, now)

    def play(self, now: float) -> int:
        """Answer for sound of our own; returns the payload type to play. Raises BadMessage (488)."""
        self._caller.answer_early()
        assert self._caller.said is not None
        self._tell(183, now)
        if not self.session.reliable:
            # Nothing says whether it arrived (M3).
            self._tell(183, now)
        return self._caller.said.audio.codecs[0].payload

    def answer(self, heard: Sdp) -> bytes:
        """The description of the 200: what was said early, else what fits the callee's. Raises BadMessage (488)."""
        if self._caller.heard is None:
            return self._caller.offer(heard)
        if self._caller.said is None:
            return self._caller.answer(heard)
        return self._caller.said.encode()

    def _tell(self, code: int, now: float) -> bool:
        said = self._caller.said
        self._told = code
        self.session.progress(code, now, b"" if said is None else said.encode())
        news = code == 180 and not self.ringing
        self.ringing = self.ringing or news
        return news
