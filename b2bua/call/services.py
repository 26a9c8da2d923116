"""What every call works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from b2bua.call.line_use import LineUse
from b2bua.call.ports import Devices, Mailboxes, Relay, Trunks, Watcher
from b2bua.sip.agent import UserAgent


@dataclass(frozen=True, slots=True)
class Services:
    """What every call works with."""

    agent: UserAgent
    relay: Relay
    mailboxes: Mailboxes
    devices: Devices
    trunks: Trunks
    lines: LineUse
    redirected: LineUse
    """The calls that each user's redirects have sent elsewhere (D7)."""
    watcher: Watcher
    token: Callable[[], str]
    """Makes names that were never used before."""
    origin: Callable[[], int]
    """Makes numbers for the origin line of descriptions."""
    chance: Callable[[], float]
    """Gives random numbers from 0 to 1."""
