"""One side of a call: its session, and what was said on it about sound."""

from __future__ import annotations

from dataclasses import replace

from b2bua.call.ports import Peer
from b2bua.sip.dialogs.session import Session
from b2bua.sip.sdp.description import PCMA, STANDARD_CODECS, TELEPHONE_EVENT, Direction, Sdp, parse_sdp
from b2bua.sip.sdp.nat import Nat, behind_nat
from b2bua.sip.sdp.offer_answer import answer, describe, early_answer, reoffer, revised, rewrite
from b2bua.sip.sdp.warning import NO_CODEC, unacceptable
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import Flow

UNSPECIFIED = "0.0.0.0"


class Leg:
    """One side's session and its two descriptions (SDP)."""

    __slots__ = ("address", "flow", "heard", "name", "nat", "origin", "port", "said", "session")

    def __init__(self, name: str, flow: Flow, origin: int, nat: Nat) -> None:
        self.name = name
        self.flow = flow
        self.origin = origin
        """The number of our descriptions' origin line (RFC 8866 §5.2)."""
        self.nat = nat
        """Whether the peer is taken to be behind NAT: a setting."""
        self.session: Session | None = None
        self.address = ""
        """The relay's address, as the peer is told it. It stays the same unless the relay dies under the call."""
        self.port = 0
        """The relay's port, likewise."""
        self.heard: Sdp | None = None
        """The remote description: what the peer said last."""
        self.said: Sdp | None = None
        """The local description: what we said to the peer last."""

    @property
    def moved(self) -> bool:
        """Whether the peer was told another address or port of the relay than holds now."""
        if self.said is None:
            return False
        told = self.said.audio
        return (told.address, told.port) != (self.address, self.port)

    def hear(self, body: bytes) -> Sdp:
        """Read the peer's description. Raises BadMessage (400 or 488)."""
        self.heard = parse_sdp(body)
        return self.heard

    def hear_answer(self, body: bytes) -> Sdp:
        """Read the peer's answer to what we said. Raises BadMessage (400, or 488 if no codec fits)."""
        heard = parse_sdp(body)
        said = self.said
        if said is not None and not any(c.is_speech and said.audio.find(c) for c in heard.audio.codecs):
            raise unacceptable(NO_CODEC, "No codec in common")
        self.heard = heard
        return heard

    def take_back(self, before: Sdp | None) -> None:
        """What we said last was refused: what we said before holds again, under the later version number."""
        if before is not None and self.said is not None:
            self.said = replace(before, version=self.said.version)

    def peer(self) -> Peer | None:
        """Return where the peer wants its sound; `None` if it has not said, or wants none (RFC 2543 hold).

        That is where its description says (RFC 3264 §5.1), whatever address its signalling comes from. Only
        behind NAT it is where the signalling comes from, and the first packet tells more (RFC 4961, BEHAVIOUR M5).
        """
        if self.heard is None or self.heard.audio.address == UNSPECIFIED:
            return None
        said, port, source = self.heard.audio.address, self.heard.audio.port, self.flow.remote.host
        if not behind_nat(said, source, self.nat):
            return Peer(said, port)
        return Peer(source, port, tuple(dict.fromkeys((source, said))))

    @property
    def wanted(self) -> Sdp | None:
        """What this side wants from the other: its last description, with the codecs that it was answered.

        A caller that was answered keeps its codec when somebody else takes the other side (BEHAVIOUR M1). One that
        has not answered our early offer yet will take what the offer says.
        """
        if self.heard is None or self.said is None:
            return self.heard or self.said
        heard, said = self.heard.audio, self.said.audio
        codecs = tuple(codec for codec in heard.codecs if said.find(codec) is not None)
        return replace(self.heard, media=(replace(heard, codecs=codecs),))

    def offer(self, other: Sdp | None) -> bytes:
        """Offer what the other side offers, at our address; without it, the codecs that every phone has."""
        if other is None:
            return self._say(describe(STANDARD_CODECS, self.address, self.port, self.origin, 1))
        sdp = rewrite(other, self.address, self.port, self.origin, 1)
        return self._say(sdp if self.said is None else reoffer(self.said, sdp))

    def answer(self, reply: Sdp) -> bytes:
        """Answer what was heard here with what the other side answered. Raises BadMessage (488)."""
        assert self.heard is not None
        return self._say(answer(self.heard, reply, self.address, self.port, self.origin, 1))

    def answer_early(self, offered: bytes | None, wish: Direction, now: float) -> bool:
        """Answer the peer's offer before the call is answered, in the codecs that it was told before.

        `wish` is the direction of the sound. Returns False if it was refused; nothing has changed then. An offer that
        does not fit is refused, and so is a request for an offer of ours.
        """
        assert self.session is not None and self.said is not None
        if offered is None:
            self.session.refuse_offer(491, now)
            return False
        before = self.heard
        try:
            self.heard = parse_sdp(offered)
            body = self.answer(replace(self.said, media=(replace(self.said.audio, direction=wish),)))
        except BadMessage as error:
            self.heard = before
            self.session.refuse_offer(error.code, now, error.headers)
            return False
        return self.session.answer_offer(body, now)

    def describe_early(self) -> bytes:
        """Answer, or offer, one codec that we play ourselves (BEHAVIOUR M1, M3). Raises BadMessage (488)."""
        if self.heard is None:
            return self._say(describe((PCMA, TELEPHONE_EVENT), self.address, self.port, self.origin, 1))
        return self._say(early_answer(self.heard, self.address, self.port, self.origin, 1))

    def _say(self, sdp: Sdp) -> bytes:
        self.said = sdp if self.said is None else revised(self.said, sdp)
        return self.said.encode()
