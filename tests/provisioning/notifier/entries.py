"""What tests tell, and whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from b2bua.callplan.missed import Missed
from media import wav
from media.message import Caller
from provisioning.notifier.queue import Entry
from provisioning.notifier.recipient import Recipient
from provisioning.notifier.recording import Recording
from provisioning.store.outbox import CallMissed, Channel, News, VoicemailLeft

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
SENDER = "Ringplan <voicemail@ringplan.example>"
CALLER = Caller("+441632960998", "Ms Outside")
MESSAGE = VoicemailLeft(1, "m-1", 12.4, NOON, CALLER)
CALL = CallMissed(1, "a@phone.example", NOON, CALLER, "+441632960101", Missed.ENGAGED)
ALICE = Recipient(1, "Alice", "alice@acme.example", "GB", ZoneInfo("Europe/Paris"))
SAMPLES = bytes(range(256)) * 125
SOUND = Recording(wav.header(len(SAMPLES)) + SAMPLES)
NONE = Recording(None)


def entry(news: News = MESSAGE, number: int = 1, channel: Channel = Channel.MAIL, attempts: int = 0) -> Entry:
    """A row of the queue."""
    return Entry(number, f"{news.key}:{channel}", channel, news, NOON, attempts)


def called_by(news: News, caller: Caller) -> News:
    """The same news of somebody else."""
    return replace(news, caller=caller)


def record(folder: Path, name: str = "m-1") -> Path:
    """A message's sound in a mailbox below `folder`."""
    path = folder / "mailbox" / "1" / "new" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    wav.write(path, SAMPLES)
    return path
