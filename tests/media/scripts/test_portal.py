"""The portal as a state machine: every phase against every key, time-out, hang-up, lost worker and failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.message import Caller, Envelope, Message, State
from media.owners import Owner, PinProblem, PinVerdict
from media.prompts import catalogue
from media.scripts import spoken
from media.scripts.menu import KEYS, PROMPTS, TABLE, Do, Phase, PortalLimits
from media.scripts.portal import Portal
from media.scripts.script import (
    Action,
    Answered,
    Arrival,
    Arrive,
    CheckPin,
    CutOff,
    Delete,
    Digit,
    Done,
    End,
    Event,
    Failed,
    Forget,
    Gone,
    Greeting,
    HangUp,
    Lost,
    Missing,
    Open,
    Opened,
    PinChecked,
    PinSet,
    Play,
    Played,
    Progress,
    Quiet,
    Record,
    Recorded,
    Recording,
    RemoveGreeting,
    Restore,
    Save,
    SetPin,
    StopRecording,
    Stored,
    UseGreeting,
    Wait,
    Why,
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


def test_every_phase_is_reached_and_the_table_is_of_phases_with_keys() -> None:
    assert set(WAYS) == set(Phase)
    assert {line.do for line in TABLE} == set(Do)
    assert len(KEYS) == sum(len(line.keys) for line in TABLE), "each key once"


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("key", KEYPAD)
@pytest.mark.parametrize("phase", Phase)
def test_every_key_in_every_phase(phase: Phase, key: str) -> None:
    """The table is true; what is not in it changes nothing."""
    portal, asked = run(into(phase), Digit(key))
    line = KEYS.get((phase, key))
    if line is not None and line.do is not Do.SUBMIT:
        assert portal.phase is line.then
        assert asked, "something is heard, asked for or waited for"
    elif line is not None:
        again = Phase.PIN if phase is Phase.PIN else Phase.NEW_PIN
        assert (portal.phase, asked) == (again, [Play(("pin-length", PROMPTS[again]))])
    elif phase in PROMPTS:
        assert (portal.phase, asked) == (phase, [Play(("not-possible", PROMPTS[phase]))])
    else:
        assert (portal, asked) == (into(phase), [])


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("phase", Phase)
def test_silence_brings_help_and_in_the_end_goodbye(phase: Phase) -> None:
    portal, asked = run(into(phase), Quiet())
    if phase not in PROMPTS:
        assert (portal, asked) == (into(phase), [])
        return
    assert asked == [Play((PROMPTS[phase],))]
    assert run(portal, Played())[1] == [Wait(6.0)]
    portal, asked = run(portal, Played(), Quiet(), Played(), Quiet())
    assert said(asked) == [(PROMPTS[phase],), ("goodbye",)]
    assert run(portal, Played(), Gone())[1] == [HangUp(), End(Why.SILENCE)]


def test_a_key_is_patience_again() -> None:
    portal = run(into(Phase.MAIN), Quiet(), Quiet(), Digit("*"), Quiet(), Quiet())[0]
    assert portal.phase is Phase.MAIN


@pytest.mark.parametrize("phase", Phase)
def test_hanging_up_anywhere_ends_it_once(phase: Phase) -> None:
    portal, asked = run(into(phase), Gone())
    why = Why.HASH if phase in (Phase.LEAVING, Phase.LEFT) else Why.HANGUP
    assert asked == [End(why)]
    assert portal.phase is Phase.LEFT


AWAITED: dict[Phase, Event] = {
    Phase.CHECKING: PinChecked(PinVerdict.WRONG),
    Phase.OPENING: Opened((A,), NOW),
    Phase.CHANGING: Done(),
    Phase.SETTING: PinSet(None),
}


@pytest.mark.behaviour("W4", "W5")
@pytest.mark.parametrize("phase", Phase)
def test_on_another_worker_it_goes_on_where_it_was(phase: Phase) -> None:
    """What was said is said again, but nothing is asked of anybody twice."""
    before, asked_before = run(FRESH, *WAYS[phase])
    portal, asked = run(before, Lost(), Answered())
    match phase:
        case Phase.ARRIVING:
            assert asked == [Arrive()]  # harmless: it changes nothing
        case Phase.LEFT:
            assert asked == [HangUp()]
        case Phase.INSTRUCTION | Phase.BEEP | Phase.RECORDING | Phase.CLOSING:
            assert (portal.phase, asked) == (Phase.INSTRUCTION, [Forget(), Play(("record-greeting",))])
        case _ if phase in AWAITED:
            assert (portal, asked) == (before, [])
            portal, asked = run(portal, AWAITED[phase])
            answered_meanwhile, nothing = run(before, Lost(), AWAITED[phase], Answered())
            assert answered_meanwhile == portal
            assert nothing == asked * 2, "said into the air, and again"
        case _:
            assert (portal, asked) == (before, [said_last(asked_before)])


def said_last(asked: list[Action]) -> Action:
    return [action for action in asked if isinstance(action, Play)][-1]


@pytest.mark.parametrize("phase", Phase)
def test_a_failure_is_said_once_and_ends_the_call(phase: Phase) -> None:
    portal, asked = run(into(phase), Failed())
    match phase:
        case Phase.LEFT:
            assert asked == []
        case Phase.LEAVING:
            assert asked == [HangUp()]
        case _:
            assert asked == [Play(("unavailable",))]
            assert run(portal, Failed(), Failed(), Gone())[1] == [HangUp(), End(Why.ERROR)]


@pytest.mark.behaviour("W5")
def test_a_disk_that_fills_while_a_greeting_is_recorded_ends_the_call_and_nothing_changes() -> None:
    asked = run(into(Phase.RECORDING), CutOff(), Played(), Gone())[1]
    assert asked == [Play(("unavailable",)), HangUp(), End(Why.DISK_FULL)]


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
    assert asked[2:7] == [Wait(6.0)] * 5
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


# Messages


HEAD_A = ("message-new", "received", "today", "at")


@pytest.mark.behaviour("W5")
def test_a_message_is_announced_heard_and_then_the_menu_said() -> None:
    _portal, asked = run(into(Phase.MAIN), Digit("1"), Opened((A, B, S), NOW), Played(), Played(), Played())
    assert asked[0] == Open()
    head, _sound, _menu = asked[1:4]
    assert isinstance(head, Play)
    assert head.sounds[:4] == HEAD_A
    assert head.sounds[-4:] == ("pause", "digit-1", "digit-2", "digit-3")
    assert asked[2:] == [Play((Stored("a"),)), Play(("message-menu",)), Wait(6.0)]


@pytest.mark.behaviour("A3", "W5")
def test_a_withheld_caller_is_said_to_be_withheld() -> None:
    anonymous = message("x", caller=Caller("+441632960123", withheld=True))
    asked = run(into(Phase.MAIN), Digit("1"), Opened((anonymous,), NOW))[1]
    assert said(asked)[0][-1] == "withheld-number"


@pytest.mark.parametrize(("key", "phrase"), [("1", "no-new-messages"), ("2", "no-saved-messages")])
def test_no_messages(key: str, phrase: str) -> None:
    portal, asked = run(into(Phase.MAIN), Digit(key), Opened((), NOW))
    assert (portal.phase, asked[1:]) == (Phase.MAIN, [Play((phrase, "main-menu"))])


def test_only_those_asked_for_are_heard_oldest_first() -> None:
    portal = run(into(Phase.MAIN), Digit("2"), Opened((A, B, S), NOW))[0]
    assert portal.walk.messages == (S,)
    asked = run(into(Phase.MESSAGE), Played(), Digit("#"), Played(), Digit("#"))[1]
    assert asked[0] == Play((Stored("a"),))
    assert asked[2] == Play((Stored("b"),))
    assert asked[-1] == Play(("no-more-messages", "main-menu"))


TO_MENU = (Played(), Played())
"""From the head of a message to its end."""


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("leaving", [Digit("#"), Digit("*"), Gone()])
def test_a_new_message_heard_to_its_end_becomes_a_saved_one_when_left(leaving: Event) -> None:
    assert Save("a") in run(into(Phase.MESSAGE), *TO_MENU, leaving)[1]


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("leaving", [Digit("#"), Digit("*"), Gone()])
def test_one_that_was_not_heard_to_its_end_stays_new(leaving: Event) -> None:
    assert Save("a") not in run(into(Phase.MESSAGE), Played(), leaving)[1]
    assert Save("a") not in run(into(Phase.MESSAGE), leaving)[1]


def test_a_message_is_saved_once() -> None:
    asked = run(into(Phase.MESSAGE), *TO_MENU, Digit("1"), Played(), Digit("2"), Gone())[1]
    assert asked.count(Save("a")) == 1


def test_silence_after_a_message_saves_it_with_the_goodbye() -> None:
    asked = run(into(Phase.MESSAGE), *TO_MENU, Played(), Quiet(), Quiet(), Quiet(), Gone())[1]
    assert asked.count(Save("a")) == 1


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize(
    ("part", "key", "at", "start"),
    [
        ((), "4", 0.0, 0.0),
        ((), "6", 0.0, 5.0),
        ((Played(),), "1", 12.0, 0.0),
        ((Played(),), "4", 12.0, 7.0),
        ((Played(),), "4", 3.0, 0.0),
        ((Played(),), "6", 12.0, 17.0),
        (TO_MENU, "1", 0.0, 0.0),
        (TO_MENU, "4", 0.0, 15.0),
    ],
)
def test_back_forward_and_repeat(part: tuple[Event, ...], key: str, at: float, start: float) -> None:
    asked = run(run(into(Phase.MESSAGE), *part)[0], Digit(key, at))[1]
    assert asked == [Play((Stored("a"),), start)]


@pytest.mark.parametrize(("part", "at"), [((Played(),), 15.0), (TO_MENU, 0.0)])
def test_forward_beyond_the_end_is_the_end(part: tuple[Event, ...], at: float) -> None:
    portal, asked = run(run(into(Phase.MESSAGE), *part)[0], Digit("6", at))
    assert asked == [Play(("message-menu",))]
    assert run(portal, Gone())[1] == [Save("a"), End(Why.HANGUP)]


def test_a_message_goes_on_where_it_was_on_another_worker() -> None:
    asked = run(into(Phase.MESSAGE), Played(), Lost(7.5), Answered())[1]
    assert asked[-1] == Play((Stored("a"),), 7.5)


@pytest.mark.behaviour("W5")
def test_a_message_is_deleted_and_restored_at_once() -> None:
    portal, asked = run(into(Phase.MESSAGE), Played(), Digit("3"))
    assert asked[1] == Delete("a")
    assert said(asked)[-1][:2] == ("message-deleted", "message-new")
    assert portal.walk.current == B
    portal, asked = run(portal, Digit("5"))
    assert asked[0] == Restore("a", "new")
    assert said(asked)[0][:2] == ("message-restored", "message-new")
    assert portal.walk.current == A


@pytest.mark.behaviour("W5")
def test_deleted_messages_come_back_last_first_also_later() -> None:
    portal, asked = run(into(Phase.MESSAGE), *keys("33"))
    assert (portal.phase, asked[-1]) == (
        Phase.MAIN,
        Play(("message-deleted", "no-more-messages", "main-menu")),
    )
    portal, asked = run(portal, *keys("555"))
    assert [action for action in asked if isinstance(action, Restore)] == [
        Restore("b", "new"),
        Restore("a", "new"),
    ]
    restored = ("message-restored", "main-menu")
    assert said(asked) == [restored, restored, ("nothing-to-restore", "main-menu")]


def test_a_heard_message_restored_and_left_becomes_saved() -> None:
    asked = run(into(Phase.MESSAGE), *TO_MENU, *keys("35"), Gone())[1]
    assert [action for action in asked if isinstance(action, Delete | Restore | Save)] == [
        Delete("a"),
        Restore("a", "new"),
        Save("a"),
    ]


def test_restoring_one_of_another_walk_stays_at_the_message() -> None:
    portal = run(into(Phase.MESSAGE), *keys("3*"), Digit("2"), Opened((B, S), NOW))[0]
    portal, asked = run(portal, Digit("5"))
    assert asked == [Restore("a", "new"), Play(("message-restored", "message-menu"))]
    assert portal.walk.current == S


@pytest.mark.behaviour("W5")
def test_a_message_that_another_session_deleted_is_passed_over() -> None:
    portal, asked = run(into(Phase.MESSAGE), Played(), Missing())
    assert portal.walk.current == B
    assert Save("a") not in asked


def test_a_saved_message_saved_again_stays_one() -> None:
    asked = run(into(Phase.MAIN), Digit("2"), Opened((S,), NOW), Digit("2"))[1]
    assert said(asked)[-1] == ("message-saved", "no-more-messages", "main-menu")


# Greetings


@pytest.mark.behaviour("V1", "W5")
@pytest.mark.parametrize(("key", "occasion"), [("1", "no-answer"), ("2", "busy"), ("3", "out-of-hours")])
def test_a_greeting_is_recorded_for_each_occasion(key: str, occasion: str) -> None:
    portal, asked = run(into(Phase.GREETINGS), *keys(key + "2"), Played(), Played())
    assert said(asked) == [("greeting-menu",), ("record-greeting",), ("beep",)]
    assert asked[-1] == Record()
    asked = run(portal, Digit("#"), Recorded(5.0), Digit("2"), Digit("1"), Done())[1]
    assert asked == [
        StopRecording(),
        Play(("greeting-review",)),
        Play((Recording(), "greeting-review")),
        UseGreeting(occasion),
        Play(("greeting-saved", "greeting-menu")),
    ]


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize(
    ("progress", "ends"),
    [
        (Progress(119.9, 0.0), False),
        (Progress(120.0, 0.0), True),
        (Progress(60.0, 9.9), False),
        (Progress(60.0, 10.0), True),
    ],
)
def test_what_ends_the_recording_of_a_greeting(progress: Progress, ends: bool) -> None:
    assert run(into(Phase.RECORDING), progress)[1] == [StopRecording()] * ends


@pytest.mark.parametrize(("sound", "kept"), [(0.9, False), (1.0, True)])
def test_a_greeting_needs_a_second_of_sound(sound: float, kept: bool) -> None:
    asked = run(into(Phase.CLOSING), Recorded(sound))[1]
    assert asked == (
        [Play(("greeting-review",))] if kept else [Forget(), Play(("greeting-too-short", "greeting-menu"))]
    )


def test_a_greeting_is_heard_or_said_to_be_the_standard_one() -> None:
    portal, asked = run(into(Phase.GREETING), Digit("1"))
    assert asked == [Play((Greeting("no-answer"), "greeting-menu"))]
    assert run(portal, Missing())[1] == [Play(("standard-greeting", "greeting-menu"))]


def test_back_to_the_standard_greeting() -> None:
    asked = run(into(Phase.GREETING), Digit("3"), Done())[1]
    assert asked == [RemoveGreeting("no-answer"), Play(("greeting-removed", "greeting-menu"))]


def test_recording_again_and_discarding() -> None:
    assert run(into(Phase.REVIEW), Digit("3"))[1] == [Forget(), Play(("record-greeting",))]
    portal, asked = run(into(Phase.REVIEW), Digit("*"))
    assert (portal.phase, asked) == (Phase.GREETING, [Play(("greeting-menu",))])


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


# Anything


EVENTS = st.one_of(
    st.sampled_from(
        [
            *(Answered(), Played(), Missing(), Quiet(), Lost(3.0), Done(), Recorded(0.5), Recorded(5.0)),
            *(Arrival(OWNER, False), PinChecked(PinVerdict.RIGHT), PinChecked(PinVerdict.WRONG)),
            *(Opened((A, B, C, S), NOW), Opened((), NOW), PinSet(None), PinSet(PinProblem.RUN)),
            *(Progress(130.0, 0.0), Played(), Played()),
        ]
    ),
    st.builds(Digit, st.sampled_from(KEYPAD), st.floats(0, 20)),
    st.builds(Digit, st.sampled_from("123456#")),
)


@given(st.sampled_from(list(Phase)), st.lists(EVENTS, max_size=40))
def test_whatever_happens(phase: Phase, events: list[Event]) -> None:
    """It ends once; what is said is in the catalogue; three PINs at most; what is deleted can be restored once."""
    _, asked = run(FRESH, *WAYS[phase], *events, Gone())
    assert [type(action) for action in asked].count(End) == 1
    assert isinstance(asked[-1], End)
    for sounds in said(asked):
        assert sounds
        assert all(not isinstance(sound, str) or sound in PHRASES for sound in sounds)
    opened = next((at for at, action in enumerate(asked) if isinstance(action, Open)), len(asked))
    assert sum(isinstance(action, CheckPin) for action in asked[:opened]) <= 3
    assert not any(isinstance(action, CheckPin) for action in asked[opened:])
    assert not any(isinstance(action, Delete | Save | UseGreeting | SetPin) for action in asked[:opened])
    deleted: list[str] = []
    for action in asked:
        if isinstance(action, Delete):
            deleted.append(action.message)
        elif isinstance(action, Restore):
            assert action.message == deleted.pop()
