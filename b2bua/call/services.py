"""What every call works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from b2bua.call.line_use import LineUse
from b2bua.call.ports import Devices, Mailboxes, Relay, Trunks, Watcher
from b2bua.sip.agent import UserAgent


@dataclass(frozen=True, slots=True)
class Services:
    """What every call works with. `redirected` counts the calls that each user's redirects have sent elsewhere.

    `chance` gives numbers from 0 to 1.
    """

    agent: UserAgent
    relay: Relay
    mailboxes: Mailboxes
    devices: Devices
    trunks: Trunks
    lines: LineUse
    redirected: LineUse
    watcher: Watcher
    token: Callable[[], str]
    origin: Callable[[], int]
    chance: Callable[[], float]
