"""What every kind of phone does in the tests: two talk, one is held, a caller leaves a message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.clients.phones import Company, Phone
from tests.support import meter
from tests.support.meter import Sound
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.service import Service
from tests.support.waiting import wait_for

RECEIVING, BOTH_WAYS = 2, 3
"""`pjmedia_dir`, as pjsua2 reports it."""


def seconds_of(tone: float, heard: Sound) -> float:
    """How long a tone is heard, in seconds, all of it together."""
    return sum(span.seconds for span in meter.tone_spans(heard, tone))


def hear(seconds: float, *phones: Phone) -> None:
    """Wait until each of them has heard so much more."""
    for phone, until in [(phone, phone.recorded_seconds() + seconds) for phone in phones]:
        phone.wait_heard(until)


def keys_arrive(digits: str, at: Phone) -> None:
    """Wait until these are all the keys that this phone was told of."""
    wait_for(lambda: at.digits() == digits, 10, f"{at.user} to be told of {digits}")


def is_held_and_resumed(by: Phone, held: Pjsua2Phone) -> None:
    """One side puts the other on hold and takes it back. Its SDP says so to the other."""
    listened, talked = _count(held, RECEIVING), _count(held, BOTH_WAYS)
    hold_and_resume(by, lambda: held.wait("media", count=listened + 1, direction=RECEIVING))
    held.wait("media", count=talked + 1, direction=BOTH_WAYS)


def hold_and_resume(by: Phone, noticed: Callable[[], object]) -> None:
    """Put the call on hold, and take it back once the other side has `noticed`."""
    by.hold()
    noticed()
    if not isinstance(by, Pjsua2Phone):
        by.resume()
        return
    # A re-INVITE while one is under way it refuses to send.
    by.wait("held")
    talked = _count(by, BOTH_WAYS)
    by.resume()
    by.wait("media", count=talked + 1, direction=BOTH_WAYS)


def _count(phone: Pjsua2Phone, direction: int) -> int:
    return sum(event["event"] == "media" and event["direction"] == direction for event in list(phone.events))


def talk_press_keys_and_hold(caller: Pjsua2Phone, number: str, called: Pjsua2Phone, *tones: float) -> None:
    """A whole call: keys both ways, each side holds the other once, and both are heard before and after.

    `tones` are what the caller and the called say, in Hz.
    """
    called.forget()
    caller.dial(number)
    called.answer()
    caller.wait_talking()
    hear(0.6, caller, called)
    caller.send_digits("12#")
    keys_arrive("12#", called)
    called.send_digits("7*")
    keys_arrive("7*", caller)
    is_held_and_resumed(caller, called)
    is_held_and_resumed(called, caller)
    hear(0.9, caller, called)
    caller.hang_up()
    called.wait_ended()
    for phone, tone in ((caller, tones[1]), (called, tones[0])):
        heard = phone.heard()
        assert seconds_of(tone, heard) > 0.9, phone.user
        assert seconds_of(tone, heard.between(heard.seconds - 0.8, heard.seconds)) > 0.4, phone.user


def is_sent_on(
    caller: Pjsua2Phone, number: str, by: Phone, to: str, there: Pjsua2Phone, *tones: float
) -> None:
    """The called phone says who is to be called instead, and these two talk: `tones` are what they say."""
    if isinstance(by, Pjsua2Phone):
        by.forget()
    there.forget()
    caller.dial(number)
    by.redirect(to)
    there.answer()
    caller.wait_talking()
    hear(0.8, caller, there)
    there.hang_up()
    caller.wait_ended()
    assert seconds_of(tones[1], caller.heard()) > 0.5
    assert seconds_of(tones[0], there.heard()) > 0.5


def leaves_a_message(caller: Phone, number: str, tone: float, service: Service, company: Company) -> None:
    """A caller skips the greeting of Bob, who is signed off, and speaks. No message there had this tone."""
    since = len(service.lines)
    caller.dial(number)
    caller.wait_talking()
    caller.wait_heard(0.3)
    caller.send_digits("#")
    hear(2.5, caller)
    caller.hang_up()
    caller.wait_ended()
    message_is_there(tone, since, service, company)


def message_is_there(tone: float, since: int, service: Service, company: Company) -> None:
    """Bob gets a message with this tone, left in a call that ended behind line `since` of the log."""
    wait_for(lambda: service.events("media.session_ended", since), 10, "the end of the call with the mailbox")

    def found() -> list[Sound]:
        spoken = [meter.read_wav(Path(str(message["path"]))) for message in company.mailbox("bob")]
        return [sound for sound in spoken if abs(meter.frequency(sound) - tone) < 3]

    (message,) = wait_for(found, 10, f"a message of {tone:g} Hz")
    assert seconds_of(tone, message) > 0.8
