"""Offer and answer (RFC 3264): our descriptions, built from a list of what may be in them.

Nothing is copied from the other side but codecs, packet time and direction: no address, candidate, key, name.
RTCP is never multiplexed (no `rtcp-mux`) and always on the next port (no `a=rtcp`).
"""

from __future__ import annotations

from dataclasses import replace

from b2bua.sip.sdp.description import PCMA, PCMU, TELEPHONE_EVENT, Codec, Direction, Media, Sdp
from b2bua.sip.sdp.warning import NO_CODEC, unacceptable


def describe(
    codecs: tuple[Codec, ...],
    address: str,
    port: int,
    session_id: int,
    version: int,
    *,
    direction: Direction = Direction.SENDRECV,
    ptime: int | None = None,
) -> Sdp:
    """Describe one audio stream of ours: the offer where nobody offered anything yet."""
    formats = tuple(str(codec.payload) for codec in codecs)
    media = Media("audio", port, "RTP/AVP", formats, codecs, address, direction, ptime)
    return Sdp(session_id, version, (media,))


def rewrite(offer: Sdp, address: str, port: int, session_id: int, version: int) -> Sdp:
    """Offer the other side what was offered here, at our address: audio codecs, ptime and direction."""
    audio = offer.audio
    return describe(
        audio.codecs, address, port, session_id, version, direction=audio.direction, ptime=audio.ptime
    )


def early_answer(offer: Sdp, address: str, port: int, session_id: int, version: int) -> Sdp:
    """Answer before anybody has answered: one codec that we can play ourselves, and digits (BEHAVIOUR M1).

    Raises BadMessage (488) where the offer has neither PCMA nor PCMU.
    """
    audio = offer.audio
    codec = audio.find(PCMA) or audio.find(PCMU)
    if codec is None:
        raise unacceptable(NO_CODEC, "PCMA or PCMU is needed")
    event = audio.find(TELEPHONE_EVENT)
    codecs = (codec,) if event is None else (codec, event._replace(fmtp=TELEPHONE_EVENT.fmtp))
    return _answer(offer, codecs, address, port, session_id, version, Direction.SENDRECV, None)


def answer(offer: Sdp, reply: Sdp, address: str, port: int, session_id: int, version: int) -> Sdp:
    """Answer with what the other side answered, at our address.

    The other side's payload type numbers are kept, because the relay does not renumber. Codecs that were not
    offered are left out. Raises BadMessage (488) where no codec for speech is left.
    """
    far = reply.audio
    codecs = tuple(codec for codec in far.codecs if offer.audio.find(codec))
    if not any(codec.is_speech for codec in codecs):
        raise unacceptable(NO_CODEC, "No codec in common")
    return _answer(offer, codecs, address, port, session_id, version, far.direction, far.ptime)


def revised(previous: Sdp, new: Sdp) -> Sdp:
    """Give a later description of a session its version (RFC 3264 §8): one more if anything changed."""
    same = replace(new, session_id=previous.session_id, version=previous.version)
    return same if same == previous else replace(same, version=previous.version + 1)


def reoffer(previous: Sdp, offer: Sdp) -> Sdp:
    """Fit an offer into a session: the m= lines we said before stay, each in its place (RFC 3264 §8)."""
    before = previous.audio
    ours = replace(offer.audio, protocol=before.protocol)
    return replace(offer, media=tuple(ours if media is before else media for media in previous.media))


def same_numbers(told: Sdp, wanted: Sdp) -> bool:
    """Whether a peer that was told `told` sends each format under a number by which `wanted` knows it.

    RFC 3264 §5.1 and §6.1: each side says the numbers that it receives, and an answer may say others than the
    offer. Formats that only one of them has do not matter.
    """
    for codec in told.audio.codecs:
        numbers = [other.payload for other in wanted.audio.codecs if other.same_as(codec)]
        if numbers and codec.payload not in numbers:
            return False
    return True


def _answer(
    offer: Sdp,
    codecs: tuple[Codec, ...],
    address: str,
    port: int,
    session_id: int,
    version: int,
    wish: Direction,
    ptime: int | None,
) -> Sdp:
    """Answer each m= line in the order of the offer: one audio stream, the others refused (RFC 3264 §6)."""
    audio = offer.audio
    ours = Media(
        "audio",
        port,
        audio.protocol,
        tuple(str(codec.payload) for codec in codecs),
        codecs,
        address,
        audio.direction.answered_with(wish),
        ptime,
    )
    media = tuple(
        ours if stream is audio else Media(stream.kind, 0, stream.protocol, stream.formats)
        for stream in offer.media
    )
    return Sdp(session_id, version, media)
