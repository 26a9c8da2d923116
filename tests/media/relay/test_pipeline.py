"""The command socket: replies in order, a bounded number unread, and none lost when the relay goes."""

from __future__ import annotations

from media.relay.errors import RelayGone
from media.relay.pipeline import WINDOW, Pipeline
from tests.media.relay.wire import Wire


def connected() -> tuple[Pipeline, Wire, list[str]]:
    lost: list[str] = []
    pipeline, wire = Pipeline(lambda: lost.append("lost")), Wire()
    pipeline.connection_made(wire)
    return pipeline, wire, lost


def test_replies_come_in_order_however_they_are_cut() -> None:
    pipeline, wire, _ = connected()
    heard: list[tuple[str, object]] = []
    pipeline.send("V", lambda reply: heard.append(("first", reply)))
    pipeline.send("Q r1 n f", lambda reply: heard.append(("second", reply)))
    assert wire.lines == [b"V\n", b"Q r1 n f\n"]
    for piece in (b"2004", b"0107\nE5", b"0\n"):
        pipeline.data_received(piece)
    assert heard == [("first", "20040107"), ("second", "E50")]


def test_no_more_are_sent_than_the_relay_can_answer() -> None:
    pipeline, wire, _ = connected()
    heard: list[object] = []
    for _ in range(WINDOW + 10):
        pipeline.send("V", heard.append)
    assert len(wire.lines) == WINDOW
    pipeline.data_received(b"1\n2\n3\n")
    assert len(wire.lines) == WINDOW + 3
    pipeline.data_received(b"x\n" * (WINDOW + 7))
    assert len(wire.lines) == len(heard) == WINDOW + 10


def test_a_command_sent_from_a_reply_waits_its_turn() -> None:
    pipeline, wire, _ = connected()
    for number in range(WINDOW + 1):
        pipeline.send(f"A{number}", lambda _: pipeline.send("B", lambda _: None))
    pipeline.data_received(b"1\n")
    assert wire.lines[WINDOW:] == [f"A{WINDOW}\n".encode()]
    pipeline.data_received(b"1\n")
    assert wire.lines[WINDOW + 1 :] == [b"B\n"]


def test_when_the_relay_goes_all_who_wait_are_told() -> None:
    pipeline, _, lost = connected()
    heard: list[object] = []
    for _ in range(WINDOW + 2):
        pipeline.send("V", heard.append)
    pipeline.connection_lost(None)
    pipeline.send("V", heard.append)
    assert [type(reply) for reply in heard] == [RelayGone] * (WINDOW + 3)
    assert lost == ["lost"]
