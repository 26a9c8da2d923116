"""What SIPp's files say: totals in the last line, and messages that came more than once."""

from __future__ import annotations

from pathlib import Path

from tests.bench.sipp import Counted, Load, read_repeats, read_statistics

STATISTICS = """\
StartTime;SuccessfulCall(P);SuccessfulCall(C);FailedCall(P);FailedCall(C);Retransmissions(C);
a;1;10;0;0;1;
b;9;98;1;2;4;
"""
COUNTS = """\
CurrentTime;ElapsedTime;0_INVITE_Sent;0_INVITE_Retrans;0_INVITE_Timeout;1_100_Recv;1_100_Retrans;
a;0;5;0;0;5;0;
b;1;9;7;0;9;2;
"""


def test_the_totals_are_those_of_the_last_line() -> None:
    assert read_statistics(STATISTICS) == Counted(98, 2, 4)
    assert read_statistics("") == Counted()


def test_only_what_was_received_again_is_counted_from_the_messages() -> None:
    # What SIPp itself sent again, seven INVITEs, is in the statistics.
    assert read_repeats(COUNTS) == 2
    assert read_repeats("") == 0


def test_counts_add_up() -> None:
    assert Counted(1, 2, 3) + Counted(10, 20, 30) == Counted(11, 22, 33)


def test_a_load_makes_the_calls_of_its_time() -> None:
    assert Load("trunk_call", Path("users"), rate=12.5, seconds=2).calls == 25
    assert Load("trunk_call", Path("users"), rate=0.1, seconds=2).calls == 1
