"""The portal as a state machine: every phase against every key, time-out, hang-up, lost worker and failure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.owners import PinProblem, PinVerdict
from media.scripts.menu import AHEAD, AHEAD_KEYS, KEYS, PROMPTS, TABLE, Do, Phase
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
    UseGreeting,
    Wait,
    Why,
)
from tests.media.scripts.visits import (
    FRESH,
    KEYPAD,
    NOW,
    OWNER,
    PHRASES,
    WAYS,
    A,
    B,
    C,
    S,
    into,
    keys,
    run,
    said,
)


def test_every_phase_is_reached_and_the_table_is_of_phases_with_keys() -> None:
    assert set(WAYS) == set(Phase)
    assert {line.do for line in TABLE} == set(Do)
    assert len(KEYS) == sum(len(line.keys) for line in TABLE), "each key once"


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("key", KEYPAD)
@pytest.mark.parametrize("phase", Phase)
def test_every_key_in_every_phase(phase: Phase, key: str) -> None:
    """The table is true; what is not in it is kept for a prompt to come, or changes nothing."""
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
        kept = key if phase in AHEAD and key != "#" else ""
        assert (portal, asked) == (replace(into(phase), ahead=kept), [])


@pytest.mark.behaviour("W5")
def test_keys_that_come_before_any_prompt_are_kept_up_to_the_message() -> None:
    """A phone may dial PIN and choice at once: `#` ends the PIN, 1 asks for new messages, 2 saves the first one."""
    portal, asked = run(FRESH, *keys("271"), Answered(), *keys("828#12"), Arrival(OWNER, locked=False))
    assert asked == [Arrive(), Play(("enter-pin",)), *[Wait(10.0)] * 5, CheckPin("271828")]
    portal, asked = run(portal, PinChecked(PinVerdict.RIGHT), Opened((A, B), NOW))
    assert isinstance(asked[-1], Open) and portal.wanted == "new"
    portal, asked = run(portal, Opened((A, B), NOW))
    assert Save("a") in asked
    assert portal.walk.current == B


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize(
    ("pressed", "answers", "then"),
    [
        ("271828345", (PinChecked(PinVerdict.WRONG),), Phase.PIN),
        ("2718281345", (PinChecked(PinVerdict.RIGHT), Opened((S,), NOW), Opened((S,), NOW)), Phase.MAIN),
        ("12#", (), Phase.PIN),
    ],
)
def test_keys_behind_what_failed_are_forgotten(pressed: str, answers: tuple[Event, ...], then: Phase) -> None:
    portal = run(FRESH, Answered(), *keys(pressed), Arrival(OWNER, locked=False), *answers)[0]
    assert (portal.phase, portal.typed, portal.ahead) == (then, "", "")


def test_only_so_many_keys_are_kept() -> None:
    portal = run(FRESH, Answered(), *keys("1" * 100))[0]
    assert portal.ahead == "1" * AHEAD_KEYS
    assert "111" not in repr(portal)


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
