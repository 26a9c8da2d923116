"""Phones behind Kamailio, which puts itself in their way by Path and Record-Route (RFC 3327).

Kamailio, the customer and Carol's phone behind it are there for all tests of this file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.phones import Company
from tests.clients.talking import (
    hear,
    hold_and_resume,
    is_sent_on,
    leaves_a_message,
    seconds_of,
    talk_press_keys_and_hold,
)
from tests.support.baresip import Baresip
from tests.support.edge import Edge
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def edge(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with Edge(tmp_path_factory.mktemp("edge") / "kamailio", service.sip) as running:
        yield running


@pytest.fixture(scope="module")
def company(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(service, tmp_path_factory.mktemp("edge"))


@pytest.fixture(scope="module")
def behind(edge: Edge) -> type[Pjsua2Phone]:
    """A phone of which everything goes through Kamailio."""

    class Pjsua2Behind(Pjsua2Phone):
        outbound = f"sip:{edge.sip[0]}:{edge.sip[1]};lr"

    return Pjsua2Behind


@pytest.fixture(scope="module")
def carol(company: Company, behind: type[Pjsua2Phone]) -> Iterator[Pjsua2Phone]:
    with company.phone(behind, "carol", 620) as phone:
        yield phone


@pytest.mark.behaviour("R9", "M5")
def test_a_phone_behind_kamailio_is_called_through_it(
    edge: Edge, service: Service, company: Company, carol: Pjsua2Phone
) -> None:
    """One of another make."""

    class BaresipBehind(Baresip):
        outbound = f"sip:{edge.sip[0]}:{edge.sip[1]}"

    with (
        company.phone(Pjsua2Phone, "bob", 850) as bob,
        company.phone(BaresipBehind, "alice", 440) as alice,
    ):
        source = {each["username"]: each["source"] for each in service.registrations()}
        through = f"{edge.sip[0]}:{edge.sip[1]}"
        assert [source[company.account(user)] for user in ("alice", "carol")] == [through] * 2
        bob.dial("201")
        alice.answer()
        bob.wait_talking()
        hear(0.7, bob, alice)
        hold_and_resume(
            bob,
            lambda: wait_for(
                lambda: "a=inactive" in alice.output() or "a=sendonly" in alice.output(), 10, "the hold"
            ),
        )
        bob.send_digits("14#")
        wait_for(lambda: alice.digits() == "14#", 10, "the digits")
        alice.send_digits("7")
        wait_for(lambda: bob.digits() == "7", 10, "the digit")
        bob.hang_up()
        alice.wait_ended()
        assert seconds_of(440, bob.heard()) > 0.8 and seconds_of(850, alice.heard()) > 0.4


@pytest.mark.behaviour("R9", "M5")
def test_a_phone_behind_kamailio_calls_one_that_is_not(company: Company, carol: Pjsua2Phone) -> None:
    with company.phone(Pjsua2Phone, "alice", 850) as alice:
        talk_press_keys_and_hold(carol, "201", alice, 620, 850)


@pytest.mark.behaviour("V2")
def test_a_phone_behind_kamailio_leaves_a_message(
    carol: Pjsua2Phone, company: Company, service: Service
) -> None:
    leaves_a_message(carol, "202", 620, service, company)


@pytest.mark.behaviour("D8", "R9")
def test_a_phone_behind_kamailio_sends_a_call_on_to_another_behind_it(
    carol: Pjsua2Phone, company: Company, behind: type[Pjsua2Phone]
) -> None:
    with (
        company.phone(Pjsua2Phone, "bob", 850) as bob,
        company.phone(behind, "alice", 440) as alice,
    ):
        is_sent_on(bob, "203", carol, "201", alice, 850, 440)
