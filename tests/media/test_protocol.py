"""Requests and events as they stand on the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from b2bua.callplan.steps import Occasion as PlannedOccasion
from media.message import Caller, Occasion
from media.protocol import (
    BadRequest,
    CountsChanged,
    Event,
    MessageStored,
    PoolStats,
    Reservation,
    Service,
    SessionEnded,
    SessionLost,
    event_from_json,
    event_to_json,
)
from media.scripts.script import Why

RESERVATION = Reservation(
    "abc123",
    12,
    Service.DEPOSIT,
    "call@test.example",
    Caller("+441632960123", "Ann"),
    Occasion.OUT_OF_HOURS,
    "201",
)


def test_a_reservation_survives_the_wire() -> None:
    assert Reservation.from_json(json.loads(json.dumps(RESERVATION.to_json()))) == RESERVATION


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session", "UPPER"),
        ("session", "a" * 33),
        ("session", ""),
        ("session", None),
        ("mailbox", "12"),
        ("occasion", "lunch"),
        ("occasion", None),
        ("extension", "20a"),
        ("extension", "٣"),
        ("caller", {"who": "?"}),
        ("caller", "Ann"),
        ("caller", {"name": 7}),
        ("caller", {"name": "Ann \udcff"}),
        ("caller", {"number": "\udcff"}),
        ("call_id", "odd-\udcff"),
    ],
)
def test_a_wrong_reservation_is_refused(field: str, value: object) -> None:
    with pytest.raises(BadRequest):
        Reservation.from_json(RESERVATION.to_json() | {field: value})


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (
            MessageStored("s1", 12, "m1", 7.3, Path("/m/m1.wav")),
            {"event": "message", "session": "s1", "mailbox": 12, "message": "m1", "seconds": 7.3}
            | {"path": "/m/m1.wav"},
        ),
        (CountsChanged(12, 1, 0), {"event": "counts", "mailbox": 12, "new": 1, "saved": 0}),
        (SessionLost("s1"), {"event": "lost", "session": "s1"}),
        (SessionEnded("s1", Why.HASH), {"event": "ended", "session": "s1", "why": "hash"}),
        (PoolStats(4, 2, 1), {"event": "stats", "workers": 4, "spare": 2, "sessions": 1}),
    ],
)
def test_events_on_the_wire(event: Event, wire: dict[str, object]) -> None:
    assert json.loads(json.dumps(event_to_json(event))) == wire
    assert event_from_json(wire) == event


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(BadRequest):
        event_from_json({"event": "surprise"})


def test_the_occasions_of_a_call_plan_are_those_of_a_mailbox() -> None:
    """Neither side imports the other: the words on the socket are what they share."""
    assert [one.value for one in PlannedOccasion] == [one.value for one in Occasion]
