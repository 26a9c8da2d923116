"""The file of answered calls: what it holds when, what a restart makes of it, and what a fault does to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from b2bua.call.snapshot import VERSION
from b2bua.runtime.records import dialogs as module
from b2bua.runtime.records.dialogs import Dialogs
from b2bua.sip.text.message import Response
from tests.call.stage import Stage, answers
from tests.runtime.node import Node, until
from tests.runtime.phone import Phone, converse, sdp
from tests.sip.wire import Network


class Clock:
    """What `Dialogs` wants of the event loop's timers."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def now(self) -> float:
        return self.network.now


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def kept(path: Path) -> list[str]:
    """The Call-IDs of the callers whose calls the file holds, as a restart would find them."""
    return [each.call.caller.dialog.call_id for each in Dialogs(path, None).load()]  # type: ignore[arg-type]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    answers(stage.device("192.0.2.11"))
    return stage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dialogs.jsonl"


def call(stage: Stage, host: str = "192.0.2.1") -> str:
    caller = stage.caller(host)
    stage.dial(caller)
    stage.run(0.5)
    return caller.session.call_id


async def test_a_call_is_written_at_the_second_batch_and_again_when_it_is_over(
    stage: Stage, path: Path
) -> None:
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call_id = call(stage)
    dialogs.changed(stage.call, 10)
    await dialogs.flush()
    assert not path.exists()
    await dialogs.flush()
    (line,) = lines(path)
    assert (line["called_user"], line["call"]["version"]) == (10, VERSION)
    assert path.stat().st_mode & 0o777 == 0o600
    await dialogs.flush()
    assert len(lines(path)) == 1, "nothing has changed"
    assert kept(path) == [call_id]
    dialogs.changed(stage.call, 10)
    await dialogs.flush()
    await dialogs.flush()
    assert len(lines(path)) == 2
    assert kept(path) == [call_id], "the last line counts"
    dialogs.over(stage.call)
    await dialogs.flush()
    assert lines(path)[-1] == {"over": line["call"]["relay_session"]}
    assert kept(path) == []


async def test_a_short_call_is_never_written(stage: Stage, path: Path) -> None:
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call(stage)
    dialogs.changed(stage.call, 10)
    await dialogs.flush()
    dialogs.over(stage.call)
    await dialogs.flush()
    await dialogs.flush()
    assert not path.exists()


async def test_a_call_whose_ack_is_missing_is_written_later(stage: Stage, path: Path) -> None:
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    caller = stage.caller()
    stage.dial(caller)
    while not stage.calls or stage.call.state != "answered":
        stage.run(0.001)
    dialogs.changed(stage.call, None)
    await dialogs.flush()
    await dialogs.flush()
    assert not path.exists()
    stage.run(0.5)
    await dialogs.flush()
    assert len(lines(path)) == 1


async def test_what_cannot_be_read_is_left_out(stage: Stage, path: Path) -> None:
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call_id = call(stage)
    dialogs.changed(stage.call, 10)
    await dialogs.flush()
    await dialogs.flush()
    good = path.read_bytes()
    other = good.replace(b'"version":%d}' % VERSION, b'"version":1}', 1)
    assert other != good
    secret = good.replace(b'"number":"202"', b'"number":["+441632960123"]')
    assert secret != good
    path.write_bytes(b"\0\xff\n" + good[:700] + b"\n{}\n" + other + secret + b'{"over":"unknown"}\n' + good)
    with capture_logs() as logs:
        assert kept(path) == [call_id]
    assert [one["event"] for one in logs] == ["call.snapshot_dropped"] * 5
    assert "960123" not in str(logs)


async def test_a_restored_call_stays_on_disk_until_it_is_over(stage: Stage, path: Path) -> None:
    before = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call_id = call(stage)
    before.changed(stage.call, 10)
    await before.flush()
    await before.flush()
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    (found,) = dialogs.load()
    dialogs.restored(stage.call, found)
    await dialogs.flush()
    assert kept(path) == [call_id], "the process may die again at once"
    dialogs.over(stage.call)
    await dialogs.flush()
    assert kept(path) == []


async def test_a_file_that_cannot_be_read_at_all_stops_nothing(path: Path) -> None:
    path.mkdir()
    dialogs = Dialogs(path, None)  # type: ignore[arg-type]
    with capture_logs() as logs:
        assert dialogs.load() == []
    assert [one["event"] for one in logs] == ["call.snapshot_dropped"]


async def test_a_full_disk_is_told_and_the_file_written_anew_later(
    stage: Stage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call_id = call(stage)
    dialogs.changed(stage.call, 10)
    await dialogs.flush()

    def half(self: Dialogs, data: bytes) -> None:
        path.write_bytes(data[:100])
        raise OSError("no space left")

    with capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(Dialogs, "_append", half)
        await dialogs.flush()
    assert [one["event"] for one in logs] == ["store.dialogs_failed"]
    await dialogs.flush()
    assert kept(path) == [call_id] and len(lines(path)) == 1


async def test_the_file_does_not_grow_for_ever(
    stage: Stage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 20_000)
    stage.called = replace(stage.called, max_calls=99)
    dialogs = Dialogs(path, Clock(stage.network))  # type: ignore[arg-type]
    call_id = call(stage)
    long = stage.call
    largest = 0
    for number in range(40):
        dialogs.changed(long, None)
        call(stage, f"192.0.3.{1 + number}")
        short = stage.call
        dialogs.changed(short, None)
        await dialogs.flush()
        await dialogs.flush()
        dialogs.over(short)
        largest = max(largest, path.stat().st_size)
    await dialogs.flush()
    assert kept(path) == [call_id]
    assert largest < 30_000


# A whole node that is killed and started again


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    yield


async def talking(node: Node) -> tuple[Phone, Phone, Response]:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    path = node.folder / "dialogs.jsonl"
    await until(lambda: path.exists() and path.stat().st_size, "the call to be on disk")
    return anna, bert, answer


async def killed(node: Node) -> list[Any]:
    """Kill it and start it again; returns what it logged."""
    await node.kill()
    with capture_logs() as logs:
        await node.start()
    return logs


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.usefixtures("quick")
async def test_a_bye_ends_both_legs_after_a_restart_and_the_call_is_recorded_once(
    node: Node, side: str
) -> None:
    anna, bert, answer = await talking(node)
    logs = await killed(node)
    assert [one["call_id"] for one in logs if one["event"] == "call.restored"] == [answer.call_id]
    await until(lambda: node.signalling.media.relay.sessions == 1, "the session to be adopted")
    for phone in (anna, bert):
        phone.respond(await phone.request("OPTIONS"), 200)
    (listed,) = node.signalling.list_calls()
    assert (listed["state"], listed["to"]) == ("answered", "202")
    # The line is in use: who calls now finds it busy.
    carl = await node.phone("carl")
    await carl.call("202")
    await carl.response("183")
    if side == "caller":
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        assert (await anna.final("BYE", 3)).code == 200
    else:
        invite = next(m for m in bert.heard if m.first_line.startswith("INVITE"))
        bert.send(
            bert.build(
                "BYE",
                str(invite.contact),
                call_id=invite.call_id,
                cseq=7,
                to=invite.get("from"),
                from_=f"{invite.get('to')};tag=tbert",
                tag="",
            ).replace(b";tag=tbert;tag=", b";tag=tbert")
        )
        anna.respond(await anna.request("BYE"), 200)
        assert (await bert.final("BYE", 7)).code == 200
    await until(lambda: node.signalling.media.relay.sessions == 1, "only carl's tone to be left")
    await node.stop()
    found = await node.store.calls()
    assert [(one.outcome, one.hung_up_by) for one in found if one.call_id == answer.call_id] == [
        ("answered", side)
    ]
    (record,) = (one for one in found if one.call_id == answer.call_id)
    assert record.called_user is not None and record.caller_number == "201"
    assert record.explanation[-1].startswith("Bert’s devices rang; bert answered after")
    # Nothing is kept of calls that are over.
    with capture_logs() as logs:
        await node.start()
    assert not [one for one in logs if one["event"].startswith("call.")]


@pytest.mark.usefixtures("quick")
async def test_a_call_with_bytes_that_are_not_utf8_goes_on_after_a_restart(node: Node) -> None:
    """As of older phones, which write Latin-1: in a Call-ID, and in a name in the route."""
    anna, bert = await node.phone("anna"), await node.phone("bert")
    call_id = await anna.call("202", call_id="caf\udce9-1")
    invite = await bert.request("INVITE")
    proxy = f'"Z\udcfcrich" <sip:{bert.address};lr>'
    bert.respond(invite, 200, headers=[("Record-Route", proxy)], body=sdp(bert.address))
    answer = await anna.response("200")
    anna.acknowledge(answer, "")
    await bert.request("ACK")
    path = node.folder / "dialogs.jsonl"
    await until(lambda: path.exists() and path.stat().st_size, "the call to be on disk")
    assert not [one for one in await killed(node) if one["event"] == "call.snapshot_dropped"]
    bert.respond(await bert.request("OPTIONS"), 200)
    anna.respond(await anna.request("OPTIONS"), 200)
    anna.hang_up(answer)
    assert (await anna.response("200")).call_id == call_id
    bye = await bert.request("BYE")
    assert bye.values("route") == [proxy]
    bert.respond(bye, 200)
    await until(lambda: not node.signalling.list_calls(), "the end")


@pytest.mark.usefixtures("quick")
async def test_a_side_that_knows_nothing_of_the_call_ends_it(node: Node) -> None:
    anna, bert, answer = await talking(node)
    await killed(node)
    bert.respond(await bert.request("OPTIONS"), 481)
    anna.respond(await anna.request("BYE"), 200)
    await node.stop()
    found = await node.store.call(answer.call_id)
    assert found is not None and found[0].hung_up_by == "callee (gone)"


async def test_sessions_of_calls_that_rang_are_deleted(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    await anna.call("202")
    await bert.request("INVITE")
    assert node.signalling.media.relay.sessions == 1
    logs = await killed(node)
    assert [one["sessions"] for one in logs if one["event"] == "relay.orphans_deleted"] == [1]
    assert node.signalling.media.relay.sessions == 0


async def test_rubbish_does_not_stop_the_start(node: Node) -> None:
    await node.kill()
    (node.folder / "dialogs.jsonl").write_bytes(b'rubbish\n{\n{"\\udc\n')
    with capture_logs() as logs:
        await node.start()
    assert len([one for one in logs if one["event"] == "call.snapshot_dropped"]) == 3
    await converse(await node.phone("anna"), await node.phone("bert"), "202")


@pytest.mark.usefixtures("quick")
async def test_a_call_by_a_transport_that_was_switched_off_meanwhile_is_left_out(node: Node) -> None:
    await talking(node)
    await node.kill()
    path = node.folder / "dialogs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"UDP"', b'"TCP"', 1))
    node.settings = node.settings.model_copy(
        update={"sip": node.settings.sip.model_copy(update={"tcp": None})}
    )
    with capture_logs() as logs:
        await node.start()
    (dropped,) = (one for one in logs if one["event"] == "call.snapshot_dropped")
    assert dropped["reason"] == "SIP over TCP is switched off"
    assert node.signalling.list_calls() == []
