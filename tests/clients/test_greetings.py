"""Real phones hear greetings: from files, by occasion, and recorded by telephone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.listening import Listener, tones
from tests.clients.phones import Company
from tests.clients.test_voice_portal import PIN, enter
from tests.support import meter
from tests.support.pjsua2_phone import Pjsua2Phone
from tests.support.recognise import voice
from tests.support.service import Service

pytestmark = pytest.mark.quiet

BOB = f"""
  voice_portal_pin = "{PIN}"

    [customers.users.not_answered]
    action = "voicemail"
    after = 1

    [customers.users.busy]
    action = "voicemail"
"""
OUT_OF_HOURS = """
    [customers.users.out_of_hours]
    enabled = true
    action = "voicemail"
""" + "".join(
    f'    {day} = "unavailable"\n'
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)
SYSTEMS = 0
"""The greeting that has no tone of its own."""


def greeting_file(folder: Path, name: str, hertz: float) -> Path:
    """A tone as a WAV file, or whatever ffmpeg makes of it for this name."""
    file = meter.write_wav(folder / f"{hertz:g}.wav", meter.tone(hertz, seconds=3.0))
    if not name.endswith(".wav"):
        subprocess.run(
            ["ffmpeg", "-loglevel", "error", "-i", file, "-ar", "44100", folder / name], check=True
        )
        return folder / name
    return file


def hears(caller: Pjsua2Phone, number: str, hertz: float) -> None:
    """The caller hears the greeting with this tone, or the system's."""
    caller.dial(number)
    caller.wait_talking()
    if hertz:
        Listener(caller).hears_tone(1.0, hertz - 5, hertz + 5)
    else:
        Listener(caller).hears("leave-message")
    caller.hang_up()
    caller.wait_ended()
    heard = caller.heard()
    assert {round(tone, -2) for _, tone in tones(heard)} == ({hertz} if hertz else set())
    # A steady tone is like the beep.
    assert bool(set(voice().phrases(heard)) - {"beep"}) is not bool(hertz)


@pytest.mark.behaviour("V1", "O2")
def test_a_greeting_from_a_file_is_heard_on_its_occasion(service: Service, tmp_path: Path) -> None:
    company = Company(service, tmp_path, BOB)
    bob = company.email("bob")

    def use(occasion: str, name: str, hertz: float) -> None:
        file = greeting_file(tmp_path, name, hertz)
        service.run_cli("greeting", "set", bob, str(file), "--for", occasion)

    with (
        company.phone(Pjsua2Phone, "alice", 440) as alice,
        company.phone(Pjsua2Phone, "carol", 440),
    ):
        use("no-answer", "no-answer.wav", 700)
        use("busy", "busy.mp3", 900)
        with company.phone(Pjsua2Phone, "bob", 600) as phone:
            hears(alice, "202", 700)
            phone.wait_ended()
            phone.dial("203")
            phone.wait("state", state="EARLY")
            hears(alice, "202", 900)
        company.configure(BOB + OUT_OF_HOURS)
        hears(alice, "202", 700)
        use("out-of-hours", "out-of-hours.mp3", 1100)
        hears(alice, "202", 1100)
        service.run_cli("greeting", "remove", bob, "--for", "out-of-hours")
        service.run_cli("greeting", "remove", bob, "--for", "no-answer")
        hears(alice, "202", SYSTEMS)


@pytest.mark.behaviour("V1", "W5")
def test_a_greeting_recorded_by_telephone_is_heard_by_the_next_caller(
    service: Service, tmp_path: Path
) -> None:
    company = Company(service, tmp_path, BOB)
    with (
        company.phone(Pjsua2Phone, "alice", 440) as alice,
        company.phone(Pjsua2Phone, "bob", 600) as bob,
    ):
        listener = enter(bob)
        listener.hears("you-have")
        bob.send_digits("31")
        listener.hears("greeting-menu")
        bob.send_digits("1")
        listener.hears("standard-greeting", "greeting-menu")
        bob.send_digits("2")
        listener.hears("record-greeting", "beep")
        bob.wait_heard(bob.recorded_seconds() + 3)
        bob.send_digits("#")
        listener.hears("greeting-review")
        bob.send_digits("2")
        listener.hears_tone(1.0, 595, 605)
        bob.send_digits("1")
        listener.hears("greeting-saved")
        bob.hang_up()
        bob.wait_ended()
        hears(alice, "202", 600)
        listener = enter(bob)
        listener.hears("you-have")
        bob.send_digits("313")
        listener.hears("greeting-removed")
        bob.hang_up()
        hears(alice, "202", SYSTEMS)
