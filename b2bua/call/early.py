"""What a caller is told and hears before the answer, and through which relay session (BEHAVIOUR M1 to M4, B3, D1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from b2bua.call.context import CallContext
from b2bua.call.leg import Leg
from b2bua.call.relay_session import RelaySession
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.sdp.description import Sdp

RINGBACK = "ringback"


class Early:
    """The caller, for whom somebody is sought: its provisional responses, and the sound that goes with them.

    A description that the caller was told is its answer for good. (It is our offer if the caller left the offer to us
    and knows 100rel.) From then on everybody who is called is reached through the same relay session (M1). Ringback
    is sound then, because the caller's telephone makes none of its own any more (M2).
    """

    __slots__ = (
        "_context",
        "_playing",
        "_told",
        "answers_first",
        "caller",
        "relay_session",
        "ringing",
        "session",
        "sound",
    )

    def __init__(
        self,
        context: CallContext,
        session: ServerSession,
        caller: Leg,
        *,
        sound: bool,
        answers_first: bool = False,
    ) -> None:
        self.session = session
        self.caller = caller
        self.sound = sound
        """Whether the caller is sent sound before the answer."""
        self.answers_first = answers_first
        """Whether the caller is answered to hear an announcement (D1)."""
        self.ringing = False
        """Whether the caller was told that it rings."""
        self.relay_session: RelaySession | None = None
        """The relay session whose port stands in what the caller was told."""
        self._context = context
        self._told = 0
        """The last code that the caller was told."""
        self._playing = ""
        """The sound that the caller hears from us."""

    def next_relay_session(self) -> RelaySession:
        """Return the relay session for an attempt: the one whose port the caller was told, or else a new one.

        If the relay has lost the first, the caller is told another port after the answer.
        """
        relay_session = self.relay_session
        if relay_session is None or relay_session.over:
            return self._context.new_relay_session()
        return relay_session

    def open(self, relay_session: RelaySession, then: Callable[[bool, float], None], now: float) -> None:
        """Ask for a relay session. `then` is told whether it is there; this may be at once."""
        opened = partial(self._opened, then)
        if relay_session is not self.relay_session:
            relay_session.open(self.caller, opened)
        elif not relay_session.wait(opened):
            then(True, now)

    def leave(self, relay_session: RelaySession) -> None:
        """An attempt is over; the caller keeps the relay session whose port it was told."""
        if relay_session is not self.relay_session:
            relay_session.close()

    def close(self) -> None:
        """Nobody is sought for the caller any more."""
        if self.relay_session is not None:
            self.relay_session.close()

    def take(self, relay_session: RelaySession) -> None:
        """Give the caller its answer, with one codec that we play ourselves. Raises BadMessage (488)."""
        relay_session.place(self.caller)
        self.caller.describe_early()
        self.relay_session = relay_session

    def alert(self, now: float) -> None:
        """Tell the caller that it rings."""
        if self.relay_session is not None and self._playing != RINGBACK:
            self._play(RINGBACK)
        if self._told != 180:
            self._tell(180, now)

    def play(self, sound: str, now: float, *, once: bool = False) -> None:
        """Let the caller, who has its answer, hear a tone or an announcement."""
        self._play(sound, once=once)
        if self._told == 183:
            return
        self._tell(183, now)
        if not self.session.reliable:
            # Nothing says whether it arrived (M3).
            self._tell(183, now)

    def pass_on(self, leg: Leg, relay_session: RelaySession, code: int, now: float) -> None:
        """Let the caller hear what somebody who is called elsewhere sends before the answer (M4)."""
        assert leg.heard is not None
        if not self.sound:
            if code == 180:
                self.alert(now)
            return
        if self.relay_session is None:
            relay_session.place(self.caller)
            self._describe(leg.heard)
            self.relay_session = relay_session
        self._playing = ""
        if code != self._told:
            self._tell(code, now)

    def accept(self, now: float) -> None:
        """Answer the call before anybody has taken it: for carriers that pass no early sound (D1)."""
        assert self.caller.said is not None
        self.session.accept(self.caller.said.encode(), now)

    def answer(self, heard: Sdp) -> bytes:
        """Return the description for the 200: what was said early, or else what fits the callee's.

        Raises BadMessage (488).
        """
        said = self.caller.said
        return self._describe(heard) if said is None else said.encode()

    @property
    def narrowed(self) -> bool:
        """Whether the caller was given one codec of those it offered; others may not have it (M1)."""
        return self.relay_session is not None and self.caller.heard is not None

    def _opened(self, then: Callable[[bool, float], None], there: bool, now: float) -> None:
        self._context.guard(partial(then, there), now)

    def _describe(self, heard: Sdp) -> bytes:
        caller = self.caller
        return caller.offer(heard) if caller.heard is None else caller.answer(heard)

    def _play(self, sound: str, *, once: bool = False) -> None:
        assert self.relay_session is not None and self.caller.said is not None
        self._playing = sound
        self.relay_session.play(sound, self.caller.said.audio.codecs[0].payload, once=once)

    def _tell(self, code: int, now: float) -> None:
        said = self.caller.said
        self._told = code
        self.session.progress(code, now, b"" if said is None else said.encode())
        if code == 180 and not self.ringing:
            self.ringing = True
            self._context.event("call.ringing")
