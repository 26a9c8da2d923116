"""What a session tells its owner, and the owner of sessions that are over."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from b2bua.sip.text.body import Body
from b2bua.sip.text.uri import Uri

if TYPE_CHECKING:
    from b2bua.sip.dialogs.session import Session


class Refusal(NamedTuple):
    """Why a callee cannot be had, read before its session ends.

    `code` is 3xx to 6xx as it was answered, 408 for silence, 503 for a broken connection and 500 for an answer that
    cannot be used. `answered`: a final response came. `targets` is who is to be called instead, the best first.
    """

    code: int
    answered: bool = True
    targets: tuple[Uri, ...] = ()


class SessionUser(Protocol):
    """The owner of a session: a call's leg."""

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """The callee answered with 101 to 199. `sdp` is `None` where the response says nothing about sound, else what
        holds at present: a callee that has answered reliably may have offered anew since."""

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The callee answered with 2xx; the ACK is sent. After an INVITE without offer, owes `acknowledge`.

        `sdp` is what holds, also where it was said reliably before, and the 2xx says nothing or something else.
        """

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """The callee cannot be had."""

    def on_cancelled(self, session: Session, now: float) -> None:
        """The caller withdrew before we answered; 487 is sent."""

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The PRACK of an early offer came: with the answer, or against the rule without (RFC 3262 §5).

        Must not raise: a description that cannot be used is a reason to `reject`.
        """

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """The ACK of our 2xx came; with a description where our 2xx carried the offer."""

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """A re-INVITE or UPDATE with an offer, or asking for one. Owes `answer_offer` or `refuse_offer`.

        Before the final response, where PRACK and UPDATE may carry an offer, it must be answered before this
        returns, or is refused. What the responses to the INVITE say about sound means nothing from then on.
        """

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """What became of our `offer`. After a 2xx to an INVITE without offer, owes `acknowledge`."""

    def on_info(self, session: Session, body: Body, now: float) -> None:
        """An INFO request (RFC 6086 §9, or a digit); 200 is sent."""

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """The peer hung up (`bye`), never acknowledged our answer (`no-ack`) or an early response (`no-prack`: the
        INVITE was refused with 504), or no longer knows the dialog (`gone`)."""


class Nobody:
    """The owner of a session that is over: late messages are settled by the session and concern nobody."""

    __slots__ = ()

    def on_progress(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_answered(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_failed(self, session: Session, refusal: Refusal, now: float) -> None:
        """Nothing."""

    def on_cancelled(self, session: Session, now: float) -> None:
        """Nothing."""

    def on_early_answer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_acknowledged(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_offer(self, session: Session, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_offer_answered(self, session: Session, code: int, sdp: bytes | None, now: float) -> None:
        """Nothing."""

    def on_info(self, session: Session, body: Body, now: float) -> None:
        """Nothing."""

    def on_ended(self, session: Session, why: str, now: float) -> None:
        """Nothing."""


NOBODY = Nobody()
