"""What a request is refused with for what it is: each rule by itself, and what passes."""

from __future__ import annotations

import pytest

from b2bua.sip.inspection import MAX_CONTACTS, Objection, objection, opening_objection
from b2bua.sip.text.capabilities import ALLOW, ALLOW_EVENTS, METHODS
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request, parse_message
from tests.sip.messages import request
from tests.sip.wire import OFFER


def asked(method: str = "INVITE", **changes: object) -> Request:
    found = parse_message(request(method, **changes))  # type: ignore[arg-type]
    assert isinstance(found, Request)
    return found


def code(found: Objection | None) -> int | None:
    return None if found is None else found.code


@pytest.mark.parametrize("method", METHODS)
def test_what_we_allow_passes(method: str) -> None:
    assert objection(asked(method)) is None


@pytest.mark.parametrize(
    ("method", "refusal"),
    [("REFER", 405), ("MESSAGE", 405), ("PUBLISH", 405), ("NOTIFY", 481), ("FOO", 501), ("invite", 501)],
)
def test_other_methods(method: str, refusal: int) -> None:
    found = objection(asked(method))
    assert found is not None and found.code == refusal
    assert found.headers == (() if refusal == 481 else ALLOW)


@pytest.mark.parametrize(
    ("method", "required", "unsupported"),
    [
        ("INVITE", "100rel", None),
        ("INVITE", "timer, 100rel, Foo", "foo, timer"),
        ("INVITE", "path", "path"),
        ("REGISTER", "path", None),
    ],
)
def test_extensions_that_are_required(method: str, required: str, unsupported: str | None) -> None:
    found = objection(asked(method, headers=(("Require", required),)))
    expected = None if unsupported is None else Objection(420, (("Unsupported", unsupported),))
    assert found == expected


@pytest.mark.parametrize("method", ["BYE", "INFO", "PRACK", "UPDATE"])
def test_what_exists_only_in_a_dialog(method: str) -> None:
    assert code(opening_objection(asked(method))) == 481


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [((), None), ((("Max-Forwards", "1"),), None), ((("Max-Forwards", "0"),), 483)],
)
def test_a_call_that_may_go_no_further(headers: tuple[tuple[str, str], ...], refusal: int | None) -> None:
    data = request(body=OFFER)
    for name, value in headers:
        data = data.replace(b"Max-Forwards: 70", f"{name}: {value}".encode())
    found = parse_message(data)
    assert isinstance(found, Request)
    assert code(opening_objection(found)) == refusal


@pytest.mark.parametrize(
    ("event", "refusal"), [("message-summary", None), ("dialog", 489), ("presence", 489)]
)
def test_what_may_be_subscribed_to(event: str, refusal: int | None) -> None:
    found = opening_objection(asked("SUBSCRIBE", headers=(("Event", event),)))
    assert code(found) == refusal
    if found is not None:
        assert found.headers == ALLOW_EVENTS


def test_a_scheme_that_nobody_knows_is_said_first() -> None:
    with pytest.raises(BadMessage) as error:
        opening_objection(asked("OPTIONS", uri="nobody:knows"))
    assert error.value.code == 416


def test_contacts_of_a_register_are_looked_at_up_to_a_number() -> None:
    """What costs time before anybody has shown credentials is bounded."""
    good, bad = "<sip:a@192.0.2.1>", "<tel:+441632960001>"
    within = [good] * (MAX_CONTACTS - 1) + [bad]
    beyond = [good] * MAX_CONTACTS + [bad]
    with pytest.raises(BadMessage):
        opening_objection(asked("REGISTER", contact=", ".join(within)))
    assert opening_objection(asked("REGISTER", contact=", ".join(beyond))) is None
