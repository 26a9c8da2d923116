"""A phone with ears and a lamp: a `Subscriber` whose calls have sound, in which phrases are waited for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from b2bua.sip.text.message import Request, Response
from tests.support import meter
from tests.support.recognise import Recogniser
from tests.support.rtp import RtpEndpoint
from tests.support.sipp import Message
from tests.torture.subscriber import RTP_PORT, Subscriber

PROMPTS = Path(__file__).parents[2] / "media" / "prompts" / "en"
LISTEN_EVERY = 0.2
AT_MOST = 15.0
"""Seconds of sound that are looked through at once."""
_LAMP = re.compile(r"^Voice-Message: (\d+)/(\d+)", re.MULTILINE)


@cache
def ear(phrases: tuple[str, ...]) -> Recogniser:
    """What recognises these phrases alone."""
    return Recogniser({name: meter.read_wav(PROMPTS / f"{name}.wav") for name in phrases})


def media_of(sdp: bytes) -> tuple[str, int]:
    """Where an SDP wants RTP."""
    media = Message("", True, f"\r\n\r\n{sdp.decode()}").media
    assert media is not None
    return media


class Handset(Subscriber):
    """It follows the sound of its call to wherever a re-INVITE says, and keeps what its lamp shows: new, saved."""

    rtp: RtpEndpoint | None = None
    lamp: tuple[int, int] | None = None

    def _asked(self, request: Request) -> None:
        if request.method == "NOTIFY" and (found := _LAMP.search(request.body.decode())):
            self.lamp = int(found[1]), int(found[2])
        if request.method == "INVITE" and request.to.tag and self.rtp is not None and request.body:
            self.rtp.remote = media_of(request.body)
        super()._asked(request)

    @contextmanager
    def connected(self, answer: Response) -> Iterator[Call]:
        """The sound of a call that was answered."""
        with RtpEndpoint(self.address, RTP_PORT) as rtp:
            rtp.remote = media_of(answer.body)
            self.rtp = rtp
            try:
                yield Call(self, rtp, answer)
            finally:
                self.rtp = None


class Call:
    """An answered call. What is heard before `since` (monotonic seconds) was listened to already."""

    def __init__(self, phone: Handset, rtp: RtpEndpoint, answer: Response) -> None:
        self.phone = phone
        self.rtp = rtp
        self.answer = answer
        self.since = 0.0

    @property
    def over(self) -> bool:
        """Whether the far side hung up."""
        return self.answer.call_id in self.phone.hung_up

    async def hears(self, *phrases: str, whole: bool = False, within: float = 8.0) -> str | None:
        """The first of these phrases to be heard, to its end if `whole`; `None` when none is in time."""
        until = time.monotonic() + within
        while not self.over and time.monotonic() < until:
            if (found := await asyncio.to_thread(self._find, phrases, whole)) is not None:
                return found
            await asyncio.sleep(LISTEN_EVERY)
        return await asyncio.to_thread(self._find, phrases, whole)

    async def hears_tone(self, known: set[float], seconds: float = 0.5, within: float = 4.0) -> float | None:
        """Which of these tones is heard now for so long; `None` when none is in time."""
        until = time.monotonic() + within
        while not self.over and time.monotonic() < until:
            latest = self.rtp.heard(time.monotonic() - seconds - 0.2)
            last = latest.between(latest.seconds - seconds, latest.seconds)
            near = min(known, key=lambda hertz: abs(hertz - meter.frequency(last)), default=None)
            if near is not None and last.seconds > seconds * 0.9:
                heard = sum(span.seconds for span in meter.tone_spans(last, near))
                if heard > seconds * 0.8 and abs(meter.frequency(last) - near) < 4.0:
                    return near
            await asyncio.sleep(LISTEN_EVERY)
        return None

    def press(self, keys: str) -> None:
        """Press keys (RFC 4733). Only what is heard from now on answers them."""
        self.since = time.monotonic()
        self.rtp.send_digits(keys)

    async def hang_up(self) -> bool:
        """Whether the service answered the BYE."""
        self.rtp.muted = True
        ended = await self.phone.end(self.answer)
        return ended is not None and ended.code == 200

    def _find(self, phrases: tuple[str, ...], whole: bool) -> str | None:
        since = max(self.since, time.monotonic() - AT_MOST)
        first = next((packet.arrival for packet in list(self.rtp.packets) if packet.arrival >= since), None)
        if first is None:
            return None
        for heard in ear(phrases).heard(self.rtp.heard(since)):
            if heard.whole or not whole:
                self.since = first + heard.end
                return heard.phrase
        return None
