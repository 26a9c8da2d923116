"""When visits to the voice portal count, and what the owners find."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from media.mailbox import Mailbox
from media.message import Counts
from tests.bench.accounting import Usage
from tests.bench.portal import MESSAGE_SECONDS, NEW_MESSAGES, Visits, problem, put_messages, saved

GOOD = Visits(Usage(20, {"media": 5.0}, 0.0), 300.0, (0.1, 0.2), 0, 0)
NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("visits", "heard", "said"),
    [
        (GOOD, 2, ""),
        (GOOD, 1, "1 of 2 messages heard"),
        (replace(GOOD, mute=1), 2, "1 of 2 owners heard nothing"),
        (replace(GOOD, failed=1, mute=1), 1, "1 of 2 calls failed"),
    ],
)
def test_every_owner_must_get_in_and_hear_a_message(visits: Visits, heard: int, said: str) -> None:
    assert problem(2, visits, heard) == said


def test_every_owner_finds_the_same_new_messages(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    put_messages(mailbox, (1, 2), NOW)
    for owner in (1, 2):
        assert mailbox.counts(owner) == Counts(NEW_MESSAGES, 0)
        assert [message.seconds for message in mailbox.list(owner)] == [MESSAGE_SECONDS] * NEW_MESSAGES
        mailbox.save(owner, mailbox.list(owner)[0].id)
    assert saved(mailbox, (1, 2)) == 2
    put_messages(mailbox, (1, 2), NOW)
    assert saved(mailbox, (1, 2)) == 0
    assert mailbox.counts(1) == Counts(NEW_MESSAGES, 0)
