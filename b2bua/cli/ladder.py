"""The message ladder of a call: one column a party, one line a message, time in seconds on the left.

0.000  a                            Ringplan                     b1
       127.0.0.1:5070                                            127.0.0.1:5071
0.000  |-- INVITE ----------------->|                            |
0.004  |                            |-- INVITE ----------------->|
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

WIDTH = 30
"""Characters from one party's line to the next."""
MARGIN = 9


class Message(Protocol):
    """What the ladder needs of a traced message."""

    @property
    def direction(self) -> str:
        """`in` or `out`, seen from us."""

    @property
    def leg(self) -> str:
        """Which leg it was on."""

    @property
    def peer(self) -> str:
        """The other side, ip:port."""

    @property
    def first_line(self) -> str:
        """Request line or status line."""


def draw(messages: Sequence[Message], seconds: Sequence[float], names: dict[str, str]) -> list[str]:
    """The ladder's lines. `seconds` is each message's time; `names` says what to call a leg's peer.

    The first leg is on the left, Ringplan next to it, the other legs to the right as they appear.
    """
    if not messages:
        return []
    legs = list(dict.fromkeys(message.leg for message in messages))
    peers = {message.leg: message.peer for message in reversed(messages)}
    columns = {leg: 0 if position == 0 else position + 1 for position, leg in enumerate(legs)}
    titles = [names.get(legs[0], legs[0]), "Ringplan", *(names.get(leg, leg) for leg in legs[1:])]
    addresses = [peers[legs[0]], "", *(peers[leg] for leg in legs[1:])]
    lines = [" " * MARGIN + _row(titles), " " * MARGIN + _row(addresses)]
    for message, time in zip(messages, seconds, strict=True):
        outer = columns[message.leg]
        to_right = (message.direction == "in") == (outer < 1)
        rungs = _rungs(len(titles), min(outer, 1), max(outer, 1), short(message.first_line), to_right)
        lines.append(f"{time:7.3f}  {rungs}".rstrip())
    return lines


def short(first_line: str) -> str:
    """`INVITE` of a request line, `180 Ringing` of a status line."""
    if first_line.startswith("SIP/2.0 "):
        return first_line.removeprefix("SIP/2.0 ").strip()
    return first_line.partition(" ")[0]


def _row(cells: Sequence[str]) -> str:
    return "".join(f"{cell[: WIDTH - 1]:<{WIDTH}}" for cell in cells).rstrip()


def _rungs(columns: int, left: int, right: int, label: str, to_right: bool) -> str:
    """The parties' lines with an arrow from column `left` to `right`, or back."""
    line = ["|" if place % WIDTH == 0 else " " for place in range((columns - 1) * WIDTH + 1)]
    start, end = left * WIDTH + 1, right * WIDTH
    text = f" {label[: end - start - 6]} "
    arrow = f"--{text}".ljust(end - start - 1, "-")
    line[start:end] = f"{arrow}>" if to_right else f"<{arrow}"
    return "".join(line)
