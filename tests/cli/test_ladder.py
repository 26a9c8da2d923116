"""The ladder: columns in the order of the legs, arrows the way the messages went."""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.cli.ladder import draw, short


@dataclass
class Seen:
    direction: str
    leg: str
    first_line: str
    peer: str = "127.0.0.1:5070"


def drawn(*messages: Seen) -> list[str]:
    return draw(messages, [number / 10 for number in range(len(messages))], {"a": "caller"})


def test_messages_run_between_the_leg_and_ringplan() -> None:
    lines = drawn(
        Seen("in", "a", "INVITE sip:302@127.0.0.1 SIP/2.0"),
        Seen("out", "b1", "INVITE sip:ben@127.0.0.2 SIP/2.0", "127.0.0.2:5060"),
        Seen("in", "b1", "SIP/2.0 180 Ringing", "127.0.0.2:5060"),
        Seen("out", "a", "SIP/2.0 180 Ringing"),
    )
    assert lines == [
        "         caller                        Ringplan                      b1",
        "         127.0.0.1:5070                                              127.0.0.2:5060",
        "  0.000  |-- INVITE ------------------>|                             |",
        "  0.100  |                             |-- INVITE ------------------>|",
        "  0.200  |                             |<-- 180 Ringing -------------|",
        "  0.300  |<-- 180 Ringing -------------|                             |",
    ]


def test_an_arrow_to_a_later_leg_passes_the_one_between() -> None:
    lines = drawn(Seen("in", "a", "INVITE x"), Seen("out", "b1", "INVITE x"), Seen("out", "b2", "INVITE x"))
    assert lines[-1].endswith("|-- INVITE " + "-" * 48 + ">|")


def test_a_long_reason_is_cut_to_its_arrow() -> None:
    lines = drawn(Seen("out", "a", "SIP/2.0 480 " + "Temporarily Unavailable " * 4))
    assert len(lines[-1]) == len(drawn(Seen("out", "a", "BYE x"))[-1])


def test_without_messages_there_is_no_ladder() -> None:
    assert draw([], [], {}) == []


def test_a_line_is_said_in_short() -> None:
    assert short("INVITE sip:302@127.0.0.1 SIP/2.0") == "INVITE"
    assert short("SIP/2.0 486 Busy Here") == "486 Busy Here"
