"""The media host with real workers and real RTP: from the reservation to the message on disk."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from media.client import MediaError, MediaFull, NoSession
from media.greetings import Greetings
from media.host import HostSettings
from media.message import Caller as CallerIdentity
from media.message import Occasion
from media.protocol import CountsChanged, MessageStored, Place, PoolStats, SessionEnded, SessionLost
from media.scripts.deposit import Limits
from media.scripts.script import Why
from tests.media.conftest import PROMPTS, USER, Start, connect
from tests.media.people import People
from tests.media.support import (
    Caller,
    Samples,
    find,
    main_frequency,
    quiet_stretches,
    tone,
    until,
    wav_samples,
    within,
)
from tests.media.visitor import Visitor

TONE = tone(440, 1.0)


def has_heard(caller: Caller, *phrases: str) -> bool:
    """Whether the caller has heard these phrases whole and one after the other."""
    heard = caller.heard()
    for phrase in phrases:
        sound = wav_samples(PROMPTS / f"{phrase}.wav")
        alike, begin = find(heard, sound[:-160])  # the last packet may be half a packet
        if alike < 0.95:
            return False
        heard = heard[begin + len(sound) - 160 :]
    return True


def longest_gap(samples: Samples) -> float:
    """The longest stretch without sound in seconds, leaving out the first 100 ms in which sound sets in."""
    return max(quiet_stretches(samples[800:]), default=0.0)


def recorded_seconds(mailboxes: Path) -> float:
    """How much has been written of recordings in progress."""
    return sum(max(0, part.stat().st_size - 44) for part in mailboxes.glob("*/tmp/*/part-*.wav")) / 16000


async def recorded(mailboxes: Path, seconds: float) -> None:
    """Until this much of a recording is on disk."""
    await until(lambda: recorded_seconds(mailboxes) >= seconds)


@pytest.mark.behaviour("V2", "V3", "N2")
async def test_a_caller_leaves_a_message(start: Start, host_settings: HostSettings) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE, extension="201")
    await recorded(host_settings.mailboxes, 2.0)
    assert has_heard(
        caller,
        *("person-at-extension", "digit-2", "digit-0", "digit-1", "is-unavailable", "digit-8", "beep"),
    )
    caller.hang_up()
    stored = await signalling.event(MessageStored)
    assert isinstance(stored, MessageStored)
    assert await signalling.event(CountsChanged) == CountsChanged(USER, 1, 0)
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    samples = wav_samples(stored.path)
    assert stored.path.read_bytes()[40:44] == (2 * len(samples)).to_bytes(4, "little")
    assert 2.0 <= stored.seconds < 5.0
    assert stored.seconds == pytest.approx(len(samples) / 8000, abs=0.01)
    assert abs(main_frequency(samples) - 440) < 2
    assert longest_gap(samples) <= 0.03
    values = json.loads(stored.path.with_suffix(".json").read_text())
    assert values["caller"] == {"number": "+441632960123", "name": "A Caller", "withheld": False}
    assert (values["call_id"], values["occasion"]) == ("s1@test.example", "no-answer")
    assert [message.id for message in host.mailbox.list(USER)] == [stored.message]
    assert not list((host_settings.mailboxes / str(USER) / "tmp").iterdir())


async def test_pcmu_is_taken_too(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    caller = await signalling.call(speech=TONE, codec=0)
    await recorded(host_settings.mailboxes, 1.0)
    assert has_heard(caller, "digit-8", "digit-8", "beep")
    caller.hang_up()
    stored = await signalling.event(MessageStored)
    assert isinstance(stored, MessageStored)
    assert abs(main_frequency(wav_samples(stored.path)) - 440) < 2


@pytest.mark.parametrize(
    ("occasion", "phrase"), [(Occasion.BUSY, "is-on-the-phone"), (Occasion.OUT_OF_HOURS, "extension")]
)
async def test_each_occasion_has_its_greeting(start: Start, occasion: Occasion, phrase: str) -> None:
    _, signalling = await start()
    caller = await signalling.call(occasion=occasion, extension="2")
    await until(lambda: len(caller.heard()) >= 8000 * 5)
    assert has_heard(caller, phrase)


@pytest.mark.behaviour("V2")
async def test_hash_skips_the_greeting_and_ends_the_recording(
    start: Start, host_settings: HostSettings
) -> None:
    _, signalling = await start()
    caller = await signalling.call(speech=TONE, extension="201")
    await until(lambda: len(caller.heard()) > 1600)
    caller.press("#")
    await recorded(host_settings.mailboxes, 1.0)
    assert not has_heard(caller, "digit-2")
    visitor = Visitor(caller, PROMPTS)
    caller.press("#")
    await visitor.hears("review-menu")
    assert signalling.of(MessageStored) == []
    caller.press("1")
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HASH)
    assert has_heard(caller, "message-sent")
    assert len(signalling.of(MessageStored)) == 1


@pytest.mark.behaviour("V2")
async def test_a_message_is_heard_and_recorded_again_before_it_is_sent(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE)
    visitor = Visitor(caller, PROMPTS)
    caller.press("#")
    await recorded(host_settings.mailboxes, 1.0)
    caller.press("#")
    await visitor.hears("review-menu")
    caller.press("2")
    await visitor.hears_sound(TONE[:4800], "what was recorded")
    await visitor.hears("review-menu")
    caller.say(tone(660, 1.0))
    caller.press("3")
    await visitor.hears("beep")
    await recorded(host_settings.mailboxes, 1.0)
    caller.press("#")
    await visitor.hears("review-menu")
    caller.hang_up()
    await signalling.event(SessionEnded)
    (message,) = host.mailbox.list(USER)
    assert abs(main_frequency(wav_samples(message.path)) - 660) < 2
    assert 0.9 < message.seconds < 3.0


@pytest.mark.behaviour("V1", "O2")
async def test_the_own_greeting_is_heard_and_out_of_hours_that_for_no_answer(start: Start) -> None:
    host, signalling = await start()
    Greetings(host.mailbox.root).put(USER, "no-answer", tone(700, 1.0).tobytes())
    for number, occasion in enumerate((Occasion.OUT_OF_HOURS, Occasion.NO_ANSWER)):
        caller = await signalling.call(f"s{number}", occasion=occasion)
        visitor = Visitor(caller, PROMPTS)
        await visitor.hears_sound(tone(700, 0.6), "the greeting")
        await visitor.hears("beep")
        caller.hang_up()
    caller = await signalling.call("s3", occasion=Occasion.BUSY)
    await Visitor(caller, PROMPTS).hears("digit-8", "digit-8")


@pytest.mark.behaviour("V3")
async def test_the_owner_is_told_of_each_message_and_again_at_the_next_start(
    start: Start, host_settings: HostSettings, owners: People
) -> None:
    host, signalling = await start()
    owners.failing = True
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    with capture_logs() as logs:
        caller.hang_up()
        await signalling.event(SessionEnded)
        await until(lambda: "mailbox.owner_not_told" in [entry["event"] for entry in logs])
    await host.stop()
    owners.failing = False
    again, _ = await start()
    await until(lambda: bool(owners.told))
    assert owners.told == list(again.mailbox.list(USER))


async def test_digits_by_info_count_as_digits_by_rtp(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    await signalling.call(speech=TONE, extension="201")
    signalling.client.digit("s1", "#")
    await recorded(host_settings.mailboxes, 1.0)
    signalling.client.digit("s1", "5")
    signalling.client.digit("s1", "#")
    signalling.client.digit("s1", "#")
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HASH)


@pytest.mark.behaviour("V2")
async def test_the_limit_ends_a_recording(start: Start) -> None:
    _, signalling = await start(limits=Limits(1.5, 5.0, 0.5))
    caller = await signalling.call(speech=TONE)
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.LIMIT)
    (stored,) = signalling.of(MessageStored)
    assert isinstance(stored, MessageStored)
    assert 1.4 <= stored.seconds <= 2.2


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize("silence", [None, tone(440, 1.0, amplitude=20)], ids=["no RTP", "quiet RTP"])
async def test_silence_ends_a_recording_and_is_cut_off(
    start: Start, host_settings: HostSettings, silence: Samples | None
) -> None:
    _, signalling = await start(limits=Limits(30.0, 1.5, 0.5))
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    caller.say(silence)
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.SILENCE)
    (stored,) = signalling.of(MessageStored)
    assert isinstance(stored, MessageStored)
    samples = wav_samples(stored.path)
    assert 0.3 <= longest_gap(samples) <= 0.62
    assert abs(main_frequency(samples[:8000]) - 440) < 2


@pytest.mark.behaviour("V2")
async def test_too_little_sound_is_no_message(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start(limits=Limits(20.0, 5.0, 2.0))
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 0.5)
    caller.say(None)
    await recorded(host_settings.mailboxes, 2.5)
    caller.hang_up()
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    assert signalling.of(MessageStored) == []
    assert not list(host_settings.mailboxes.glob("*/*/*"))


async def test_hanging_up_during_the_greeting_leaves_nothing(
    start: Start, host_settings: HostSettings
) -> None:
    _, signalling = await start()
    caller = await signalling.call(speech=TONE)
    caller.hang_up()
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    assert not list(host_settings.mailboxes.glob("*/*/*"))


@pytest.mark.behaviour("V2")
async def test_a_full_mailbox_is_announced(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start(max_messages=1)
    first = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    first.hang_up()
    await signalling.event(SessionEnded)
    second = await signalling.call("s2", speech=TONE)
    await within(second.ended.wait())
    assert await signalling.event(SessionEnded, 2) == SessionEnded("s2", Why.FULL)
    assert has_heard(second, "digit-8")
    assert len(signalling.of(MessageStored)) == 1


async def test_a_missing_phrase_ends_the_call_with_an_error(
    start: Start, host_settings: HostSettings
) -> None:
    (host_settings.prompts / "leave-message.wav").unlink()
    _, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.ERROR)
    assert has_heard(caller, "unavailable")


@pytest.mark.behaviour("A3")
async def test_a_withheld_number_is_not_kept(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    caller = await signalling.call(
        speech=TONE, caller=CallerIdentity("+441632960123", "A Caller", withheld=True)
    )
    await recorded(host_settings.mailboxes, 1.0)
    assert "960123" not in "".join(path.read_text() for path in host_settings.mailboxes.rglob("*.json"))
    caller.hang_up()
    stored = await signalling.event(MessageStored)
    assert isinstance(stored, MessageStored)
    text = stored.path.with_suffix(".json").read_text()
    assert "960123" not in text
    assert json.loads(text)["caller"] == {"number": None, "name": None, "withheld": True}


async def test_only_reserved_sessions_are_let_in(start: Start) -> None:
    _, signalling = await start()
    place = await signalling.reserve()
    assert isinstance(place, Place)
    stranger = await Caller.call(place.address, place.port, "other")
    assert stranger.status == 403
    stranger.close()
    first = await signalling.send(place)
    again = await Caller.call(place.address, place.port, "s1")
    assert again.status == 403
    again.close()
    first.hang_up()
    await signalling.event(SessionEnded)


async def test_an_unused_reservation_is_freed(start: Start, host_settings: HostSettings) -> None:
    host, signalling = await start(unused_after=0.2)
    place = await signalling.reserve()
    assert isinstance(place, Place)
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.UNUSED)
    assert host.pool.sessions == 0
    late = await Caller.call(place.address, place.port, "s1")
    assert late.status == 403
    late.close()
    assert not list(host_settings.mailboxes.glob("*/*/*"))


async def test_release_hangs_up_and_keeps_what_was_said(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    signalling.client.release("s1")
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    assert len(signalling.of(MessageStored)) == 1


async def test_a_mailbox_that_cannot_be_written_refuses_its_caller_and_others_are_served(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, signalling = await start()

    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(host.mailbox, "begin", closed)
        refused = await signalling.reserve("s1")
    assert isinstance(refused, MediaError) and str(refused) == "the mailbox cannot be written"
    (told,) = [entry for entry in logs if entry["event"] == "mailbox.store_failed"]
    assert told["mailbox"] == USER
    assert host.sessions == {}
    assert isinstance(await signalling.reserve("s1"), Place)


async def test_refusals(start: Start) -> None:
    host, signalling = await start(calls_per_worker=1, largest=1)
    assert (
        str(await signalling.reserve("s1", service="karaoke"))
        == "bad request: 'karaoke' is not a valid Service"
    )
    assert isinstance(await signalling.resume("s1"), NoSession)
    assert isinstance(await signalling.reserve("s1"), Place)
    assert isinstance(await signalling.resume("s1"), MediaError)
    assert isinstance(await signalling.reserve("s2"), MediaFull)
    assert isinstance(await signalling.reserve("NOT A TOKEN"), MediaError)
    assert list(host.sessions) == ["s1"]


@pytest.mark.behaviour("V2", "V3")
async def test_a_disk_that_fills_meanwhile_ends_the_message_there(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 2.5)
    (worker,) = [worker for worker in host.pool.workers if worker.sessions]
    with capture_logs() as logs:
        # None of its files grows any more, as on a full disk.
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (0, 0))
        await within(caller.ended.wait())
        assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.DISK_FULL)
    assert "mailbox.recording_cut" in [entry["event"] for entry in logs]
    assert has_heard(caller, "beep", "unavailable")
    (message,) = host.mailbox.list(USER)
    assert message.incomplete and message.seconds >= 2.5
    samples = wav_samples(message.path)
    assert abs(main_frequency(samples) - 440) < 2 and longest_gap(samples) <= 0.03


async def test_a_full_disk_is_told_to_the_caller(start: Start, host_settings: HostSettings) -> None:
    _, signalling = await start(min_free_bytes=1 << 60)
    with capture_logs() as logs:
        caller = await signalling.call(speech=TONE)
    assert "mailbox.disk_full" in [entry["event"] for entry in logs]
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.DISK_FULL)
    assert has_heard(caller, "unavailable")
    assert not list(host_settings.mailboxes.glob("*/*/*"))


@pytest.mark.behaviour("V3")
async def test_a_worker_killed_while_recording_costs_no_message(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    (victim,) = (worker for worker in host.pool.workers if worker.sessions)
    await until(lambda: host.pool.spare >= 1)
    os.kill(victim.pid, signal.SIGKILL)
    assert await signalling.event(SessionLost) == SessionLost("s1")
    before = recorded_seconds(host_settings.mailboxes)
    place = await signalling.resume()
    assert isinstance(place, Place)
    assert place.address != victim.address
    second = await signalling.send(place, speech=tone(1000, 1.0))
    await recorded(host_settings.mailboxes, before + 1.0)
    second.hang_up()
    stored = await signalling.event(MessageStored)
    assert isinstance(stored, MessageStored)
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    samples = wav_samples(stored.path)
    assert stored.seconds >= before + 1.0
    assert abs(main_frequency(samples[800:6400]) - 440) < 5
    assert abs(main_frequency(samples[-4800:]) - 1000) < 5
    assert len(signalling.of(MessageStored)) == 1
    caller.hang_up()


async def test_the_limit_counts_what_was_recorded_before_a_worker_was_lost(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start(limits=Limits(seconds=3.0, silence=5.0))
    await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.5)
    (victim,) = (worker for worker in host.pool.workers if worker.sessions)
    os.kill(victim.pid, signal.SIGKILL)
    await signalling.event(SessionLost)
    place = await signalling.resume()
    assert isinstance(place, Place)
    caller = await signalling.send(place, speech=TONE)
    await within(caller.ended.wait())
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.LIMIT)
    (stored,) = signalling.of(MessageStored)
    assert isinstance(stored, MessageStored)
    assert 2.5 <= stored.seconds <= 3.9


async def test_a_worker_killed_in_the_greeting_begins_it_again(start: Start) -> None:
    host, signalling = await start()
    caller = await signalling.call(extension="201")
    await until(lambda: len(caller.heard()) > 4000)
    (victim,) = (worker for worker in host.pool.workers if worker.sessions)
    await until(lambda: host.pool.spare >= 1)
    os.kill(victim.pid, signal.SIGKILL)
    await signalling.event(SessionLost)
    place = await signalling.resume()
    assert isinstance(place, Place)
    second = await signalling.send(place)
    await until(lambda: len(second.heard()) > 8000 * 3.5)
    assert has_heard(second, "person-at-extension", "digit-2")


async def test_a_lost_session_nobody_resumes_is_kept(start: Start, host_settings: HostSettings) -> None:
    host, signalling = await start(unused_after=0.3)
    await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    (victim,) = (worker for worker in host.pool.workers if worker.sessions)
    os.kill(victim.pid, signal.SIGKILL)
    assert await signalling.event(SessionEnded) == SessionEnded("s1", Why.HANGUP)
    assert len(signalling.of(MessageStored)) == 1


async def test_stopping_the_host_stores_what_is_being_recorded(
    start: Start, host_settings: HostSettings
) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    await host.stop()
    await within(caller.ended.wait())
    (message,) = host.mailbox.list(USER)
    assert message.seconds >= 1.0
    await until(lambda: signalling.gone)


async def test_a_new_client_is_told_what_there_is(start: Start, host_settings: HostSettings) -> None:
    host, signalling = await start()
    caller = await signalling.call(speech=TONE)
    await recorded(host_settings.mailboxes, 1.0)
    caller.hang_up()
    await signalling.event(SessionEnded)
    other = await connect(host_settings.socket)
    assert await other.event(CountsChanged) == CountsChanged(USER, 1, 0)
    stats = await other.event(PoolStats)
    assert isinstance(stats, PoolStats)
    assert (stats.workers, stats.spare) == (len(host.pool.workers), host.pool.spare)
    assert stats.sessions == 0
    other.client.close()


async def test_figures_that_a_new_client_was_told_do_not_stay(
    start: Start, host_settings: HostSettings
) -> None:
    """It connects while something goes on that others are never told of, so short is it."""
    _host, signalling = await start(largest=1, stats_every=0.5)
    await signalling.event(PoolStats, 2)
    await signalling.reserve()
    other = await connect(host_settings.socket)
    assert await other.event(PoolStats) == PoolStats(1, 0, 1)
    signalling.client.release("s1")
    assert await other.event(PoolStats, 2) == PoolStats(1, 1, 0)
    other.client.close()
