"""What a caller is told and hears before the answer (BEHAVIOUR M1 to M4, B3, D1)."""

from __future__ import annotations

from b2bua.call.leg import Leg
from b2bua.call.path import Path
from b2bua.sip.sdp import Sdp
from b2bua.sip.uas import ServerSession

RINGBACK = "ringback"


class Early:
    """The provisional responses of one call, and the sound that goes with them.

    Once the caller was told a description, that is its answer for good (or our offer, to a caller that left it to
    us and knows 100rel), and `path` the relay session whose port
    stands in it: whoever is called from then on is reached by the same one (M1). From then on ringback is sound
    too, because the caller's telephone makes none of its own any more (M2). Without `sound` the caller is sent
    none before the answer.
    """

    __slots__ = ("_caller", "_playing", "_told", "path", "ringing", "session", "sound")

    def __init__(self, session: ServerSession, caller: Leg, sound: bool) -> None:
        self.session = session
        self.sound = sound
        self.ringing = False
        self.path: Path | None = None
        self._caller = caller
        self._told = 0
        self._playing = ""

    def take(self, path: Path) -> None:
        """Give the caller its answer, with one codec that we play ourselves. Raises BadMessage (488)."""
        path.place(self._caller)
        self._caller.describe_early()
        self.path = path

    def alert(self, now: float) -> bool:
        """It rings. Whether that is news."""
        if self.path is not None and self._playing != RINGBACK:
            self._play(RINGBACK)
        return self._told != 180 and self._tell(180, now)

    def play(self, sound: str, now: float, *, once: bool = False) -> None:
        """Let the caller, who has its answer, hear a tone or an announcement."""
        self._play(sound, once=once)
        if self._told == 183:
            return
        self._tell(183, now)
        if not self.session.reliable:
            # Nothing says whether it arrived (M3).
            self._tell(183, now)

    def pass_on(self, path: Path, heard: Sdp, code: int, now: float) -> bool:
        """Somebody called elsewhere is heard before the answer (M4). Whether it is news that it rings."""
        if not self.sound:
            return code == 180 and self.alert(now)
        if self.path is None:
            path.place(self._caller)
            self._describe(heard)
            self.path = path
        self._playing = ""
        return code != self._told and self._tell(code, now)

    def accept(self, now: float) -> None:
        """Answer the call for good before anybody else has: for carriers that pass no early sound (D1)."""
        assert self._caller.said is not None
        self.session.accept(self._caller.said.encode(), now)

    def answer(self, heard: Sdp) -> bytes:
        """The description of the 200: what was said early, else what fits the callee's. Raises BadMessage (488)."""
        said = self._caller.said
        return self._describe(heard) if said is None else said.encode()

    @property
    def narrowed(self) -> bool:
        """Whether the caller, who offered more, was given one codec already, which others may not have (M1)."""
        return self.path is not None and self._caller.heard is not None

    def _describe(self, heard: Sdp) -> bytes:
        caller = self._caller
        return caller.offer(heard) if caller.heard is None else caller.answer(heard)

    def _play(self, sound: str, *, once: bool = False) -> None:
        assert self.path is not None and self._caller.said is not None
        self._playing = sound
        self.path.play(sound, self._caller.said.audio.codecs[0].payload, once=once)

    def _tell(self, code: int, now: float) -> bool:
        said = self._caller.said
        self._told = code
        self.session.progress(code, now, b"" if said is None else said.encode())
        news = code == 180 and not self.ringing
        self.ringing = self.ringing or news
        return news
