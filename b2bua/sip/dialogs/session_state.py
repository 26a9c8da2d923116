"""How far an INVITE session is."""

from __future__ import annotations

from enum import Enum, auto


class SessionState(Enum):
    """How far a session is."""

    INVITED = auto()  # the INVITE has no final response
    CANCELLED = auto()  # we sent, or will send, a CANCEL and wait for the final response
    ANSWERED = auto()  # a 2xx was given
    CLOSING = auto()  # we hung up; the BYE waits for the ACK of our 2xx
    ENDED = auto()
