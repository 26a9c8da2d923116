from __future__ import annotations

from b2bua.registrar.known import Known
from b2bua.sip.text.flow import SocketAddress

PHONE, OTHER_PORT, ELSEWHERE = (
    SocketAddress("192.0.2.9", 5060),
    SocketAddress("192.0.2.9", 5062),
    SocketAddress("192.0.2.10", 5060),
)


def test_who_was_met_is_known_until_then_by_address_and_port() -> None:
    known = Known()
    known.met(PHONE, 100.0, 0.0)
    assert known.knows(PHONE, 99.9)
    assert not known.knows(OTHER_PORT, 0.0)
    assert not known.knows(ELSEWHERE, 0.0)
    assert not known.knows(PHONE, 100.0)


def test_the_address_is_known_too() -> None:
    known = Known()
    known.met(PHONE, 100.0, 0.0)
    assert known.knows_host(PHONE.host, 99.9)
    assert not known.knows_host(ELSEWHERE.host, 0.0)


def test_a_shorter_time_takes_nothing_away() -> None:
    known = Known()
    known.met(PHONE, 100.0, 0.0)
    known.met(PHONE, 50.0, 0.0)
    assert known.knows(PHONE, 99.0)


def test_who_is_forgotten_is_not_known() -> None:
    known = Known()
    known.met(PHONE, 100.0, 0.0)
    known.forget(PHONE)
    known.forget(ELSEWHERE)
    assert not known.knows(PHONE, 0.0)


def test_of_too_many_those_met_longest_ago_go() -> None:
    known = Known(most=10)
    known.met(PHONE, 100.0, 0.0)
    for port in range(1, 10):
        known.met(SocketAddress("192.0.2.1", port), 100.0, 0.0)
    known.met(PHONE, 100.0, 0.0)
    for port in range(10, 15):
        known.met(SocketAddress("192.0.2.1", port), 100.0, 0.0)
    assert len(known) == 10
    assert known.knows(PHONE, 0.0)
    assert not known.knows(SocketAddress("192.0.2.1", 5), 0.0)
    assert known.knows(SocketAddress("192.0.2.1", 14), 0.0)


def test_whose_time_is_over_takes_no_room() -> None:
    known = Known()
    for port in range(1, 101):
        known.met(SocketAddress("192.0.2.1", port), 100.0 + port, 0.0)
    known.met(PHONE, 300.0, 150.0)
    assert len(known) == 51
    known.met(PHONE, 300.0, 299.0)
    assert len(known) == 1
    known.met(PHONE, 300.0, 400.0)
    assert len(known) == 0
