"""The command lines of rtp_io (the RTPProxy protocol), and what its replies mean. Pure text.

A line holds only our own session ids, addresses in dotted form and numbers, never a string from the wire. For
rtp_io splits lines at blanks, and one of over 8 kB kills the connection. In every line `n` names the caller
and `f` the other end; the side that a command is about comes first.
"""

from __future__ import annotations

import re

from media.relay.errors import NoSession, RelayError, RelayFull
from media.relay.figures import FIELDS
from media.relay.peer import Address, Ports, Side

SESSION_ID = re.compile(r"[a-z0-9]{1,32}")
SILENCE = "silence:"
"""What a notification of silence begins with; the session id follows."""

NOBODY = Address("127.255.255.254", 9)
"""The far end before one is connected: an address of this machine that nothing sends from."""

TAGS: dict[Side, str] = {"near": "n f", "far": "f n"}
UNKNOWN_TO_L = "0"
"""The reply to L for an unknown session; to others it means that all is well, and they answer E50."""
NO_SUCH_SESSION = 50
OUT_OF_PORTS = {71, 72, 98, 99}


def check_id(session: str) -> str:
    """`session` if it may go into a command; raises ValueError otherwise."""
    if SESSION_ID.fullmatch(session) is None:
        raise ValueError(f"{session!r} is not a session id: 1 to 32 of a-z and 0-9")
    return session


def set_near(session: str, near: Address, notify: str) -> str:
    """Say where the caller receives. `notify` names rtp_io's end of the notification socket.

    `a`: only packets from that IP address are heard, and nothing moves it but the next such command.
    """
    return f"Ua {check_id(session)} {near.host} {near.port} n f {notify} {SILENCE}{session}"


def open_session(session: str, near: Address, notify: str, timeout: int) -> str:
    """Make a session with both its ports, nobody at the far end; it ends after `timeout` s of silence."""
    return f"{set_near(session, near, notify)} && La {NOBODY.host} {NOBODY.port} && {_timeout(timeout)}"


def set_far(session: str, far: Address) -> str:
    """Say where the far end receives; the one before is unheard from then on."""
    return f"La {check_id(session)} {far.host} {far.port} n f"


def connect_far(session: str, far: Address, timeout: int) -> str:
    """`set_far`, and end the session after `timeout` s of silence."""
    return f"{set_far(session, far)} && {_timeout(timeout)}"


def set_timeout(session: str, timeout: int) -> str:
    """End the session after `timeout` s of silence."""
    return f"Q {check_id(session)} n f ttl && {_timeout(timeout)}"


def play(session: str, towards: Side, file: str, codec: int, count: int) -> str:
    """Play `file`.`codec`, raw G.711, `count` times (-1: until stopped) instead of what the other side sends.

    Raises ValueError for a file name that would not stay one word.
    """
    if not file or re.search(r"[^!-~]", file):
        raise ValueError(f"{file!r} cannot be played: blanks and special characters are not allowed")
    return f"P{count} {check_id(session)} {file} {codec} {TAGS[towards]}"


def stop_play(session: str, towards: Side) -> str:
    """Stop what `play` started."""
    return f"S {check_id(session)} {TAGS[towards]}"


def query(session: str, side: Side) -> str:
    """Ask for the figures of one side."""
    return f"Q {check_id(session)} {TAGS[side]} {FIELDS}"


def delete(session: str) -> str:
    """End the session."""
    return f"D {check_id(session)} n f"


def failure(line: str, reply: str) -> RelayError | None:
    """The error that the reply to a command line stands for; None if it is none."""
    if reply == UNKNOWN_TO_L and line.startswith("L"):
        return NoSession(line.split()[1])
    if not reply.startswith("E"):
        return None
    code = int(reply[1:])
    if code == NO_SUCH_SESSION:
        return NoSession(line.split()[1])
    if code in OUT_OF_PORTS:
        return RelayFull(reply)
    return RelayError(reply)


def parse_ports(reply: str) -> Ports | None:
    """The ports from the reply to `open_session`; None if only the first could be had.

    The form is `FAR [ADDRESS] && NEAR [ADDRESS]`, or `FAR [ADDRESS] && -1`.
    """
    far, near, *_ = (int(part.split()[0]) for part in reply.split("&&"))
    return Ports(near=near, far=far) if near > 0 else None


def _timeout(seconds: int) -> str:
    return f"S ttl={seconds}"
