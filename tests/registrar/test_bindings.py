from dataclasses import replace

import pytest

from b2bua.registrar.bindings import monotonic_time, wall_time
from b2bua.sip.address import parse_address
from b2bua.sip.flow import Flow, Hop
from tests.registrar.device import binding

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


def test_what_names_a_device() -> None:
    named = binding(f"<sip:201@x>;+sip.instance={UUID};reg-id=2")
    assert named.instance == "<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"
    assert named.registration == "2"
    assert named.key == "<urn:uuid:00000000-0000-1000-8000-001565aabbcc>;2"
    assert (binding("<sip:201@x>").instance, binding("<sip:201@x>").key) == ("", "sip:201@x")


def test_a_device_without_a_name_is_known_by_its_contact() -> None:
    plain, named = binding("<sip:201@x>"), binding(f"<sip:201@x>;+sip.instance={UUID}")
    assert plain.replaces(binding("<sip:201@X>"))
    assert plain.replaces(named)
    assert named.replaces(plain)
    assert not plain.replaces(binding("<sip:201@y>"))


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


@pytest.mark.parametrize(
    ("contact", "port"), [("<sip:201@192.0.2.7:5062;transport=tcp>", 5062), ("<sip:201@192.0.2.7>", 5060)]
)
def test_without_its_connection_a_device_is_reached_at_its_contact(contact: str, port: int) -> None:
    flow = Flow("TCP", Hop("192.0.2.1", 5060), Hop("192.0.2.7", 41000), connection=9)
    lost = replace(binding(contact), flow=flow).without_connection()
    assert lost is not None
    assert lost.flow == Flow("TCP", Hop("192.0.2.1", 5060), Hop("192.0.2.7", port), connection=0)


@pytest.mark.parametrize(
    "contact", ["<sip:201@192.168.1.7>", "<sip:201@phone.example>", "<sips:201@192.0.2.7>"]
)
def test_without_its_connection_a_device_elsewhere_than_its_contact_is_not_reached(contact: str) -> None:
    flow = Flow("TCP", Hop("192.0.2.1", 5060), Hop("192.0.2.7", 41000), connection=9)
    assert replace(binding(contact), flow=flow).without_connection() is None
