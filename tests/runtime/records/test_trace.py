from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from b2bua.runtime.clock import LoopTimers, WallClock
from b2bua.runtime.records import trace as module
from b2bua.runtime.records.trace import Trace, entries, legible
from b2bua.sip.text.flow import SocketAddress
from provisioning.store.calllog import TraceEntry
from tests.runtime.node import company, running_node
from tests.runtime.phone import converse

PEER = SocketAddress("127.0.0.2", 5060)


def message(start: str = "INVITE sip:201@127.0.0.1 SIP/2.0", *headers: str, body: str = "") -> bytes:
    return "\r\n".join([start, *headers, "", body]).encode()


async def rows(trace: Trace, call_ids: dict[str, str], *, withheld: bool = False) -> list[TraceEntry]:
    clock = WallClock(LoopTimers(asyncio.get_running_loop()))
    return entries(trace.take(list(call_ids)), call_ids, withheld, clock)


async def test_messages_before_and_after_a_call_is_known_come_in_order_with_their_legs() -> None:
    trace = Trace(True)
    trace.see(1.0, False, "one", PEER, message())
    trace.see(1.1, True, "one", PEER, message("SIP/2.0 100 Trying"))
    trace.follow("one")
    trace.follow("two")
    trace.see(1.3, True, "two", PEER, message("INVITE sip:b@127.0.0.3 SIP/2.0"))
    trace.see(1.2, False, "one", PEER, message("ACK sip:201@127.0.0.1 SIP/2.0"))
    found = await rows(trace, {"one": "a", "two": "b1"})
    assert [(row.leg, row.direction, row.first_line.split()[0]) for row in found] == [
        ("a", "in", "INVITE"),
        ("a", "out", "SIP/2.0"),
        ("a", "in", "ACK"),
        ("b1", "out", "INVITE"),
    ]
    assert [round(row.time - found[0].time, 3) for row in found] == [0, 0.1, 0.2, 0.3]
    assert await rows(trace, {"one": "a"}) == [], "taken is forgotten"


async def test_only_key_headers_are_kept_and_never_credentials_or_bodies() -> None:
    trace = Trace(True)
    trace.follow("one")
    trace.see(
        1.0,
        False,
        "one",
        PEER,
        message(
            "INVITE sip:201@127.0.0.1 SIP/2.0",
            'f: "Anna" <sip:anna@127.0.0.1>',
            "Authorization: Digest response=secret,",
            "\tusername=secret: x",
            "Subject: a subject",
            " that goes on: further",
            "WWW-Authenticate: Digest nonce=secret",
            "Proxy-Authorization: Digest response=secret",
            "CSeq: 1",
            " INVITE",
            body="secret",
        ),
    )
    (row,) = await rows(trace, {"one": "a"})
    assert row.headers == [("f", '"Anna" <sip:anna@127.0.0.1>'), ("CSeq", "1 INVITE")]
    assert "secret" not in repr(row)


@pytest.mark.behaviour("A3")
async def test_nothing_tells_who_a_withheld_caller_is() -> None:
    trace = Trace(True)
    trace.follow("one")
    trace.follow("two")
    headers = (
        'From: "Anna" <sip:anna@x.example>',
        "Contact: <sip:anna@127.0.0.2>",
        "User-Agent: annas phone",
    )
    trace.see(1.0, False, "one", PEER, message("INVITE sip:201@127.0.0.1 SIP/2.0", *headers))
    for target in ("sip:anna@127.0.0.2", "sips:anna@127.0.0.2", "SIP:anna@127.0.0.2", "tel:anna"):
        trace.see(2.0, True, "one", PEER, message(f"BYE {target} SIP/2.0", "To: <sip:anna@x.example>"))
    trace.see(3.0, True, "two", PEER, message("BYE sip:bert@127.0.0.3 SIP/2.0", *headers))
    found = await rows(trace, {"one": "a", "two": "b1"}, withheld=True)
    assert "anna" not in repr(found).lower()
    assert found[0].first_line == "INVITE sip:201@127.0.0.1 SIP/2.0", "what was dialled may be read"
    assert found[1].first_line == "BYE sip:…@127.0.0.2 SIP/2.0"
    assert found[-1].first_line == "BYE sip:bert@127.0.0.3 SIP/2.0"


async def test_memory_is_bounded_whatever_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNKNOWN", 5)
    trace = Trace(True)
    long = message("INVITE sip:201@127.0.0.1 SIP/2.0", "From: x", "Subject: " + "x" * 60_000)
    for number in range(8):
        for _ in range(30):
            trace.see(1.0, False, str(number), PEER, long)
    for number in range(8):
        trace.follow(str(number))
    taken = [trace.take([str(number)]) for number in range(8)]
    assert [len(sights) for sights in taken] == [0, 0, 0, *[module.MAX_UNKNOWN_MESSAGES] * 5]
    assert all(len(sight.head) <= module.MAX_HEAD for sights in taken for sight in sights)
    trace.follow("one")
    for _ in range(module.MAX_MESSAGES + 100):
        trace.see(1.0, False, "one", PEER, long)
    found = await rows(trace, {"one": "a"})
    assert len(found) == module.MAX_MESSAGES
    assert found[0].headers == [("From", "x")]


async def test_bytes_that_are_not_text_can_be_stored() -> None:
    trace = Trace(True)
    trace.follow("one")
    trace.see(1.0, False, "one", PEER, b"INVITE sip:\xff@x SIP/2.0\r\nFrom: \xfe\r\n\r\n")
    repr(await rows(trace, {"one": "a"})).encode("utf-8")
    assert legible("fine \N{SNOWMAN} \udcff") == "fine \N{SNOWMAN} \N{REPLACEMENT CHARACTER}"


async def test_switched_off_nothing_is_kept() -> None:
    trace = Trace(False)
    trace.follow("one")
    trace.see(1.0, False, "one", PEER, message())
    assert await rows(trace, {"one": "a"}) == []


async def test_the_ladder_of_a_call_has_both_legs_to_the_last_answer(relay_socket: Path) -> None:
    async with running_node(relay_socket, company(action="keep-ringing")) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        answer = await converse(anna, bert, "202")
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        async with asyncio.timeout(20):
            while (found := await node.store.call(answer.call_id)) is None:
                await asyncio.sleep(0.02)
        _, ladder = found
        seen = [(row.leg, row.direction, " ".join(row.first_line.split()[:2])) for row in ladder]
        # 401, the ACK of it, and the INVITE that is answered come before the call is known.
        assert [line[2].split(" sip")[0] for line in seen if line[0] == "a"][:5] == [
            "INVITE",
            "SIP/2.0 401",
            "ACK",
            "INVITE",
            "SIP/2.0 100",
        ]
        assert seen[-1] == ("b1", "in", "SIP/2.0 200"), "the answer to the last BYE"
        assert "Digest" not in repr(ladder)


def test_what_belongs_to_no_call_is_forgotten_in_time() -> None:
    trace = Trace(True)
    trace.see(1.0, False, "a register", PEER, message())
    trace.see(2.0, False, "a call", PEER, message())
    trace.see(3.0, False, "a register", PEER, message())
    trace.see(4.0, False, "another", PEER, message())
    trace.follow("a call")
    trace.forget(1.0)
    assert list(trace._unknown) == ["a register", "another"]
    trace.forget(4.0)
    assert list(trace._unknown) == ["another"]
    trace.forget(5.0)
    assert (list(trace._unknown), trace._unknown_bytes) == ([], 0)
    assert len(trace.take(["a call"])) == 1


def test_what_belongs_to_no_call_has_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNKNOWN_BYTES", 10_000)
    trace = Trace(True)
    for number in range(20):
        trace.see(float(number), False, f"{number:03000}", PEER, message("INVITE sip:x SIP/2.0"))
        assert trace._unknown_bytes == sum(
            len(sight.head) + len(call_id) for call_id, sights in trace._unknown.items() for sight in sights
        )
    assert [int(call_id) for call_id in trace._unknown] == [17, 18, 19]
    trace.see(21.0, False, "x" * 60_000, PEER, message())
    assert not trace._unknown


async def test_a_line_that_is_no_header_costs_no_call_its_ladder() -> None:
    trace = Trace(True)
    trace.follow("one")
    lines = ("From: <sip:anna@127.0.0.1>", "no header", "bad name: x", "\udcff: x", "To: <sip:201@127.0.0.1>")
    data = "\r\n".join(["INVITE sip:201@127.0.0.1 SIP/2.0", *lines, "", ""]).encode(
        "utf-8", "surrogateescape"
    )
    trace.see(1.0, False, "one", PEER, data)
    (row,) = await rows(trace, {"one": "a"})
    assert [name for name, _ in row.headers] == ["From", "To"]
