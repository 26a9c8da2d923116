from dataclasses import replace

import pytest

from b2bua.registrar.bindings import monotonic_time, wall_time
from b2bua.sip.text.address import parse_address
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from tests.registrar.device import FLOW, NAT, binding

UUID = '"<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"'


@pytest.mark.parametrize(
    ("q", "priority"),
    [
        ("", 1.0),
        (";q=0.5", 0.5),
        (";q=0", 0.0),
        (";q=7", 1.0),
        (";q=-1", 1.0),
        (";q=nan", 1.0),
        (";q=x", 1.0),
    ],
)
def test_priority(q: str, priority: float) -> None:
    assert binding(f"<sip:201@x>{q}").priority == priority


def test_what_tells_a_binding_from_others() -> None:
    numbered = binding(f"<sip:201@x>;+sip.instance={UUID};reg-id=2")
    assert numbered.instance == "<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"
    assert (numbered.registration, numbered.outbound) == ("2", True)
    assert numbered.key == "<urn:uuid:00000000-0000-1000-8000-001565aabbcc>;2"
    for contact in ("<sip:201@x>", f"<sip:201@x>;+sip.instance={UUID}", "<sip:201@x>;reg-id=1"):
        assert (binding(contact).key, binding(contact).outbound) == ("sip:201@x", False)


ONE, TWO = f"+sip.instance={UUID}", f"+sip.instance={UUID.replace('bbcc', 'bbcd')}"


@pytest.mark.parametrize(
    ("new", "old", "flow", "replaced"),
    [
        ("<sip:201@x>", "<sip:201@X>", FLOW, True),
        ("<sip:201@x>", "<sip:201@y>", FLOW, False),
        # The device's name alone decides nothing (RFC 5626 §6).
        (f"<sip:201@x>;{ONE}", f"<sip:201@y>;{ONE}", FLOW, False),
        (f"<sip:201@x>;{ONE}", f"<sip:201@x>;{TWO}", NAT, True),
        (f"<sip:201@x>;{ONE}", "<sip:201@x>", FLOW, True),
        ("<sip:201@x>", f"<sip:201@x>;{ONE};reg-id=1", FLOW, True),
        (f"<sip:201@x>;{ONE};reg-id=1", "<sip:201@y>", FLOW, False),
        # With reg-id it does.
        (f"<sip:201@x>;{ONE};reg-id=1", f"<sip:201@y>;{ONE};reg-id=1", NAT, True),
        (f"<sip:201@x>;{ONE};reg-id=1", f"<sip:201@y>;{ONE};reg-id=2", FLOW, False),
        # The same private address behind two NATs is two devices, and the same way to it is one.
        (f"<sip:201@x>;{ONE};reg-id=1", f"<sip:201@x>;{TWO};reg-id=1", NAT, False),
        (f"<sip:201@x>;{ONE};reg-id=1", f"<sip:201@x>;{TWO};reg-id=1", FLOW, True),
    ],
)
def test_which_binding_takes_the_place_of_which(new: str, old: str, flow: Flow, replaced: bool) -> None:
    assert binding(new).replaces(binding(old, flow=flow)) is replaced


def test_the_seconds_left_are_rounded_up_and_never_negative() -> None:
    one = binding("<sip:201@x>;q=0.5", expires_at=10.0)
    assert [one.expires_in(now) for now in (0.0, 0.1, 9.9, 10.0, 11.0)] == [10, 10, 1, 0, 0]
    assert one.contact_value(0.0) == "<sip:201@x>;q=0.5;expires=10"


def test_no_more_seconds_are_left_than_were_granted() -> None:
    now = 3975.2703117679716
    assert (now + 600.0) - now > 600.0, "as floats are"
    assert binding("<sip:201@x>", expires_at=now + 600.0).expires_in(now) == 600


def test_a_contact_survives_being_stored() -> None:
    one = binding(f"<sip:a%20b@x;ob>;+sip.instance={UUID};q=0.5;flag")
    again = parse_address(one.contact_text)
    assert (again.uri, again.params) == (one.contact, one.params)


def test_time_survives_a_restart() -> None:
    stored = wall_time(130.0, now=100.0, wall_now=1_700_000_000.0)
    assert stored == 1_700_000_030.0
    # Ten seconds later in another process, whose clock began anew.
    assert monotonic_time(stored, now=5.0, wall_now=1_700_000_010.0) == 25.0


def test_a_binding_without_its_connection_names_none() -> None:
    flow = Flow(
        Transport.TCP, SocketAddress("192.0.2.1", 5060), SocketAddress("192.0.2.7", 41000), connection=9
    )
    assert replace(binding("<sip:201@x>"), flow=flow).without_connection().flow == flow._replace(connection=0)
