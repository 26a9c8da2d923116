"""Dialogs: identity, the route set seen from both sides, strict routers, target refresh, sequence numbers."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.dialog import Dialog, dialog_of_request, dialog_of_response
from b2bua.sip.text.address import Address, parse_address
from b2bua.sip.text.draft import Draft
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.flow import SocketAddress
from b2bua.sip.text.message import Request, Response, parse_message
from b2bua.sip.text.uri import parse_uri
from tests.sip.messages import FLOW, request, response_to

ROUTES = (
    ("Record-Route", "<sip:p3.example;lr>, <sip:p2.example;lr>"),
    ("Record-Route", "<sip:p1.example;lr>"),
)
INVITE = Draft(
    "INVITE",
    "sip:202@192.0.2.9",
    (
        ("From", "<sip:a@b>;tag=us"),
        ("To", "<sip:c@d>"),
        ("Call-ID", "own"),
        ("CSeq", "1 INVITE"),
    ),
    "own",
)
LOCAL = parse_address("<sip:a@b>;tag=us")


def their_request(**changes: object) -> Request:
    message = parse_message(request(**changes))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def their_response(*headers: tuple[str, str], to_tag: str = "far") -> Response:
    sent = (
        "INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=us\r\nTo: <sip:c@d>\r\n"
        "Call-ID: own\r\nCSeq: 1 INVITE\r\n\r\n"
    )
    message = parse_message(response_to(sent.encode(), 200, to_tag, headers))
    assert isinstance(message, Response)
    return message


def lines(draft: Draft, name: str) -> list[str]:
    return [value for key, value in draft.headers if key == name]


def test_the_dialog_of_a_call_that_arrived() -> None:
    dialog = dialog_of_request(their_request(cseq=7, headers=ROUTES), "us", FLOW)
    assert dialog.id == ("call-1", "us") and dialog.remote_tag == "f1"
    assert str(dialog.target) == "sip:202@192.0.2.9:5060"
    assert dialog.remote_cseq == 7 and dialog.flow == FLOW
    draft = dialog.request("BYE", (("Reason", "x"),), b"body")
    assert draft.uri == "sip:202@192.0.2.9:5060" and draft.body == b"body"
    assert draft.header("From") == "<sip:201@ringplan.example>;tag=us"
    assert draft.header("To") == '"Bob" <sip:202@ringplan.example>;tag=f1'
    assert draft.header("Call-ID") == draft.call_id == "call-1"
    assert draft.header("Max-Forwards") == "70" and draft.header("Reason") == "x"
    # RFC 3261 §12.1.1: the UAS keeps the order of the Record-Route.
    assert lines(draft, "Route") == ["<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"]


def test_the_dialog_of_a_call_that_we_made() -> None:
    response = their_response(*ROUTES, ("Contact", "<sip:far@192.0.2.77:5070>"))
    dialog = dialog_of_response(INVITE, LOCAL, response, FLOW)
    assert dialog.id == ("own", "us") and dialog.remote_tag == "far"
    draft = dialog.request("BYE")
    assert draft.uri == "sip:far@192.0.2.77:5070"
    assert draft.header("From") == "<sip:a@b>;tag=us" and draft.header("To") == "<sip:c@d>;tag=far"
    # §12.1.2: the UAC reverses it.
    assert lines(draft, "Route") == ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]


def test_numbers_go_up_from_the_invite_and_an_ack_has_that_of_its_invite() -> None:
    dialog = dialog_of_response(INVITE, LOCAL, their_response(), FLOW)
    assert dialog.request("ACK", cseq=1).header("CSeq") == "1 ACK"
    assert dialog.request("INFO").header("CSeq") == "2 INFO"
    assert dialog.request("ACK", cseq=1).header("CSeq") == "1 ACK"
    assert dialog.request("BYE").header("CSeq") == "3 BYE"
    assert dialog_of_request(their_request(cseq=50), "us", FLOW).request("BYE").header("CSeq") == "1 BYE"


@pytest.mark.parametrize(
    "route",
    [
        "<sip:strict.example>",
        "<sip:strict.example>;lr",
        "<sip:strict.example;lrx>",
        "<sip:lr@strict.example>",
    ],
)
def test_a_strict_router_stands_in_the_request_uri(route: str) -> None:
    dialog = dialog_of_request(
        their_request(headers=(("Record-Route", f"{route}, <sip:loose.example;lr>"),)), "us", FLOW
    )
    draft = dialog.request("BYE")
    assert draft.uri == str(parse_address(route).uri)
    assert lines(draft, "Route") == ["<sip:loose.example;lr>", "<sip:202@192.0.2.9:5060>"]


def test_a_strict_routers_uri_loses_what_a_request_uri_may_not_have() -> None:
    dialog = dialog_of_request(
        their_request(headers=(("Record-Route", "<sip:strict.example;method=INVITE;x=1?Subject=a>"),)),
        "us",
        FLOW,
    )
    assert dialog.request("BYE").uri == "sip:strict.example;x=1"


@pytest.mark.parametrize("route", ["<sip:a.example;lr>", "<sip:a.example;LR>", "<sip:a.example;lr=on>"])
def test_loose_routers(route: str) -> None:
    dialog = dialog_of_request(their_request(headers=(("Record-Route", route),)), "us", FLOW)
    draft = dialog.request("BYE")
    assert draft.uri == "sip:202@192.0.2.9:5060" and lines(draft, "Route") == [route]


def test_a_contact_s_headers_and_method_stand_in_no_request_uri() -> None:
    contact = "<sip:a@192.0.2.9;method=BYE;x=1?Route=%3Csip:p.example%3E>"
    dialog = dialog_of_request(their_request(contact=contact), "us", FLOW)
    assert dialog.request("BYE").uri == "sip:a@192.0.2.9;x=1"
    strict = dialog_of_request(
        their_request(contact=contact, headers=(("Record-Route", "<sip:p.example>"),)), "us", FLOW
    )
    assert lines(strict.request("BYE"), "Route") == ["<sip:a@192.0.2.9;x=1>"]


def test_target_refresh() -> None:
    dialog = dialog_of_request(their_request(), "us", FLOW)
    moved = FLOW._replace(remote=SocketAddress("192.0.2.50", 5060))
    dialog.retarget(their_request(contact="<sip:202@192.0.2.50>"), moved)
    assert str(dialog.target) == "sip:202@192.0.2.50" and dialog.flow == moved
    dialog.retarget(their_request(contact=""), FLOW)
    assert str(dialog.target) == "sip:202@192.0.2.50" and dialog.flow == FLOW
    with pytest.raises(BadMessage):
        dialog.retarget(their_request(contact="<nonsense"), moved)
    assert str(dialog.target) == "sip:202@192.0.2.50" and dialog.flow == FLOW


@pytest.mark.behaviour("M9")
def test_without_contact_the_target_is_the_other_party() -> None:
    assert str(dialog_of_request(their_request(contact=""), "us", FLOW).target) == "sip:202@ringplan.example"
    assert str(dialog_of_response(INVITE, LOCAL, their_response(), FLOW).target) == "sip:c@d"


@pytest.mark.parametrize(
    "header", [("Record-Route", "<sip:p"), ("Record-Route", "<x:y>"), ("Contact", "<sip:x y>")]
)
def test_what_no_dialog_can_be_made_of(header: tuple[str, str]) -> None:
    with pytest.raises(BadMessage):
        dialog_of_response(INVITE, LOCAL, their_response(header), FLOW)
    with pytest.raises(BadMessage):
        dialog_of_request(their_request(contact="", headers=(header,)), "us", FLOW)


def test_peers_without_tags() -> None:
    dialog = Dialog("id", LOCAL, Address(parse_uri("sip:c@d")), parse_uri("sip:c@d"), FLOW)
    assert dialog.remote_tag == "" and dialog.request("BYE").header("To") == "<sip:c@d>"
