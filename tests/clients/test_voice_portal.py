"""Real phones call the voice portal: what they hear there, who gets in, and what the lamp shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from media.scripts.spoken import en
from tests.clients.listening import GLIDE_FROM, Listener, glide, glide_position, in_order, tones
from tests.clients.phones import Company, Phone
from tests.stories.story import COMMON
from tests.support.addresses import fresh_address
from tests.support.baresip import Baresip
from tests.support.meter import Sound
from tests.support.pjsua2_phone import Pjsua2InfoPhone, Pjsua2Phone
from tests.support.recognise import voice
from tests.support.service import Service
from tests.support.sipp import Sipp
from tests.support.waiting import wait_for

pytestmark = pytest.mark.quiet

KEY = """\
  <send retrans="500">
    <![CDATA[
INFO [next_url] SIP/2.0
Via: SIP/2.0/[transport] [here];branch=[branch];rport
[routes]
From: "[user]" <sip:[user]@[remote_ip]>;tag=[pid]a[call_number]
To:[$peer]
Call-ID: [call_id]
CSeq: {cseq} INFO
Max-Forwards: 70
Content-Type: application/dtmf-relay
Content-Length: [len]

Signal={digit}
Duration=160
    ]]>
  </send>
  <recv response="200"/>
"""
PAUSE = '  <pause milliseconds="{}"/>\n'
PIN, NEW_PIN = "402917", "835206"
BOB = """
  voice_portal_pin = "{pin}"

    [customers.users.not_answered]
    action = "voicemail"
    after = 0
"""
GLIDING = GLIDE_FROM, 2000.0
LONDON = ZoneInfo("Europe/London")
CUT_WITHIN = 0.5
"""Seconds from a key to silence."""


def bob(pin: str = PIN) -> str:
    return BOB.replace("{pin}", pin)


@contextmanager
def leaving_a_message(phone: Pjsua2Phone, number: str) -> Iterator[None]:
    """A caller who skips the greeting, and speaks until the end of the block."""
    phone.dial(number)
    phone.wait_talking()
    phone.wait_heard(0.5)
    phone.send_digits("#")
    Listener(phone).hears("beep")
    yield
    phone.hang_up()
    phone.wait_ended()


def enter(phone: Phone, pin: str = PIN) -> Listener:
    """Call the portal and key the PIN as soon as it is asked for."""
    phone.dial("1571")
    phone.wait_talking()
    listener = Listener(phone)
    listener.hears("enter-pin")
    phone.send_digits(pin)
    return listener


def guessing(folder: Path, *pins: str) -> Path:
    """A SIPp scenario: a call in which these PINs are keyed by SIP INFO, until the other side hangs up."""
    keys = PAUSE.format(2500)
    for number, digit in enumerate("".join(pins)):
        keys += PAUSE.format(1500 if number and number % 6 == 0 else 40)
        keys += KEY.format(cseq=number + 3, digit=digit)
    call = (COMMON / "call_until_bye.xml").read_text()
    scenario = folder / "guessing.xml"
    scenario.write_text(call.replace('  <recv request="BYE"/>', f'{keys}  <recv request="BYE"/>'))
    return scenario


def spoken_time(message: dict[str, object]) -> list[str]:
    received = datetime.fromisoformat(str(message["received"]))
    return list(en.received(received, received, LONDON))


def jumps(sound: Sound) -> list[tuple[float, float]]:
    """Each time the sound of a message jumped: by how many seconds, and how far from where it was first heard."""
    heard = [(at, glide_position(hertz)) for at, hertz in tones(sound)]
    return [
        (jump, there - heard[0][1])
        for (before, here), (after, there) in pairwise(heard)
        if abs(jump := there - after - here + before) > 1
    ]


@pytest.mark.behaviour("W5", "V4")
def test_a_message_is_heard_here_and_there_and_saved(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path, bob())
    with company.phone(Pjsua2Phone, "alice", glide()) as alice, leaving_a_message(alice, "202"):
        alice.wait_heard(alice.recorded_seconds() + 12)
    (message,) = company.mailbox("bob")
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        listener = enter(phone)
        listener.hears("you-have", "main-menu")
        phone.send_digits("1")
        listener.hears("message-new", "extension")
        listener.hears_tone(1.5, *GLIDING)
        phone.send_digits("6")
        listener.hears_tone(1.2, *GLIDING)
        phone.send_digits("4")
        listener.hears_tone(1.2, *GLIDING)
        phone.send_digits("1")
        listener.hears_tone(1.2, *GLIDING)
        phone.send_digits("2")
        listener.hears("message-saved", "no-more-messages", "main-menu")
        phone.send_digits("8")
        listener.hears("not-possible", "main-menu")
        phone.send_digits("#")
        phone.wait_ended()
        heard, keyed = phone.heard(), phone.pressed(PIN)
        wait_for(lambda: phone.lamps() == ["1/0", "0/1"], 10, "the lamp")
    in_order(
        [
            *(
                "enter-pin",
                "you-have",
                "digit-1",
                "message-new",
                "and",
                "no",
                "saved",
                "messages",
                "main-menu",
            ),
            *("message-new", *spoken_time(message), "from", "extension", "digit-2", "digit-0", "digit-1"),
            *("message-saved", "no-more-messages", "main-menu", "not-possible", "main-menu", "goodbye"),
        ],
        heard,
    )
    (forward, _), (back, _), (_, again) = jumps(heard)
    assert forward == pytest.approx(5, abs=0.6)
    assert back == pytest.approx(-5, abs=0.6)
    assert again == pytest.approx(0, abs=0.6), "from its start"
    asked = voice().heard(heard)[0]
    assert asked.phrase == "enter-pin"
    assert asked.end - keyed < CUT_WITHIN, "a key cuts the prompt short"


@pytest.mark.behaviour("W5", "V4", "A3")
def test_messages_are_deleted_restored_and_skipped(service: Service, tmp_path: Path) -> None:
    """One is from a colleague who withholds, the other from somebody outside."""
    company = Company(service, tmp_path, bob())
    (tmp_path / "other").mkdir()
    other = Company(service, tmp_path / "other")
    with (
        company.phone(Pjsua2Phone, "carol", 1200) as carol,
        other.phone(Pjsua2Phone, "alice", 1400) as dave,
        leaving_a_message(carol, f"141{company.number('bob')}"),
        leaving_a_message(dave, company.number("bob")),
    ):
        dave.wait_heard(dave.recorded_seconds() + 2.5)
    of_carol, of_dave = company.mailbox("bob")
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        listener = enter(phone)
        listener.hears("you-have", "main-menu")
        phone.send_digits("1")
        listener.hears("message-new", "withheld-number")
        listener.hears_tone(0.6, 1190, 1210)
        phone.send_digits("3")
        listener.hears("message-deleted")
        phone.send_digits("5")
        listener.hears("message-restored", "message-new")
        phone.send_digits("#")
        listener.hears("message-new")
        listener.hears_tone(0.6, 1390, 1410)
        phone.send_digits("2")
        listener.hears("message-saved", "no-more-messages")
        phone.send_digits("2")
        listener.hears("message-saved-one")
        phone.send_digits("3")
        listener.hears("message-deleted", "no-more-messages")
        phone.hang_up()
        phone.wait_ended()
        heard = phone.heard()
        lamps = ["2/0", "1/0", "2/0", "1/1", "1/0"]
        wait_for(lambda: phone.lamps() == lamps, 10, f"the lamp: {lamps}")
    assert [one["message"] for one in company.mailbox("bob")] == [of_carol["message"]]
    number = str(of_dave["number"]).replace("+44", "0")
    in_order(
        [
            *("enter-pin", "you-have", "digit-2", "new", "messages", "and", "no", "saved", "messages"),
            *(
                "message-new",
                *spoken_time(of_carol),
                "withheld-number",
                "message-deleted",
                "message-restored",
            ),
            *("message-new", *spoken_time(of_dave), "from", *(f"digit-{digit}" for digit in number)),
            *("message-saved", "no-more-messages", "message-deleted", "no-more-messages"),
        ],
        heard,
    )


@pytest.mark.behaviour("W1", "W5", "V4")
@pytest.mark.parametrize("kind", [Baresip, Pjsua2InfoPhone], ids=lambda kind: kind.__name__)
def test_keys_of_every_kind_open_the_portal(
    kind: type[Baresip | Pjsua2InfoPhone], service: Service, tmp_path: Path
) -> None:
    """RFC 4733 of another make, and SIP INFO. Who hangs up while a message is heard leaves it a new one."""
    company = Company(service, tmp_path, bob())
    with company.phone(Pjsua2Phone, "alice", 440) as alice, leaving_a_message(alice, "202"):
        alice.wait_heard(alice.recorded_seconds() + 3)
    with company.phone(kind, "bob", 600) as phone:
        listener = enter(phone)
        listener.hears("you-have", "main-menu")
        phone.send_digits("1")
        listener.hears("message-new")
        listener.hears_tone(0.6, 430, 450)
        phone.hang_up()
        if isinstance(phone, Pjsua2InfoPhone):
            assert phone.sent("INFO") == len(PIN) + 1
    assert [message["state"] for message in company.mailbox("bob")] == ["new"]


@pytest.mark.behaviour("W1", "W2")
def test_without_a_pin_the_portal_says_so_and_others_pins_open_nothing(
    service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path, bob(""))
    began = len(service.lines)
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        phone.dial("1571")
        phone.wait_ended()
        assert voice().phrases(phone.heard())[0] == "no-pin"
    company.configure(bob())
    with company.phone(Pjsua2Phone, "carol", 600) as phone:
        enter(phone).hears("pin-wrong")
    assert not service.events("portal.opened", began)


@pytest.mark.behaviour("W4")
def test_five_wrong_pins_lock_the_portal_until_a_new_pin_is_set(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path, bob())
    began = len(service.lines)

    def refusals() -> list[str]:
        return [event["reason"] for event in service.events("portal.refused", began)]

    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        listener = enter(phone, "900001")
        listener.hears("pin-wrong")
        phone.send_digits("900002")
        listener.hears("pin-wrong")
        phone.send_digits("900003")
        listener.hears("too-many-tries")
        phone.wait_ended()
        listener = enter(phone, "900004")
        listener.hears("pin-wrong")
        phone.send_digits("900005")
        listener.hears("pin-wrong")
        phone.send_digits(PIN)
        listener.hears("pin-locked")
        phone.wait_ended()
        assert refusals() == ["wrong"] * 5 + ["locked"]
        phone.dial("1571")
        phone.wait_ended()
        assert voice().phrases(phone.heard())[0] == "pin-locked"
    with company.phone(Pjsua2Phone, "alice", 440) as alice, leaving_a_message(alice, "202"):
        alice.wait_heard(alice.recorded_seconds() + 2)
    company.configure(bob(NEW_PIN))
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        listener = enter(phone, PIN)
        listener.hears("pin-wrong")
        phone.send_digits(NEW_PIN)
        listener.hears("you-have", "main-menu")
    assert len(company.mailbox("bob")) == 1


@pytest.mark.behaviour("W4")
def test_of_the_pins_that_ten_calls_guess_at_once_five_are_looked_at(
    service: Service, tmp_path: Path
) -> None:
    """Thirty guesses by SIP INFO lock out the right PIN too, in a call that was there before."""
    company = Company(service, tmp_path, bob())
    began = len(service.lines)
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        phone.dial("1571")
        phone.wait_talking()
        guesses = Sipp(
            guessing(tmp_path, "900001", "900002", "900003"),
            tmp_path / "guesses",
            fresh_address(),
            service.sip,
            calls=10,
            service="1571",
            user=company.account("bob"),
            password=company.password,
        )
        guesses.finish(30)
        phone.send_digits(PIN)
        Listener(phone).hears("pin-locked")
        phone.wait_ended()
    refusals = [event["reason"] for event in service.events("portal.refused", began)]
    assert refusals.count("wrong") == 5
    assert refusals.count("locked") > 5
    assert len(service.events("portal.locked", began)) == 1
    assert not service.events("portal.opened", began)
    with closing(sqlite3.connect(f"file:{service.data}/ringplan.db?mode=ro", uri=True)) as database:
        user = service.events("portal.locked", began)[0]["user"]
        query = "SELECT failures FROM pin_attempts WHERE user_id = ?"
        assert database.execute(query, (user,)).fetchall() == [(5,)]


@pytest.mark.behaviour("W3", "W5")
def test_the_pin_is_changed_by_telephone(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path, bob())
    with company.phone(Pjsua2Phone, "bob", 600) as phone:
        listener = enter(phone)
        listener.hears("you-have")
        for proposed, refusal in (
            ("123456", "pin-too-simple"),
            (company.number("bob")[-6:], "pin-own-number"),
        ):
            phone.send_digits("4")
            listener.hears("new-pin")
            phone.send_digits(proposed)
            listener.hears("repeat-pin")
            phone.send_digits(proposed)
            listener.hears(refusal, "new-pin")
            phone.send_digits("*")
            listener.hears("main-menu")
        phone.send_digits("4")
        listener.hears("new-pin")
        phone.send_digits(NEW_PIN)
        listener.hears("repeat-pin")
        phone.send_digits(PIN)
        listener.hears("pin-mismatch", "new-pin")
        phone.send_digits(NEW_PIN)
        listener.hears("repeat-pin")
        phone.send_digits(NEW_PIN)
        listener.hears("pin-changed", "main-menu")
        phone.hang_up()
        phone.wait_ended()
        listener = enter(phone, PIN)
        listener.hears("pin-wrong")
        phone.send_digits(NEW_PIN)
        listener.hears("you-have")
