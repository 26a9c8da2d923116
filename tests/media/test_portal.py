"""The voice portal with real workers and real RTP: keys in, phrases and messages out."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from media import wav
from media.greetings import Greetings
from media.host import HostSettings, MediaHost
from media.mailbox import Mailbox
from media.message import Caller as CallerIdentity
from media.message import Envelope, Message
from media.protocol import CountsChanged, Service, SessionEnded, SessionLost
from media.scripts.menu import PortalLimits
from media.scripts.script import Why
from tests.media.conftest import USER, Signalling, Start
from tests.media.people import PIN, People
from tests.media.support import Samples, find, main_frequency, tone, until, wav_samples, within
from tests.media.visitor import Visitor, opening


def chirp(begin: float, end: float, seconds: float) -> Samples:
    """A sound whose every part is another, so that a place in it can be told."""
    time = np.arange(round(seconds * 8000)) / 8000
    phase = 2 * np.pi * (begin * time + (end - begin) * time**2 / (2 * seconds))
    return (8000 * np.sin(phase)).astype(np.int16)


def leave(mailboxes: Path, samples: Samples, minutes_ago: int = 5, **caller: object) -> Message:
    """A new message in the mailbox."""
    mailbox = Mailbox(mailboxes)
    envelope = Envelope(
        CallerIdentity(**caller),  # type: ignore[arg-type]
        datetime.now(UTC) - timedelta(minutes=minutes_ago),
        "left@test.example",
        "no-answer",
    )
    recording = mailbox.begin(USER, envelope, f"m{minutes_ago}")
    wav.write(recording.next_part(), samples.tobytes())
    message = mailbox.deposit(recording)
    assert message is not None
    return message


async def visit(signalling: Signalling, host_settings: HostSettings, session: str = "p1") -> Visitor:
    """Call the portal."""
    caller = await signalling.call(session, speech=None, service=Service.PORTAL, occasion=None)
    return Visitor(caller, host_settings.prompts)


async def opened(signalling: Signalling, host_settings: HostSettings, session: str = "p1") -> Visitor:
    """Call the portal and get in."""
    visitor = await visit(signalling, host_settings, session)
    await visitor.hears("enter-pin")
    visitor.press(PIN)
    await visitor.hears("you-have")
    return visitor


def pitch(visitor: Visitor) -> float:
    """What is heard now, in Hz; 0 for nothing."""
    latest = visitor.caller.heard()[-1600:]
    return 0.0 if len(latest) < 1600 or is_quiet(latest) else main_frequency(latest)


def is_quiet(samples: Samples) -> bool:
    return len(samples) > 0 and float(np.abs(samples).max()) < 200


def find_after(heard: Samples, begin: int, visitor: Visitor, phrase: str) -> float:
    """Seconds after `begin` at which the phrase is heard."""
    _, at = find(heard[begin:], opening(wav_samples(visitor.prompts / f"{phrase}.wav")))
    return at / 8000


def recorded_seconds(mailboxes: Path) -> float:
    """How much has been written of recordings in progress."""
    return sum(max(0, part.stat().st_size - 44) for part in mailboxes.glob("*/tmp/*/part-*.wav")) / 16000


def last_counts(signalling: Signalling) -> tuple[int, int]:
    counts = signalling.of(CountsChanged)[-1]
    assert isinstance(counts, CountsChanged)
    return counts.new, counts.saved


@pytest.mark.behaviour("W1", "W5")
async def test_a_user_hears_a_message_and_hangs_up(start: Start, host_settings: HostSettings) -> None:
    message = leave(host_settings.mailboxes, chirp(300, 900, 2.0), number="+441632960123")
    host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("1")
    await visitor.hears("message-new", "received", "today", "from")
    await visitor.hears_sound(wav_samples(message.path), "the message")
    assert host.mailbox.counts(USER).new == 1
    await visitor.hears("message-menu")
    visitor.caller.hang_up()
    assert await signalling.event(SessionEnded) == SessionEnded("p1", Why.HANGUP)
    assert last_counts(signalling) == (0, 1), "heard to its end, so saved"


@pytest.mark.behaviour("W5")
async def test_a_message_is_deleted_and_restored(start: Start, host_settings: HostSettings) -> None:
    sound = chirp(300, 900, 3.0)
    leave(host_settings.mailboxes, sound)
    _host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("1")
    await visitor.hears("message-new")
    visitor.press("3")
    await visitor.hears("message-deleted")
    await until(lambda: last_counts(signalling) == (0, 0))
    visitor.press("5")
    await visitor.hears("message-restored")
    await until(lambda: last_counts(signalling) == (1, 0))
    visitor.press("1")
    await visitor.hears_sound(sound, "the message")
    visitor.press("3")
    await visitor.hears("message-deleted", "no-more-messages")
    visitor.caller.hang_up()
    await signalling.event(SessionEnded)
    assert last_counts(signalling) == (0, 0)
    assert not list((host_settings.mailboxes / str(USER)).rglob("*.wav")), "nothing is left of it"


@pytest.mark.behaviour("W5")
async def test_a_key_cuts_a_prompt_short(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    visitor = await opened(signalling, host_settings)
    await visitor.hears("main-menu")
    before = len(visitor.caller.heard())
    visitor.press("3")
    await visitor.hears("greetings-menu")
    begun = find_after(visitor.caller.heard(), before, visitor, "greetings-menu")
    assert begun < 0.6, "seconds from the key to the next prompt"
    visitor.press("*4")
    await visitor.hears("new-pin")
    before = len(visitor.caller.heard())
    visitor.press("3")
    await until(lambda: len(visitor.caller.heard()) >= before + 12000)
    assert is_quiet(visitor.caller.heard()[before + 5600 : before + 12000]), "the prompt has ended at once"


@pytest.mark.behaviour("W5")
async def test_keys_count_by_info_too(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    visitor = await visit(signalling, host_settings)
    await visitor.hears("enter-pin")
    for key in f"{PIN}#":
        signalling.client.digit("p1", key)
    await visitor.hears("you-have")


@pytest.mark.behaviour("W4")
async def test_three_tries_a_call_and_five_in_all(
    start: Start, host_settings: HostSettings, owners: People
) -> None:
    _, signalling = await start()
    with capture_logs() as logs:
        visitor = await visit(signalling, host_settings)
        for phrase in ("enter-pin", "pin-wrong", "pin-wrong"):
            await visitor.hears(phrase)
            visitor.press("111111")
        await visitor.hears("too-many-tries")
        await within(visitor.caller.ended.wait())
        assert await signalling.event(SessionEnded) == SessionEnded("p1", Why.WRONG_PIN)
        second = await visit(signalling, host_settings, "p2")
        await second.hears("enter-pin")
        second.press("111111")
        await second.hears("pin-wrong")
        second.press("111111")
        await second.hears("pin-locked")
        await within(second.caller.ended.wait())
        third = await visit(signalling, host_settings, "p3")
        await third.hears("pin-locked")
        third.press(PIN)
        await within(third.caller.ended.wait())
    assert await signalling.event(SessionEnded, 3) == SessionEnded("p3", Why.LOCKED)
    assert owners.tried == ["111111"] * 5
    reasons = [entry["reason"] for entry in logs if entry["event"] == "portal.refused"]
    assert reasons == ["wrong"] * 4 + ["locked"] * 2
    assert "111111" not in str(logs)
    assert "271828" not in str(logs)


@pytest.mark.behaviour("W2")
async def test_without_a_pin_the_portal_says_why_it_stays_shut(
    start: Start, host_settings: HostSettings, owners: People
) -> None:
    owners.pins[USER] = ""
    _, signalling = await start()
    visitor = await visit(signalling, host_settings)
    await visitor.hears("no-pin")
    await within(visitor.caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("p1", Why.NO_PIN)


async def test_without_the_users_side_the_caller_is_told(
    start: Start, host_settings: HostSettings, owners: People
) -> None:
    owners.failing = True
    _, signalling = await start()
    visitor = await visit(signalling, host_settings)
    await visitor.hears("unavailable")
    await within(visitor.caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("p1", Why.ERROR)


@pytest.mark.behaviour("W3", "W5")
async def test_the_pin_is_changed(start: Start, host_settings: HostSettings, owners: People) -> None:
    _, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("4")
    await visitor.hears("new-pin")
    visitor.press("777777")
    await visitor.hears("repeat-pin")
    visitor.press("777777")
    await visitor.hears("pin-too-simple", "new-pin")
    visitor.press("314159")
    await visitor.hears("repeat-pin")
    with capture_logs() as logs:
        visitor.press("314159")
        await visitor.hears("pin-changed")
    assert owners.pins[USER] == "314159"
    assert "portal.pin_changed" in [entry["event"] for entry in logs]
    assert "314159" not in str(logs)


@pytest.mark.behaviour("V1", "W5")
async def test_a_greeting_is_recorded_and_callers_hear_it(start: Start, host_settings: HostSettings) -> None:
    _host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    greeting = chirp(500, 1500, 2.0)
    visitor.press("312")
    await visitor.hears("record-greeting")
    visitor.press("#")
    await visitor.hears("beep")
    visitor.caller.say(np.concatenate([greeting, np.zeros(8000 * 20, dtype=np.int16)]))
    await until(lambda: recorded_seconds(host_settings.mailboxes) >= 3.0)
    visitor.press("#")
    await visitor.hears("greeting-review")
    visitor.press("2")
    await visitor.hears_sound(greeting[1600:], "the recording")
    visitor.press("1")
    await visitor.hears("greeting-saved")
    visitor.press("1")
    await visitor.hears_sound(greeting[1600:], "the greeting")
    visitor.caller.hang_up()
    await signalling.event(SessionEnded)
    assert not (host_settings.mailboxes / str(USER) / "tmp" / "p1").exists()
    caller = Visitor(await signalling.call("s1"), host_settings.prompts)
    await caller.hears_sound(greeting[1600:], "the greeting")
    await caller.hears("beep")


async def test_a_greeting_that_is_too_short_is_none(start: Start, host_settings: HostSettings) -> None:
    _host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("312")
    await visitor.hears("record-greeting")
    visitor.press("#")
    await visitor.hears("beep")
    await until(lambda: (host_settings.mailboxes / str(USER) / "tmp" / "p1" / "part-0.wav").exists())
    visitor.press("#")
    await visitor.hears("greeting-too-short", "greeting-menu")
    visitor.press("1")
    await visitor.hears("standard-greeting")


@pytest.mark.behaviour("W5")
async def test_silence_brings_help_and_then_goodbye(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start(portal=PortalLimits(wait=0.2))
    visitor = await visit(signalling, host_settings)
    await visitor.hears("enter-pin", "enter-pin", "enter-pin", "goodbye")
    await within(visitor.caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("p1", Why.SILENCE)


@pytest.mark.behaviour("W5")
async def test_back_and_forward(start: Start, host_settings: HostSettings) -> None:
    """By the pitch, which rises by 100 Hz a second."""
    leave(host_settings.mailboxes, chirp(400, 2400, 20.0))
    _, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("11")
    await until(lambda: pitch(visitor) >= 500)
    visitor.press("6")
    await until(lambda: pitch(visitor) >= 900)
    jumped = pitch(visitor)
    assert jumped < 1300
    visitor.press("4")
    await until(lambda: pitch(visitor) <= jumped - 300)
    assert pitch(visitor) > 450


async def test_two_sessions_in_one_mailbox(start: Start, host_settings: HostSettings) -> None:
    """What the desk phone deletes, the soft client passes over."""
    leave(host_settings.mailboxes, chirp(300, 900, 2.0), minutes_ago=5)
    kept = leave(host_settings.mailboxes, chirp(1200, 600, 2.0), minutes_ago=4)
    host, signalling = await start()
    desk = await opened(signalling, host_settings, "p1")
    soft = await opened(signalling, host_settings, "p2")
    soft.press("1")
    await soft.hears("message-new")
    desk.press("13")
    await desk.hears("message-deleted")
    soft.press("1")
    await soft.hears("message-new")
    soft.press("1")
    await soft.hears_sound(wav_samples(kept.path), "the other message")
    soft.press("2")
    await soft.hears("message-saved")
    desk.press("1")
    await desk.hears_sound(wav_samples(host.mailbox.list(USER)[0].path), "the one saved meanwhile")
    desk.press("5")
    await desk.hears("message-restored")
    for visitor in (desk, soft):
        visitor.caller.hang_up()
    await signalling.event(SessionEnded, 2)
    assert [message.state for message in host.mailbox.list(USER)] == ["new", "saved"]


# Workers that die


async def killed(host: MediaHost, signalling: Signalling, visitor: Visitor, session: str = "p1") -> Visitor:
    """Kill the session's worker; the caller comes to another one, as signalling would have it."""
    (victim,) = (worker for worker in host.pool.workers if session in worker.sessions)
    os.kill(victim.pid, signal.SIGKILL)
    await signalling.event(SessionLost)
    place = await signalling.resume(session)
    assert not isinstance(place, Exception)
    return Visitor(await signalling.send(place, session), visitor.prompts)


@pytest.mark.behaviour("W5")
async def test_a_message_goes_on_where_it_was_when_its_worker_dies(
    start: Start, host_settings: HostSettings
) -> None:
    leave(host_settings.mailboxes, chirp(400, 2400, 20.0))
    host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("11")
    await until(lambda: pitch(visitor) >= 800)
    reached = pitch(visitor)
    visitor = await killed(host, signalling, visitor)
    await until(lambda: len(visitor.caller.heard()) > 4000)
    assert reached - 50 < pitch(visitor) < reached + 150
    visitor.press("*")
    await visitor.hears("main-menu")


@pytest.mark.behaviour("W4")
async def test_a_pin_is_tried_once_though_the_worker_dies_meanwhile(
    start: Start, host_settings: HostSettings, owners: People
) -> None:
    host, signalling = await start()
    visitor = await visit(signalling, host_settings)
    await visitor.hears("enter-pin")
    owners.slow = asyncio.Event()
    visitor.press("111111")
    await until(lambda: owners.tried == ["111111"])
    visitor = await killed(host, signalling, visitor)
    owners.slow.set()
    await visitor.hears("pin-wrong", "enter-pin")
    visitor.press(PIN)
    await visitor.hears("you-have")
    assert owners.tried == ["111111", PIN]


async def test_the_recording_of_a_greeting_begins_again_on_another_worker(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("312")
    await visitor.hears("record-greeting")
    visitor.press("#")
    await visitor.hears("beep")
    visitor.caller.say(tone(440, 1.0))
    await until(lambda: recorded_seconds(host_settings.mailboxes) >= 1.0)
    visitor = await killed(host, signalling, visitor)
    await visitor.hears("record-greeting")
    visitor.press("#")
    await visitor.hears("beep")
    visitor.caller.say(tone(660, 1.0))
    await until(lambda: recorded_seconds(host_settings.mailboxes) >= 1.5)
    visitor.press("#")
    await visitor.hears("greeting-review")
    visitor.press("1")
    await visitor.hears("greeting-saved")
    greeting = Greetings(host_settings.mailboxes).of(USER, "no-answer")
    assert greeting is not None
    assert abs(main_frequency(wav_samples(greeting)) - 660) < 2


async def test_releasing_a_session_hangs_up_and_stopping_the_host_ends_it(
    start: Start, host_settings: HostSettings
) -> None:
    leave(host_settings.mailboxes, chirp(300, 900, 2.0))
    host, signalling = await start()
    visitor = await opened(signalling, host_settings)
    visitor.press("13")
    await visitor.hears("message-deleted")
    await host.stop()
    await within(visitor.caller.ended.wait())
    assert host.mailbox.counts(USER).new == 0
    assert not list(host_settings.mailboxes.rglob("*.wav"))
