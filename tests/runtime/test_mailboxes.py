"""The link to the media host: while it is away calls go on without it, and it is found again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from media.protocol import CountsChanged, SessionEnded, SessionLost
from media.scripts.script import Why
from tests.runtime.node import Node, until
from tests.runtime.records.test_callbook import recorded


def seen(logs: list[Any], event: str) -> bool:
    return any(one["event"] == event for one in logs)


async def test_a_reservation_says_who_calls_whom_and_why(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    call_id = await anna.call("203")
    asked = await node.media.asked("reserve")
    assert asked["service"] == "deposit"
    assert asked["occasion"] == "no-answer"
    assert asked["call_id"] == call_id
    assert asked["extension"] == "203"
    assert asked["caller"] == {"number": "201", "name": "Anna", "withheld": False}
    invite = await node.media.worker.request("INVITE")
    assert invite.get("x-session") == asked["session"]
    assert (await anna.response("200")).body


@pytest.mark.parametrize("call_id", ["odd-\udcff", "long-" + "\udcff" * 50_000], ids=["no text", "long"])
async def test_no_call_id_costs_the_link(node: Node, call_id: str) -> None:
    """Whoever may call chooses it, and the link has the calls of all other mailboxes."""
    assert node.media is not None
    anna = await node.phone("anna")
    with capture_logs() as logs:
        await anna.call("203", call_id=call_id)
        asked = await node.media.asked("reserve")
    assert asked["call_id"] == call_id.replace("\udcff", "\N{REPLACEMENT CHARACTER}")
    assert (await anna.response("200")).body
    assert not seen(logs, "media.gone")


@pytest.mark.behaviour("W1", "B1")
@pytest.mark.parametrize("dialled", ["1571", "%2A1571", "*1571", "1411571"])
async def test_an_access_code_asks_for_the_own_portal(node: Node, dialled: str) -> None:
    assert node.media is not None
    anna, bert = await node.phone("anna"), await node.phone("bert")
    call_id = await anna.call(dialled)
    asked = await node.media.asked("reserve")
    assert (asked["service"], asked["occasion"], asked["call_id"]) == ("portal", None, call_id)
    mine = {user.email: user.id for user in (await node.store.directory("ringplan")).users}
    assert asked["mailbox"] == mine["anna@acme.example"]
    answer = await anna.response("200")
    anna.acknowledge(answer, "")
    (live,) = node.signalling.list_calls()
    assert live["state"] == "portal"
    # Whoever is in the own portal can be called, though one call is all that the line takes.
    await bert.call("201")
    anna.respond(await anna.request("INVITE"), 486)
    with capture_logs() as logs:
        anna.hang_up(answer)
        node.media.tell(SessionEnded(asked["session"], Why.HANGUP))
        await until(lambda: seen(logs, "call.ended"), "the end")
        await until(lambda: node.signalling.book.with_mailbox(asked["session"]) is None, "the record")


@pytest.mark.behaviour("W1")
@pytest.mark.parametrize("why", ["full", "away"])
async def test_a_portal_that_cannot_answer_is_a_503(node: Node, why: str) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    if why == "full":
        node.media.full = True
    else:
        with capture_logs() as logs:
            node.media.die()
            await until(lambda: seen(logs, "media.gone"), "the end of the host")
    await anna.call("1571")
    assert (await anna.response("503")).get("reason") == "Q.850;cause=41"


@pytest.mark.behaviour("W1", "W5")
async def test_a_visit_to_the_portal_outlives_signalling_and_a_worker(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    call_id = await anna.call("1571")
    token = (await node.media.asked("reserve"))["session"]
    answer = await anna.response("200")
    anna.acknowledge(answer, "")
    path = node.folder / "dialogs.jsonl"
    await until(lambda: path.exists() and token in path.read_text(), "the snapshot")
    await node.kill()
    await node.signalling.writer.flush()
    await node.start()
    # Both sides are asked whether they know the call.
    anna.respond(await anna.request("OPTIONS"), 200)
    node.media.worker.respond(await node.media.worker.request("OPTIONS"), 200)
    anna.info(answer, "7", cseq=3)
    assert (await node.media.asked("digit"))["digit"] == "7"
    node.media.tell(SessionLost(token))
    assert (await node.media.asked("resume"))["session"] == token
    await until(lambda: node.signalling.list_calls()[0]["state"] == "portal", "the next worker")
    anna.hang_up(answer, cseq=4)
    node.media.tell(SessionEnded(token, Why.HANGUP))
    await until(lambda: not len(node.signalling.book), "the end of the call")
    record, _ = await recorded(node, call_id)
    assert (record.outcome, record.rule, record.called_user) == ("portal", "portal", None)
    assert [step["do"] for step in record.steps] == ["portal"]
    assert record.explanation[-1] == "The voice portal of Anna answered."


async def test_a_full_media_host_means_the_plans_next_step(node: Node) -> None:
    assert node.media is not None
    node.media.full = True
    anna = await node.phone("anna")
    with capture_logs() as logs:
        await anna.call("203")
        await anna.response("480")
    assert seen(logs, "media.refused")


async def test_while_the_host_is_away_calls_get_the_next_step_and_then_mailboxes_again(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    uri = f"sip:203@{node.address}:5060"
    with capture_logs() as logs:
        node.media.die()
        await until(lambda: seen(logs, "media.gone"), "the end of the host")
        await anna.call("203")
        anna.acknowledge(await anna.response("480"), uri)
        await node.media.listen()
        await until(lambda: seen(logs, "media.connected"), "the host to be found again")
    await anna.call("203")
    assert (await node.media.asked("reserve"))["do"] == "reserve"
    anna.acknowledge(await anna.response("200"), uri)
    # The new connection tells its events too.
    node.media.tell(CountsChanged(1, 4, 0))
    await until(lambda: any(b"4/0" in message.body for message in anna.heard), "the lamp")


async def test_a_call_in_a_mailbox_ends_when_the_host_goes_and_others_go_on(node: Node) -> None:
    assert node.media is not None
    anna, bert = await node.phone("anna"), await node.phone("bert")
    await anna.call("203")
    anna.acknowledge(await anna.response("200"), "")
    carl = await node.phone("carl")
    await bert.call("203")
    await carl.request("INVITE")
    node.media.die()
    await anna.request("BYE")
    await until(lambda: len(node.signalling.book) == 1, "the end of that call alone")


async def test_a_session_lost_is_resumed_and_one_that_no_call_knows_released(node: Node) -> None:
    assert node.media is not None
    anna = await node.phone("anna")
    await anna.call("203")
    token = (await node.media.asked("reserve"))["session"]
    anna.acknowledge(await anna.response("200"), "")
    await node.media.worker.request("ACK")
    await node.media.worker.request("INVITE")
    node.media.tell(SessionLost(token))
    assert (await node.media.asked("resume"))["session"] == token
    assert (await node.media.worker.request("INVITE")).get("x-session") == token
    node.media.tell(SessionLost("unheardof"))
    assert (await node.media.asked("release"))["session"] == "unheardof"
    assert len(node.signalling.book) == 1


async def test_a_fault_of_ours_at_an_event_does_not_cost_the_connection(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert node.media is not None
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))
    with monkeypatch.context() as patch, capture_logs() as logs:

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        patch.setattr(node.signalling.message_waiting, "counts_changed", fail)
        node.media.tell(CountsChanged(1, 1, 0))
        await until(lambda: told, "the fault")
    assert not seen(logs, "media.gone")
    anna = await node.phone("anna")
    node.media.tell(CountsChanged(1, 5, 0))
    await until(lambda: any(b"5/0" in message.body for message in anna.heard), "the next event")
