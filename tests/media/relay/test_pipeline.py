"""The command socket: replies in order, a bounded number unread, and none lost when the relay goes."""

from __future__ import annotations

from collections.abc import Callable

from media.relay.errors import RelayGone
from media.relay.pipeline import WINDOW, Pipeline
from tests.media.relay.wire import Wire


class Turns(list[Callable[[], None]]):
    """The event loop: what is to be called in its next turn."""

    def turn(self) -> None:
        now, self[:] = list(self), []
        for callback in now:
            callback()


def connected() -> tuple[Pipeline, Wire, Turns, list[str]]:
    lost: list[str] = []
    turns = Turns()
    pipeline, wire = Pipeline(lambda: lost.append("lost"), turns.append), Wire()
    pipeline.connection_made(wire)
    return pipeline, wire, turns, lost


def sent(wire: Wire) -> list[bytes]:
    return b"".join(wire.lines).splitlines()


def test_replies_come_in_order_however_they_are_cut() -> None:
    pipeline, wire, turns, _ = connected()
    heard: list[tuple[str, object]] = []
    pipeline.send("V", lambda reply: heard.append(("first", reply)))
    pipeline.send("Q r1 n f", lambda reply: heard.append(("second", reply)))
    assert wire.lines == []
    turns.turn()
    assert wire.lines == [b"V\nQ r1 n f\n"], "one write"
    turns.turn()
    assert len(wire.lines) == 1
    for piece in (b"2004", b"0107\nE5", b"0\n"):
        pipeline.data_received(piece)
    assert heard == [("first", "20040107"), ("second", "E50")]


def test_no_more_are_sent_than_the_relay_can_answer() -> None:
    pipeline, wire, turns, _ = connected()
    heard: list[object] = []
    for _ in range(WINDOW + 10):
        pipeline.send("V", heard.append)
    turns.turn()
    assert len(sent(wire)) == WINDOW
    pipeline.data_received(b"1\n2\n3\n")
    assert len(sent(wire)) == WINDOW + 3
    pipeline.data_received(b"x\n" * WINDOW)
    pipeline.data_received(b"x\n" * 7)
    assert len(sent(wire)) == len(heard) == WINDOW + 10


def test_a_command_sent_from_a_reply_waits_its_turn() -> None:
    pipeline, wire, turns, _ = connected()
    for number in range(WINDOW + 1):
        pipeline.send(f"A{number}", lambda _: pipeline.send("B", lambda _: None))
    turns.turn()
    pipeline.data_received(b"1\n")
    assert sent(wire)[WINDOW:] == [f"A{WINDOW}".encode()]
    pipeline.data_received(b"1\n")
    assert sent(wire)[WINDOW + 1 :] == [b"B"]


def test_when_the_relay_goes_all_who_wait_are_told() -> None:
    pipeline, _, turns, lost = connected()
    heard: list[object] = []
    for _ in range(WINDOW + 2):
        pipeline.send("V", heard.append)
    turns.turn()
    pipeline.send("V", heard.append)
    pipeline.connection_lost(None)
    pipeline.send("V", heard.append)
    assert [type(reply) for reply in heard] == [RelayGone] * (WINDOW + 4)
    turns.turn()
    assert lost == ["lost"]
