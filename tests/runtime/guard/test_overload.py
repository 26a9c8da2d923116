from __future__ import annotations

import pytest

from b2bua.runtime.guard.overload import refusal
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Response, parse_message
from b2bua.sip.text.transport import Transport
from tests.sip.messages import FLOW, request, response_to


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS"])
def test_what_begins_something_is_refused_for_a_while(method: str) -> None:
    data = request(method)
    found = refusal(data, FLOW)
    assert found is not None
    answer = parse_message(found[0])
    assert isinstance(answer, Response)
    assert answer.code == 503
    assert int(answer.get("retry-after") or 0) > 0
    asked = parse_message(data)
    for name in ("via", "from", "call-id", "cseq"):
        assert answer.lines(name) == asked.lines(name)
    assert answer.to.tag
    assert refusal(data, FLOW) == found, "a repeated request gets the same tag"


def test_the_answer_goes_back_to_where_the_request_came_from() -> None:
    nat = Flow(Transport.UDP, FLOW.local, SocketAddress("198.51.100.9", 4242))
    found = refusal(request(via="SIP/2.0/UDP 192.0.2.9:5060;rport"), nat)
    assert found is not None
    assert found[1].remote == nat.remote
    assert b";received=198.51.100.9" in found[0]


@pytest.mark.parametrize("method", ["ACK", "BYE", "CANCEL", "INFO"])
def test_what_belongs_to_a_call_is_not_refused(method: str) -> None:
    assert refusal(request(method, to_tag="t"), FLOW) is None


def test_a_reinvite_and_a_response_are_not_refused() -> None:
    assert refusal(request(to_tag="t"), FLOW) is None
    assert refusal(response_to(request(), 200, "t"), FLOW) is None


@pytest.mark.parametrize(
    "data", [b"INVITE ", b"INVITE x SIP/2.0\r\n\r\n", b"\0" * 50, b"INVITE \xff\xff\r\n"]
)
def test_what_is_no_sip_is_not_answered(data: bytes) -> None:
    assert refusal(data, FLOW) is None
