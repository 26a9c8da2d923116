"""What a torture message is, and what has to become of it.

The messages are data of RFC 4475 and RFC 5118, typed anew. What is expected beside them is ours, after their
descriptions: where an RFC leaves a choice, the reason names the one that we made.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What becomes of a message that is not refused."""

    ACCEPTED = "a call or a registration, if its sender may make it"
    DROPPED = "well-formed, but it belongs to nothing; no answer"
    UNREADABLE = "refused without an answer"


Answer = int | Outcome
ACCEPTED, DROPPED, UNREADABLE = Outcome


@dataclass(frozen=True, slots=True)
class Torture:
    """A message with the section that it is from, what it gets, and why.

    `answer` is a status code or an outcome, as the user agent itself decides. `trunk` is what a call gets from the
    service as a whole, where the sender is a carrier and the number is nobody's. `stream` is the answer by TCP if it
    is another, `behind` what a second message gets that a stream holds, `closes` says that no stream survives
    it, and `missing` how many bytes it waits for.
    """

    section: str
    name: str
    answer: Answer
    why: str
    data: bytes
    trunk: int = 404
    stream: Answer | None = None
    behind: Answer | None = None
    closes: bool = False
    missing: int = 0

    @property
    def method(self) -> str:
        """The first word: a method, or `SIP/2.0`."""
        return self.data.split(maxsplit=1)[0].decode()

    def by(self, transport: str) -> Answer:
        """What it gets by UDP or TCP."""
        return self.answer if transport == "UDP" or self.stream is None else self.stream


def wire(text: str) -> bytes:
    """A message as it is sent, from lines of text that begin behind the first line end."""
    return text.removeprefix("\n").replace("\n", "\r\n").encode()


def session(host: str, times: str = "0 0") -> str:
    """The description that most of the RFC's INVITEs carry."""
    return f"""v=0
o=mhandley 29739 7272939 IN IP4 {host}
s=-
c=IN IP4 {host}
t={times}
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
"""
