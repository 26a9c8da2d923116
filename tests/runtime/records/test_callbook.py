"""What is left of a call when it is over: its record, its message, its figures, its lines in the log."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.callplan.missed import Missed
from b2bua.runtime.records import callbook, dialogs
from media.message import Caller
from media.protocol import MessageStored, SessionEnded
from media.scripts.script import Why
from provisioning.notifier.queue import Outbox
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.outbox import CallMissed
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import Phone, converse, sdp

NOTIFY = "notify = { missed_call = true }"
MAIL = {"host": "127.0.0.1", "sender": "voicemail@acme.example"}


async def recorded(node: Node, call_id: str) -> tuple[CallRecord, tuple[TraceEntry, ...]]:
    async with asyncio.timeout(20):
        while (found := await node.store.call(call_id)) is None:
            await asyncio.sleep(0.02)
    return found


async def leave_message(node: Node, caller: Phone) -> tuple[str, str, Any]:
    """A call that the mailbox of 203, who is not registered, has answered: Call-ID, token, the caller's 200."""
    assert node.media is not None
    call_id = await caller.call("203")
    reservation = await node.media.asked("reserve")
    answer = await caller.response("200")
    caller.acknowledge(answer, "")
    await node.media.worker.request("ACK")
    return call_id, reservation["session"], answer


async def missed_calls(node: Node) -> list[CallMissed]:
    """The missed calls that somebody is to be told of."""
    waiting = await Outbox(node.store).due(datetime.now(UTC), 100)
    return [entry.news for entry in waiting if isinstance(entry.news, CallMissed)]


def stored(node: Node, token: str) -> MessageStored:
    return MessageStored(token, 3, "m-1", 7.25, node.folder / "mailbox" / "3" / "new" / "m-1.wav")


async def test_an_answered_call_is_recorded_with_everything(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    with capture_logs() as logs:
        answer = await converse(anna, bert, "202")
        assert [call["state"] for call in node.signalling.list_calls()] == ["answered"]
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        record, ladder = await recorded(node, answer.call_id)
    assert (record.outcome, record.hung_up_by, record.code) == ("answered", "caller", None)
    assert (record.caller_number, record.caller_name, record.dialled) == ("201", "Anna", "202")
    assert record.answered_at is not None
    assert record.started_at <= record.answered_at <= record.ended_at
    assert len(record.leg_call_ids) == 1
    assert record.rule == "ring"
    assert record.steps[0]["ended"] == "answered"
    assert record.steps[0]["device"] == "bert"
    assert record.plan["steps"]
    assert len(record.explanation) >= 2
    assert set(record.rtp) >= {"near", "far"}
    assert {row.leg for row in ladder} == {"a", "b1"}
    names = [one["event"] for one in logs if one["event"].startswith("call.")]
    assert names == ["call.started", "call.step", "call.answered", "call.ended"]
    assert node.signalling.book.ended == {"answered": 1}
    assert not node.signalling.list_calls()


async def test_a_call_that_nobody_can_take_is_recorded_too(node: Node) -> None:
    anna = await node.phone("anna")
    call_id = await anna.call("299")
    refused = await anna.response("404")
    anna.acknowledge(refused, f"sip:299@{node.address}:5060")
    record, ladder = await recorded(node, call_id)
    assert (record.outcome, record.code, record.called_user) == ("unknown", 404, None)
    assert ladder[-1].first_line.startswith("ACK"), "the ACK came after the end and is in the ladder"


@pytest.mark.parametrize("order", ["message, hang-up, ended", "hang-up, message, ended", "ended, hang-up"])
async def test_the_message_is_in_the_record_whatever_ends_first(node: Node, order: str) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    call_id, token, answer = await leave_message(node, anna)
    if order == "hang-up, message, ended":
        anna.hang_up(answer)
        await node.media.worker.request("BYE")
    node.media.tell(stored(node, token))
    if order == "ended, hang-up":
        node.media.tell(SessionEnded(token, Why.HASH))
    if order != "hang-up, message, ended":
        anna.hang_up(answer)
        await node.media.worker.request("BYE")
    if order != "ended, hang-up":
        node.media.tell(SessionEnded(token, Why.HANGUP))
    record, _ = await recorded(node, call_id)
    assert (record.outcome, record.message_id) == ("voicemail", "m-1")
    assert record.message_path == str(stored(node, token).path)
    assert [step.get("message") for step in record.steps if step["do"] == "voicemail"] == [7.25]


async def test_a_message_too_short_leaves_a_record_without_one(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    call_id, token, answer = await leave_message(node, anna)
    anna.hang_up(answer)
    node.media.tell(SessionEnded(token, Why.HANGUP))
    record, _ = await recorded(node, call_id)
    assert (record.outcome, record.message_id) == ("voicemail", None)


async def test_a_mailbox_that_never_tells_is_not_waited_for_long(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbook, "MAILBOX_TIMEOUT", 0.7)
    anna = await node.phone("anna")
    call_id, token, answer = await leave_message(node, anna)
    anna.hang_up(answer)
    await until(lambda: not len(node.signalling.book), "the end of the call")
    record, _ = await recorded(node, call_id)
    assert (record.outcome, record.message_id) == ("voicemail", None)
    # What comes too late changes nothing and hurts nobody.
    assert node.media is not None
    node.media.tell(stored(node, token))
    node.media.tell(SessionEnded(token, Why.HANGUP))
    assert (await anna.register(cseq=9)).code == 200


@pytest.mark.behaviour("V5")
async def test_who_missed_a_call_is_told_and_nobody_who_took_it(relay_socket: Path) -> None:
    async with running_node(relay_socket, company(keys=NOTIFY, action="keep-ringing"), smtp=MAIL) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        carl = await node.phone("carl")
        answer = await converse(anna, bert, "202")
        # Bert is on the phone, so the line is engaged to anybody else.
        engaged = await anna.call("202")
        anna.cancel(await anna.response("183"), "202")
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        given_up = await anna.call("203")
        carl.respond(await carl.request("INVITE"), 180)
        anna.cancel(await anna.response("180"), "203")
        refused = await anna.call("299")
        for call_id in (answer.call_id, engaged, given_up, refused):
            await recorded(node, call_id)
        seen = Caller("201", "Anna")
        assert {
            news.call_id: (news.user, news.caller, news.dialled, news.how)
            for news in await missed_calls(node)
        } == {
            engaged: (2, seen, "202", Missed.ENGAGED),
            given_up: (3, seen, "203", Missed.HUNG_UP),
        }


@pytest.mark.behaviour("V5")
@pytest.mark.parametrize("message", [True, False])
@pytest.mark.parametrize("restart", [True, False])
async def test_a_mailbox_that_got_no_message_is_a_missed_call_after_a_restart_too(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch, message: bool, restart: bool
) -> None:
    monkeypatch.setattr(dialogs, "INTERVAL", 0.05)
    async with running_node(relay_socket, company(keys=NOTIFY), smtp=MAIL) as node:
        assert node.media is not None
        anna = await node.phone("anna")
        call_id, token, answer = await leave_message(node, anna)
        if restart:
            path = node.folder / "dialogs.jsonl"
            await until(lambda: path.exists() and path.stat().st_size, "the call to be on disk")
            await node.kill()
            await node.start()
        if message:
            node.media.tell(stored(node, token))
        anna.hang_up(answer)
        node.media.tell(SessionEnded(token, Why.HANGUP))
        record, _ = await recorded(node, call_id)
        assert (record.message_id is not None) is message
        expected = [] if message else [(3, Missed.NOT_ANSWERED)]
        assert [(news.user, news.how) for news in await missed_calls(node)] == expected


def everything_in(database: Path) -> str:
    """All tables that a call leaves something in, as text."""
    with sqlite3.connect(database) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        of_calls = sorted(name for name in tables if name.startswith(("call", "trace", "notification")))
        assert of_calls
        return repr([connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in of_calls])


@pytest.mark.behaviour("A1", "A3")
@pytest.mark.parametrize("way", ["switch", "privacy", "from", "rpid"])
async def test_a_withheld_caller_is_nowhere(relay_socket: Path, way: str) -> None:
    keys = "notify = { missed_call = true }\n" + ("withhold_number = true" if way == "switch" else "")
    headers = {
        "privacy": [("Privacy", "critical; id")],
        "rpid": [("Remote-Party-ID", '"Anna" <sip:88171@x.example>;party=calling;privacy=full')],
    }.get(way, [])
    from_ = "<sip:anonymous@anonymous.invalid>" if way == "from" else None
    text = company(keys=keys).replace('"201"', '"88171"')
    with capture_logs() as logs:
        async with running_node(relay_socket, text, smtp=MAIL) as node:
            assert node.media is not None
            anna, bert = await node.phone("anna"), await node.phone("bert")
            del logs[:]
            # One call that bert answers, one that a mailbox takes.
            first = await anna.call("202", headers, display="Anna ", from_=from_)
            invite = await bert.request("INVITE")
            (listed,) = node.signalling.list_calls()
            assert listed["from"] is None
            bert.respond(invite, 200, body=sdp(bert.address))
            anna.acknowledge(await anna.response("200"), "")
            second = await anna.call("203", headers, display="Anna ", from_=from_)
            reservation = await node.media.asked("reserve")
            assert reservation["caller"] == {"number": None, "name": None, "withheld": True}
            anna.acknowledge(await anna.response("200"), "")
            await bert.request("ACK")
            await node.stop()
            for one in (first, second):
                record, ladder = await recorded(node, one)
                assert record.withheld
                assert ladder
            (carl,) = await missed_calls(node)
            assert (carl.user, carl.caller) == (3, Caller(withheld=True)), "he is told, but not of whom"
            left = everything_in(node.folder / "ringplan.db")
    told = repr(logs) + repr(invite.headers) + left
    for secret in ("Anna", "anna", "88171"):
        assert secret not in told


@pytest.mark.behaviour("R10")
async def test_a_user_deleted_during_a_call_stays_in_the_call_and_its_record_is_written(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    await node.apply(company("anna", "carl"))
    await node.signalling.reload()
    assert [row["username"] for row in node.signalling.list_registrations()] == ["anna"]
    assert [call["state"] for call in node.signalling.list_calls()] == ["answered"]
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    record, _ = await recorded(node, answer.call_id)
    assert record.outcome == "answered"
    assert any("former user" in sentence for sentence in record.explanation)


async def test_a_call_id_that_is_no_text_costs_no_record(node: Node) -> None:
    anna = await node.phone("anna")
    await anna.call("299", call_id="odd-\udcff")
    await anna.response("404")
    record, ladder = await recorded(node, "odd-\N{REPLACEMENT CHARACTER}")
    assert record.outcome == "unknown"
    assert ladder
