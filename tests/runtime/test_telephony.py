"""What requests outside a dialog mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from b2bua.sip.text.message import Response
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import converse, sdp


async def test_a_caller_is_challenged_whoever_the_call_is_for(node: Node) -> None:
    phone = await node.phone("anna", registered=False)
    for dialled in ("202", "299"):
        uri = f"sip:{dialled}@{node.address}"
        phone.send(
            phone.build("INVITE", uri, call_id=f"c-{dialled}", headers=[("Contact", phone.contact)], body=b"")
        )
        phone.acknowledge(await phone.response("401"), uri)
    assert not len(node.signalling.book)


async def test_an_invite_with_a_wrong_password_is_challenged_again_and_logged(node: Node) -> None:
    phone = await node.phone("anna", registered=False)
    phone.password = "wrong"
    with capture_logs() as logs:
        await phone.call("202")
        assert isinstance(await phone.expect("SIP/2.0 401"), Response)
    (refused,) = [one for one in logs if one["event"] == "auth.refused"]
    assert (refused["username"], refused["method"]) == ("anna", "INVITE")
    assert refused["source"] == f"{phone.address}:5060"
    assert "wrong" not in refused["source"]
    assert not len(node.signalling.book)


@pytest.mark.behaviour("I2")
async def test_a_caller_is_shown_by_extension_inside_its_customer(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    # What the phone says of itself does not matter (BEHAVIOUR I5).
    await anna.call("202", display="Nobody ", from_="<sip:999@elsewhere.example>")
    invite = await bert.request("INVITE")
    assert (invite.from_.uri.user, invite.from_.display) == ("201", "Anna")
    assert "999" not in repr(invite.headers)


@pytest.mark.behaviour("I2")
async def test_a_caller_is_shown_by_number_outside_its_customer(relay_socket: Path) -> None:
    keys = 'numbers = ["+441632960100"]'
    other = company("bert").replace("Acme Ltd", "Other Ltd").replace("960100", "960200")
    text = company("anna", keys=keys) + other
    text = text.replace("[customers.users.not_answered]", "[customers.users.not_answered]", 1)
    text = text.replace('extension = "202"', 'extension = "202"\nnumbers = ["+441632960200"]')
    async with running_node(relay_socket, text) as node:
        anna, bert = await node.phone("anna"), await node.phone("bert")
        await anna.call("01632960200")
        invite = await bert.request("INVITE")
        assert invite.from_.uri.user == "+441632960100"


@pytest.mark.behaviour("R8")
async def test_a_device_that_registers_while_a_call_waits_rings(relay_socket: Path) -> None:
    async with running_node(relay_socket, company(action="keep-ringing")) as node:
        anna = await node.phone("anna")
        await anna.call("202")
        await anna.response("180")
        bert = await node.phone("bert", registered=False)
        await bert.register()
        invite = await bert.request("INVITE")
        bert.respond(invite, 200, body=sdp(bert.address))
        await anna.response("200")


async def test_new_calls_are_refused_while_the_service_stops_and_others_go_on(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    answer = await converse(anna, bert, "202")
    node.signalling.telephony.draining = True
    carl = await node.phone("carl")
    carl.send(
        carl.build("INVITE", f"sip:202@{node.address}", call_id="late", headers=[("Contact", carl.contact)])
    )
    refused = await carl.response("503")
    assert int(refused.get("retry-after") or 0) > 0
    anna.hang_up(answer)
    bert.respond(await bert.request("BYE"), 200)
    await until(lambda: not len(node.signalling.book), "the end of the call")


async def test_what_is_no_sip_is_counted_and_logged_by_its_reason_alone(node: Node) -> None:
    phone = await node.phone("anna", registered=False)
    with capture_logs() as logs:
        phone.send(b"Authorization: secret " * 3)
        await until(lambda: node.signalling.telephony.refused == 1, "the refusal")
    (line,) = logs
    assert line["event"] == "sip.message_refused"
    assert line["size"] == 66
    assert "secret" not in repr(line)
