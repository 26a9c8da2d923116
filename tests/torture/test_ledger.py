"""The ledger: what may be lost is exactly what nobody was promised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.torture.ledger import Deposited, Either, Kept, Registered
from tests.torture.machine import CORES, Moment, stretched


def test_what_was_acknowledged_a_second_before_a_kill_is_certain() -> None:
    phone = Registered()
    phone.asked(True)
    assert phone.possible == {True, False}
    phone.acknowledged(True, 10.0)
    phone.killed(11.0)
    assert phone.possible == {True}
    phone.asked(False)
    phone.acknowledged(False, 12.0)
    phone.killed(12.5)
    assert phone.possible == {True, False}


def test_a_refresh_does_not_make_uncertain_what_was_safe() -> None:
    phone = Registered()
    phone.asked(True)
    phone.acknowledged(True, 10.0)
    phone.asked(True)
    phone.acknowledged(True, 12.0)
    phone.killed(12.1)
    assert phone.possible == {True}


def test_an_interrupted_recording_may_lose_a_second_and_a_finished_one_nothing() -> None:
    message = Deposited("c", "a@b.example", 440.0, beep=10.0, until=16.0)
    assert message.shortest([]) == 5.5
    assert message.shortest([5.0, 17.5]) == 5.5
    assert message.shortest([14.0, 12.0]) == 0.5
    assert message.longest == 6.5
    assert replace(message, others=0.5).shortest([]) == 2.5


def test_a_limit_is_stretched_by_what_others_take() -> None:
    earlier, later = Moment(0.0, 100.0, {1: 50.0, 2: 40.0}), Moment(1.0, 100.5 * CORES, {1: 50.0, 3: 0.25})
    assert later.others_since(earlier) == pytest.approx(min(0.9, (100.5 * CORES - 100.25) / CORES))
    assert replace(later, everybody=100.25).others_since(earlier) == 0, "the killed one is not taken off"
    assert stretched(3.0, 0.5) == 6.0
    assert sum(Moment.now().ours.values()) > 0


def test_a_message_is_where_its_owner_was_told() -> None:
    message = Kept()
    message.heard()
    assert message.possible == {"new", "saved"}, "who has heard a new one saves it by going on"
    message.asked("gone")
    assert message.possible == {"new", "saved", "gone"}
    message.acknowledged("gone")
    assert message.possible == {"gone"}
    message.asked_back()
    assert message.possible == {"new", "saved", "gone"}
    message.restored()
    assert message.possible == {"new", "saved"}


def test_a_value_is_either_until_it_is_acknowledged() -> None:
    pin = Either({"271828"})
    pin.asked("314159")
    assert pin.possible == {"271828", "314159"}
    pin.acknowledged("314159")
    assert pin.possible == {"314159"}
