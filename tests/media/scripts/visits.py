"""Visits to the voice portal, as far as each phase, for the tests of this folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from media.message import Caller, Envelope, Message, State
from media.owners import Owner, PinVerdict
from media.prompts import catalogue
from media.scripts import spoken
from media.scripts.menu import Phase, PortalLimits
from media.scripts.portal import Portal
from media.scripts.script import (
    Action,
    Answered,
    Arrival,
    Digit,
    Event,
    Opened,
    PinChecked,
    Play,
    Played,
    Recorded,
)

LIMITS = PortalLimits(wait=6.0)
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OWNER = Owner(7, "Europe/London", "GB", has_pin=True)
KEYPAD = "0123456789*#"
PHRASES = catalogue.read()["en"].phrases


def message(id: str, state: State = "new", caller: Caller | None = None) -> Message:
    envelope = Envelope(caller or Caller("+441632960123"), NOW - timedelta(minutes=5), id, "busy")
    return Message(id, 7, state, envelope, 20.0, Path(f"/{id}.wav"))


A, B, C, S = message("a"), message("b"), message("c"), message("s", "saved")


def keys(text: str) -> tuple[Event, ...]:
    return tuple(Digit(key) for key in text)


def run(portal: Portal, *events: Event) -> tuple[Portal, list[Action]]:
    """The portal after these events and everything it asked for."""
    asked: list[Action] = []
    for event in events:
        portal, actions = portal.step(event)
        asked.extend(actions)
    return portal, asked


def said(asked: list[Action]) -> list[tuple[object, ...]]:
    return [action.sounds for action in asked if isinstance(action, Play)]


FRESH = Portal(spoken.language("en"), LIMITS)
ARRIVED: tuple[Event, ...] = (Answered(), Arrival(OWNER, locked=False))
OPENING = (*ARRIVED, *keys("271828"), PinChecked(PinVerdict.RIGHT))
MAIN = (*OPENING, Opened((A, B, S), NOW))
NEW = (*MAIN, Digit("1"), Opened((A, B, S), NOW))
GREETING = (*MAIN, *keys("31"))
RECORDING = (*GREETING, Digit("2"), Played(), Played())
REVIEW = (*RECORDING, Digit("#"), Recorded(5.0))
NEW_PIN = (*MAIN, Digit("4"))
REPEAT = (*NEW_PIN, *keys("314159"))

WAYS: dict[Phase, tuple[Event, ...]] = {
    Phase.ARRIVING: (Answered(),),
    Phase.PIN: ARRIVED,
    Phase.CHECKING: (*ARRIVED, *keys("271828")),
    Phase.OPENING: OPENING,
    Phase.MAIN: MAIN,
    Phase.MESSAGE: NEW,
    Phase.GREETINGS: (*MAIN, Digit("3")),
    Phase.GREETING: GREETING,
    Phase.INSTRUCTION: (*GREETING, Digit("2")),
    Phase.BEEP: (*GREETING, Digit("2"), Played()),
    Phase.RECORDING: RECORDING,
    Phase.CLOSING: (*RECORDING, Digit("#")),
    Phase.REVIEW: REVIEW,
    Phase.CHANGING: (*REVIEW, Digit("1")),
    Phase.NEW_PIN: NEW_PIN,
    Phase.REPEAT_PIN: REPEAT,
    Phase.SETTING: (*REPEAT, *keys("314159")),
    Phase.LEAVING: (*MAIN, Digit("#")),
    Phase.LEFT: (*MAIN, Digit("#"), Played()),
}
"""The events that lead into each phase."""


def into(phase: Phase) -> Portal:
    portal = run(FRESH, *WAYS[phase])[0]
    assert portal.phase is phase
    return portal
