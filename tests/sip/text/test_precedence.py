from __future__ import annotations

import pytest

from b2bua.sip.text.precedence import begins
from tests.sip.messages import request, response_to


@pytest.mark.parametrize(
    "method", ["INVITE", "OPTIONS", "SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER", "PUBLISH"]
)
def test_a_request_begins_something_unless_to_has_a_tag(method: str) -> None:
    assert begins(request(method))
    assert not begins(request(method, to_tag="t"))


def test_a_register_always_begins_something() -> None:
    assert begins(request("REGISTER"))
    assert begins(request("REGISTER", to_tag="t"))


@pytest.mark.parametrize("method", ["ACK", "BYE", "CANCEL", "INFO", "PRACK", "UPDATE"])
def test_what_belongs_to_a_call_begins_nothing(method: str) -> None:
    assert not begins(request(method))


def test_a_response_begins_nothing() -> None:
    assert not begins(response_to(request(), 200, "t"))


@pytest.mark.parametrize(
    "to", [b"t: <sip:a@b>;tag=1", b"TO\t:<sip:a@b> ; tag = 1", b'To: "x" <sip:a@b;x=1>;y;tag=1']
)
def test_every_way_to_write_the_tag_is_known(to: bytes) -> None:
    assert not begins(b"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>;tag=2\r\n" + to + b"\r\n\r\n")


def test_the_tag_of_from_and_of_other_headers_does_not_count() -> None:
    assert begins(
        b"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:c@d>;tag=2\r\nTo: <sip:a@b>\r\nRefer-To: <sip:x>;tag=1\r\n\r\n"
    )
