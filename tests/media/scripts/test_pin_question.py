"""The PIN at the door, and a new one."""

from __future__ import annotations

import pytest

from media.owners import Owner, PinProblem, PinVerdict
from media.scripts.menu import Phase
from media.scripts.script import (
    Answered,
    Arrival,
    Arrive,
    CheckPin,
    Digit,
    End,
    Event,
    Gone,
    HangUp,
    Open,
    Opened,
    PinChecked,
    PinSet,
    Play,
    Played,
    Quiet,
    SetPin,
    Wait,
    Why,
)
from tests.media.scripts.visits import (
    ARRIVED,
    FRESH,
    MAIN,
    NEW_PIN,
    NOW,
    OPENING,
    OWNER,
    into,
    keys,
    run,
    said,
)

# Getting in


@pytest.mark.behaviour("W2")
@pytest.mark.parametrize("owner", [Owner(7, "Europe/London", "GB", has_pin=False), None])
@pytest.mark.parametrize("locked", [False, True])
def test_without_a_pin_it_stays_shut(owner: Owner | None, locked: bool) -> None:
    asked = run(FRESH, Answered(), Arrival(owner, locked), *keys("271828"), Played(), Gone())[1]
    assert asked == [Arrive(), Play(("no-pin",)), HangUp(), End(Why.NO_PIN)]


@pytest.mark.behaviour("W4")
def test_a_locked_portal_does_not_ask() -> None:
    asked = run(FRESH, Answered(), Arrival(OWNER, True), *keys("271828"), Played(), Gone())[1]
    assert asked == [Arrive(), Play(("pin-locked",)), HangUp(), End(Why.LOCKED)]


@pytest.mark.behaviour("W5")
def test_a_right_pin_opens_and_the_counts_are_said() -> None:
    asked = run(FRESH, *MAIN)[1]
    counts = ("you-have", "digit-2", "new", "messages", "and", "digit-1", "message-saved-one")
    assert asked[1] == Play(("enter-pin",))
    assert asked[2:7] == [Wait(10.0)] * 5
    assert asked[7:] == [CheckPin("271828"), Open(), Play((*counts, "main-menu"))]


@pytest.mark.behaviour("W4")
def test_three_wrong_pins_end_the_call() -> None:
    wrong = (*keys("111111"), PinChecked(PinVerdict.WRONG))
    portal, asked = run(FRESH, *ARRIVED, *wrong, *wrong, *wrong, *keys("271828"))
    assert said(asked) == [("enter-pin",), *[("pin-wrong", "enter-pin")] * 2, ("too-many-tries",)]
    assert sum(isinstance(action, CheckPin) for action in asked) == 3
    assert run(portal, Played(), Gone())[1] == [HangUp(), End(Why.WRONG_PIN)]


@pytest.mark.behaviour("W4")
def test_a_pin_that_locks_ends_the_call() -> None:
    portal, asked = run(FRESH, *ARRIVED, *keys("111111"), PinChecked(PinVerdict.LOCKED))
    assert asked[-1] == Play(("pin-locked",))
    assert run(portal, Played(), Gone())[1] == [HangUp(), End(Why.LOCKED)]


def test_hash_after_too_few_digits_says_how_many_and_three_times_is_enough() -> None:
    asked = run(FRESH, *ARRIVED, *keys("12#12345##"))[1]
    again = ("pin-length", "enter-pin")
    assert said(asked) == [("enter-pin",), again, again, ("too-many-tries",)]
    assert not any(isinstance(action, CheckPin) for action in asked)


def test_star_begins_the_pin_again() -> None:
    assert CheckPin("271828") in run(FRESH, *ARRIVED, *keys("99*271828"))[1]


def test_digits_before_a_silence_are_forgotten() -> None:
    assert CheckPin("271828") in run(FRESH, *ARRIVED, *keys("99"), Quiet(), *keys("271828"))[1]


def test_no_pin_is_ever_shown() -> None:
    portal, asked = run(FRESH, *ARRIVED, *keys("27182"))
    assert "27182" not in repr(portal)
    portal, asked = run(into(Phase.REPEAT_PIN), *keys("31415"))
    assert "31415" not in repr(portal)
    asked = run(portal, Digit("9"))[1]
    assert isinstance(asked[0], SetPin)
    assert "314159" not in repr(asked)
    assert "314159" not in repr(run(FRESH, *ARRIVED, *keys("314159"))[1])
    assert "5" not in repr(Digit("5"))


# The PIN


@pytest.mark.behaviour("W3", "W5")
def test_the_pin_is_changed() -> None:
    asked = run(into(Phase.MAIN), *keys("4314159314159"), PinSet(None))[1]
    assert said(asked) == [("new-pin",), ("repeat-pin",), ("pin-changed", "main-menu")]
    assert [action for action in asked if isinstance(action, SetPin)] == [SetPin("314159")]


@pytest.mark.behaviour("W3")
@pytest.mark.parametrize(
    ("problem", "phrase"),
    [
        (PinProblem.LENGTH, "pin-length"),
        (PinProblem.SAME_DIGIT, "pin-too-simple"),
        (PinProblem.RUN, "pin-too-simple"),
        (PinProblem.OWN_NUMBER, "pin-own-number"),
    ],
)
def test_a_refused_pin_is_asked_for_again_three_times_at_most(problem: PinProblem, phrase: str) -> None:
    attempt = (*keys("314159314159"), PinSet(problem))
    portal, asked = run(into(Phase.NEW_PIN), *attempt)
    assert said(asked)[-1] == (phrase, "new-pin")
    portal, asked = run(portal, *attempt, *attempt)
    assert said(asked)[-1] == (phrase, "main-menu")


@pytest.mark.behaviour("W3", "W4")
@pytest.mark.parametrize(
    "before",
    [
        (*OPENING[:-1], PinChecked(PinVerdict.WRONG), *OPENING[-7:], Opened((), NOW), Digit("4")),
        (*NEW_PIN, *keys("1#1#1#"), Digit("4")),
        (*NEW_PIN, *keys("1#1#*"), Digit("4")),
        (*NEW_PIN, *keys("1#1#314159314159"), PinSet(None), Digit("4")),
    ],
    ids=["a wrong PIN to get in", "three before", "given up", "changed"],
)
def test_who_begins_to_change_the_pin_has_three_tries(before: tuple[Event, ...]) -> None:
    portal, _ = run(FRESH, *before, *keys("1#1#"))
    assert portal.phase is Phase.NEW_PIN
    assert run(portal, *keys("1#"))[0].phase is Phase.MAIN


def test_two_different_pins_are_refused() -> None:
    portal, asked = run(into(Phase.REPEAT_PIN), *keys("314158"))
    assert asked[-1] == Play(("pin-mismatch", "new-pin"))
    assert not any(isinstance(action, SetPin) for action in asked)
    assert SetPin("271828") in run(portal, *keys("271828271828"))[1]
