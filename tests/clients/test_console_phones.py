"""Debian's linphonec and twinkle-console: calls both ways, hold, keys both ways, voicemail, portal, and their 302.

The customer and Carol's phone are there for all tests of this file.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.phones import Company
from tests.clients.talking import (
    hear,
    hold_and_resume,
    is_held_and_resumed,
    is_sent_on,
    keys_arrive,
    leaves_a_message,
    seconds_of,
)
from tests.support.console_phone import ConsolePhone
from tests.support.linphone import Linphone, LinphoneInfo, NoWayOut, check_way_out
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.twinkle import Twinkle, TwinkleInfo
from tests.support.waiting import wait_for

PIN = "402917"
BOB = f"""
  voice_portal_pin = "{PIN}"

    [customers.users.not_answered]
    action = "voicemail"
    after = 0
"""
TONES = {Linphone: 440.0, Twinkle: 470.0}
"""What Alice's phone says, by its kind."""


@pytest.fixture(scope="module")
def company(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return Company(service, tmp_path_factory.mktemp("consoles"), BOB)


@pytest.fixture(scope="module")
def carols(company: Company) -> Iterator[Pjsua2Phone]:
    with company.phone(Pjsua2Phone, "carol", 620) as phone:
        yield phone


@pytest.fixture
def carol(carols: Pjsua2Phone) -> Pjsua2Phone:
    """Her phone, with nothing of earlier calls."""
    carols.forget()
    return carols


@pytest.fixture(params=[Linphone, pytest.param(Twinkle, marks=pytest.mark.quiet)])
def alice(request: pytest.FixtureRequest, company: Company) -> Iterator[ConsolePhone]:
    """Each test has a phone of its own: Twinkle sometimes hangs when it hangs up."""
    with company.phone(request.param, "alice", TONES[request.param]) as phone:
        yield phone


@pytest.mark.behaviour("R9", "M5")
def test_it_calls_presses_keys_and_is_heard_again_after_it_held(
    alice: ConsolePhone, carol: Pjsua2Phone
) -> None:
    says = TONES[type(alice)]
    assert "\nAuthorization:" in alice.logged()
    alice.dial("203")
    carol.answer()
    alice.wait_talking()
    alice.send_digits("1#")
    keys_arrive("1#", carol)
    hear(0.7, alice, carol)
    is_held_and_resumed(alice, carol)
    resumed = alice.recorded_seconds()
    hear(0.8, alice, carol)
    alice.hang_up()
    alice.wait_ended()
    carol.wait_ended()
    heard = alice.heard()
    assert seconds_of(620, heard.between(0, resumed)) > 0.5
    assert seconds_of(620, heard.between(resumed, heard.seconds)) > 0.4
    heard = carol.heard()
    assert seconds_of(says, heard) > 0.8
    assert seconds_of(says, heard.between(heard.seconds - 0.7, heard.seconds)) > 0.3


@pytest.mark.behaviour("R9", "M5")
def test_it_is_called_held_and_told_of_keys(alice: ConsolePhone, carol: Pjsua2Phone) -> None:
    carol.dial("201")
    alice.answer()
    carol.wait_talking()
    hear(0.4, alice, carol)
    carol.send_digits("7*")
    keys_arrive("7*", alice)
    said = len(alice.logged())
    hold_and_resume(
        carol, lambda: wait_for(lambda: "\na=sendonly" in alice.logged()[said:], 10, "the hold to be told")
    )
    resumed = alice.recorded_seconds()
    hear(1.0, alice, carol)
    carol.hang_up()
    alice.wait_ended()
    heard = alice.heard()
    assert seconds_of(620, heard.between(resumed, heard.seconds)) > 0.5
    assert seconds_of(TONES[type(alice)], carol.heard()) > 0.6


@pytest.mark.behaviour("D8")
def test_it_sends_a_call_on(alice: ConsolePhone, carol: Pjsua2Phone, company: Company) -> None:
    with company.phone(Pjsua2Phone, "bob", 850) as bob:
        is_sent_on(bob, "201", alice, "203", carol, 850, 620)


@pytest.mark.behaviour("V2")
def test_it_leaves_a_message(alice: ConsolePhone, company: Company, service: Service) -> None:
    leaves_a_message(alice, "202", TONES[type(alice)], service, company)


@pytest.mark.behaviour("W1")
@pytest.mark.parametrize("kind", [LinphoneInfo, pytest.param(TwinkleInfo, marks=pytest.mark.quiet)])
def test_keys_by_info_arrive_and_open_the_portal(
    kind: type[ConsolePhone], company: Company, carol: Pjsua2Phone, service: Service
) -> None:
    """The PIN follows the answer at once. Linphone sends its first key, and six seconds later the others in a burst."""
    with company.phone(kind, "bob", 500) as bob:
        bob.dial("203")
        carol.answer()
        bob.wait_talking()
        bob.send_digits("1")
        keys_arrive("1", carol)
        bob.hang_up()
        bob.wait_ended()
        since = len(service.lines)
        bob.dial("1571")
        bob.wait_talking()
        bob.send_digits(PIN)
        wait_for(lambda: service.events("portal.opened", since), 20, "the portal to open")
        bob.hang_up()
        bob.wait_ended()
        assert bob.logged().count("\nINFO sip:") >= len(PIN)


def test_without_a_way_out_linphone_is_not_even_tried() -> None:
    with pytest.raises(NoWayOut, match="an interface that is not loopback"):
        check_way_out("127.0.0.1")
