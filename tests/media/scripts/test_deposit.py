"""The deposit script as a state machine, without sound or sockets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.scripts.deposit import Deposit, Limits, Occasion, Phase, greeting
from media.scripts.script import (
    Action,
    Answered,
    Digit,
    End,
    Event,
    Failed,
    Gone,
    HangUp,
    Keep,
    Lost,
    Play,
    Played,
    Progress,
    Record,
    Recorded,
    StopRecording,
    Why,
)

LIMITS = Limits(seconds=180.0, silence=10.0)
RECORDING = (Answered(), Played(), Played())


def fresh(full: bool = False) -> Deposit:
    return Deposit.begin(Occasion.NO_ANSWER, "201", LIMITS, full)


def run(script: Deposit, *events: Event) -> tuple[Deposit, list[Action]]:
    """The script after these events and everything it asked for."""
    asked: list[Action] = []
    for event in events:
        script, actions = script.step(event)
        asked.extend(actions)
    return script, asked


@pytest.mark.parametrize(
    ("occasion", "extension", "phrases"),
    [
        (Occasion.NO_ANSWER, "20", ("person-at-extension", "digit-2", "digit-0", "is-unavailable")),
        (Occasion.BUSY, "7", ("person-at-extension", "digit-7", "is-on-the-phone")),
        (Occasion.OUT_OF_HOURS, "7", ("extension", "digit-7", "nobody-available")),
        (Occasion.NO_ANSWER, None, ("nobody-available",)),
        (Occasion.BUSY, None, ("nobody-available",)),
        (Occasion.OUT_OF_HOURS, None, ("nobody-available",)),
    ],
)
def test_the_system_greeting(occasion: Occasion, extension: str | None, phrases: tuple[str, ...]) -> None:
    assert greeting(occasion, extension) == (*phrases, "leave-message")


@pytest.mark.behaviour("V2")
def test_greeting_beep_record() -> None:
    script, asked = run(fresh(), *RECORDING)
    assert asked == [Play(greeting(Occasion.NO_ANSWER, "201")), Play(("beep",)), Record()]
    assert script.phase is Phase.RECORDING


def test_hash_skips_the_greeting_and_other_digits_do_not() -> None:
    script, asked = run(fresh(), Answered(), Digit("5"))
    assert len(asked) == 1
    assert run(script, Digit("#"))[1] == [Play(("beep",))]


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize(
    ("event", "why"),
    [
        (Digit("#"), Why.HASH),
        (Progress(180.0, 0.0), Why.LIMIT),
        (Progress(20.0, 10.0), Why.SILENCE),
    ],
)
def test_what_ends_a_recording(event: Event, why: Why) -> None:
    script, asked = run(run(fresh(), *RECORDING)[0], event)
    assert asked == [StopRecording()]
    script, asked = run(script, Recorded())
    assert asked == [Keep(cut_silent_end=why is Why.SILENCE), Play(("goodbye",))]
    assert run(script, Played(), Gone())[1] == [HangUp(), End(why)]


@pytest.mark.parametrize("event", [Progress(179.9, 9.9), Digit("5"), Digit("*"), Played()])
def test_what_does_not_end_a_recording(event: Event) -> None:
    assert run(run(fresh(), *RECORDING)[0], event)[1] == []


@pytest.mark.behaviour("V2")
def test_hanging_up_keeps_what_was_recorded() -> None:
    assert run(run(fresh(), *RECORDING)[0], Recorded(), Gone())[1] == [Keep(), End(Why.HANGUP)]


def test_hanging_up_before_the_recording_keeps_nothing() -> None:
    assert run(fresh(), Answered(), Gone())[1][1:] == [End(Why.HANGUP)]


@pytest.mark.behaviour("V2")
def test_a_full_mailbox_is_announced_and_nothing_recorded() -> None:
    asked = run(fresh(full=True), Answered(), Played(), Gone())[1]
    assert asked == [Play(("mailbox-full",)), HangUp(), End(Why.FULL)]


@pytest.mark.behaviour("V3")
def test_a_lost_worker_begins_the_phase_again() -> None:
    assert run(fresh(), Answered(), Lost(), Answered())[1] == [Play(greeting(Occasion.NO_ANSWER, "201"))] * 2
    assert run(fresh(), *RECORDING, Lost(), Answered())[1][2:] == [Record(), Record()]


@pytest.mark.behaviour("V3")
def test_a_worker_lost_while_it_closes_the_recording_keeps_it() -> None:
    script, asked = run(fresh(), *RECORDING, Digit("#"), Lost())
    assert asked[3:] == [StopRecording(), Keep()]
    assert run(script, Answered(), Played(), Gone())[1] == [Play(("goodbye",)), HangUp(), End(Why.HASH)]


def test_a_failure_is_said_and_ends_the_call() -> None:
    asked = run(fresh(), Answered(), Failed(), Played(), Gone())[1]
    assert asked[1:] == [Keep(), Play(("unavailable",)), HangUp(), End(Why.ERROR)]


def test_failing_to_say_it_hangs_up_once() -> None:
    asked = run(fresh(), Answered(), Failed(), Failed(), Failed())[1]
    assert asked[1:] == [Keep(), Play(("unavailable",)), HangUp()]


EVENTS = st.one_of(
    st.sampled_from([Answered(), Played(), Recorded(), Lost(), Failed()]),
    st.builds(Digit, st.sampled_from("0123456789*#")),
    st.builds(Progress, st.floats(0, 200), st.floats(0, 20)),
)


@given(st.lists(EVENTS, max_size=20), st.booleans())
def test_whatever_happens_what_was_recorded_is_kept(events: list[Event], full: bool) -> None:
    _, asked = run(fresh(full), *events, Gone())
    assert isinstance(asked[-1], End)
    assert sum(isinstance(action, End) for action in asked) == 1
    if Record() in asked:
        last_record = max(index for index, action in enumerate(asked) if action == Record())
        assert any(isinstance(action, Keep) for action in asked[last_record:])
