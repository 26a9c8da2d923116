"""The voice portal with real workers and real RTP: keys in, phrases and messages out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from media import wav
from media.host import HostSettings
from media.mailbox import Caller as CallerIdentity
from media.mailbox import Envelope, Mailbox, Message
from media.protocol import CountsChanged, Service, SessionEnded
from media.scripts.script import Why
from tests.media.conftest import USER, Signalling, Start
from tests.media.people import PIN
from tests.media.support import Samples, wav_samples
from tests.media.visitor import Visitor

NOW = datetime.now(UTC)


def chirp(begin: float, end: float, seconds: float) -> Samples:
    """A sound whose every part is another, so that a place in it can be told."""
    import numpy as np

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
