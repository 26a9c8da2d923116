"""The deposit script as a state machine, without sound or sockets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.message import Occasion
from media.scripts.deposit import Deposit, Limits, Phase, greeting
from media.scripts.script import (
    Action,
    Answered,
    CutOff,
    Digit,
    End,
    Event,
    Failed,
    Forget,
    Gone,
    Greeting,
    HangUp,
    Keep,
    Kept,
    Lost,
    Missing,
    Play,
    Played,
    Progress,
    Quiet,
    Record,
    Recorded,
    Recording,
    StopRecording,
    Wait,
    Why,
)

LIMITS = Limits(seconds=180.0, silence=10.0, min_sound=2.0, wait=6.0)
RECORDING = (Answered(), Played(), Played())
BEEP = (Forget(), Play(("beep",)))
REVIEW = (*RECORDING, Digit("#"), Recorded(2.0))


def fresh(full: bool = False) -> Deposit:
    if full:
        return Deposit.refusal("mailbox-full", Why.FULL)
    return Deposit(greeting(Occasion.NO_ANSWER, "201"), LIMITS)


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
    assert asked == [Play(greeting(Occasion.NO_ANSWER, "201")), *BEEP, Record()]
    assert script.phase is Phase.RECORDING


@pytest.mark.behaviour("V1")
def test_an_own_greeting_that_has_just_gone_is_passed_over() -> None:
    asked = run(Deposit((Greeting("busy"),), LIMITS), Answered(), Missing())[1]
    assert asked == [Play((Greeting("busy"),)), *BEEP]


def test_hash_skips_the_greeting_and_other_digits_do_not() -> None:
    script, asked = run(fresh(), Answered(), Digit("5"))
    assert len(asked) == 1
    assert run(script, Digit("#"))[1] == list(BEEP)


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize(
    ("event", "why"), [(Progress(180.0, 0.0), Why.LIMIT), (Progress(20.0, 10.0), Why.SILENCE)]
)
def test_what_ends_a_recording(event: Event, why: Why) -> None:
    script, asked = run(run(fresh(), *RECORDING)[0], event)
    assert asked == [StopRecording()]
    script, asked = run(script, Recorded(5.0))
    assert asked == [Keep(cut_silent_end=why is Why.SILENCE)]
    assert run(script, Kept(True), Played(), Gone())[1] == [Play(("goodbye",)), HangUp(), End(why)]


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize("answer", [Kept(True), Failed()])
def test_a_disk_that_fills_ends_the_message_and_the_caller_is_told(answer: Event) -> None:
    script, asked = run(run(fresh(), *RECORDING)[0], CutOff(), Recorded(5.0))
    assert asked == [StopRecording(), Keep()]
    assert run(script, answer, Played(), Gone())[1] == [Play(("unavailable",)), HangUp(), End(Why.DISK_FULL)]


def test_a_caller_cut_off_by_a_full_disk_who_hangs_up_has_left_the_message() -> None:
    assert run(fresh(), *RECORDING, CutOff(), Gone())[1][4:] == [StopRecording(), Keep(), End(Why.DISK_FULL)]


@pytest.mark.parametrize("event", [Progress(179.9, 9.9), Digit("5"), Digit("*"), Played(), Quiet()])
def test_what_does_not_end_a_recording(event: Event) -> None:
    assert run(run(fresh(), *RECORDING)[0], event)[1] == []


SENT = [Keep(), Play(("message-sent",)), HangUp(), End(Why.HASH)]
STORED = (Kept(True), Played(), Gone())


@pytest.mark.behaviour("V2")
def test_after_hash_the_message_can_be_reviewed() -> None:
    asked = run(fresh(), *REVIEW, Played())[1]
    assert asked[4:] == [StopRecording(), Play(("review-menu",)), Wait(6.0)]


@pytest.mark.behaviour("V2")
@pytest.mark.parametrize(
    "choice", [(Digit("1"),), (Digit("#"),), (Played(), Quiet()), (Played(), Digit("1"))]
)
def test_what_sends_a_reviewed_message(choice: tuple[Event, ...]) -> None:
    script = run(fresh(), *REVIEW)[0]
    assert [action for action in run(script, *choice, *STORED)[1] if action != Wait(6.0)] == SENT


def test_hanging_up_in_the_review_sends() -> None:
    script = run(fresh(), *REVIEW)[0]
    assert run(script, Gone())[1] == [Keep(), End(Why.HANGUP)]
    assert run(script, Digit("2"), Gone())[1][1:] == [Keep(), End(Why.HANGUP)]


def test_a_message_can_be_heard_before_it_is_sent() -> None:
    script, asked = run(run(fresh(), *REVIEW)[0], Digit("2"), Played())
    assert asked == [Play((Recording(),)), Play(("review-menu",))]
    assert run(script, Digit("2"), Digit("1"))[1] == [Play((Recording(),)), Keep()]


def test_a_message_can_be_recorded_again() -> None:
    script, asked = run(run(fresh(), *REVIEW)[0], Digit("3"), Played())
    assert asked == [*BEEP, Record()]
    assert run(script, Gone())[1] == [Keep(), End(Why.HANGUP)]


@pytest.mark.parametrize("key", "4567890*")
def test_other_keys_say_the_choices_again(key: str) -> None:
    assert run(run(fresh(), *REVIEW)[0], Digit(key))[1] == [Play(("review-menu",))]


def test_hash_after_too_little_sound_is_a_mistake_once() -> None:
    script, asked = run(fresh(), *RECORDING, Digit("#"), Recorded(1.9), Played(), Played())
    assert asked[5:] == [Play(("greeting-too-short",)), *BEEP, Record()]
    asked = run(script, Digit("#"), Recorded(1.9), Kept(False), Played(), Gone())[1]
    assert asked == [StopRecording(), Keep(), Play(("goodbye",)), HangUp(), End(Why.HASH)]


def test_what_cannot_be_stored_is_not_said_to_be_sent() -> None:
    asked = run(run(fresh(), *REVIEW)[0], Digit("1"), Failed(), Played(), Gone())[1]
    assert asked == [Keep(), Play(("unavailable",)), HangUp(), End(Why.ERROR)]


@pytest.mark.behaviour("V2")
def test_hanging_up_keeps_what_was_recorded() -> None:
    assert run(run(fresh(), *RECORDING)[0], Recorded(1.0), Gone())[1] == [Keep(), End(Why.HANGUP)]


def test_hanging_up_before_the_recording_keeps_nothing() -> None:
    assert run(fresh(), Answered(), Gone())[1][1:] == [End(Why.HANGUP)]


@pytest.mark.behaviour("V2")
def test_a_full_mailbox_is_announced_and_nothing_recorded() -> None:
    asked = run(fresh(full=True), Answered(), Played(), Gone())[1]
    assert asked == [Play(("mailbox-full",)), HangUp(), End(Why.FULL)]


@pytest.mark.behaviour("V3")
def test_a_lost_worker_begins_the_phase_again() -> None:
    assert run(fresh(), Answered(), Lost(), Answered())[1] == [Play(greeting(Occasion.NO_ANSWER, "201"))] * 2
    assert run(fresh(), *RECORDING, Lost(), Answered())[1][3:] == [Record(), Record()]
    assert run(fresh(), *REVIEW, Lost(), Answered())[1][5:] == [Play(("review-menu",))] * 2


@pytest.mark.behaviour("V3")
def test_a_worker_lost_while_it_closes_the_recording_keeps_it() -> None:
    script, asked = run(fresh(), *RECORDING, Digit("#"), Lost())
    assert asked[4:] == [StopRecording(), Keep()]
    assert run(script, Answered(), *STORED)[1] == SENT[1:]


@pytest.mark.behaviour("V3")
def test_a_message_is_stored_once_though_the_worker_is_lost_meanwhile() -> None:
    script = run(fresh(), *REVIEW, Digit("1"))[0]
    assert run(script, Lost(), Kept(True), Answered(), Played(), Gone())[1] == [SENT[1], *SENT[1:]]


def test_a_failure_is_said_and_ends_the_call() -> None:
    asked = run(fresh(), Answered(), Failed(), Played(), Gone())[1]
    assert asked[1:] == [Keep(), Play(("unavailable",)), HangUp(), End(Why.ERROR)]


def test_failing_to_say_it_hangs_up_once() -> None:
    asked = run(fresh(), Answered(), Failed(), Failed(), Failed())[1]
    assert asked[1:] == [Keep(), Play(("unavailable",)), HangUp()]


EVENTS = st.one_of(
    st.sampled_from(
        [Answered(), Played(), Quiet(), Missing(), CutOff(), Lost(), Failed(), Kept(True), Kept(False)]
    ),
    st.builds(Recorded, st.floats(0, 20)),
    st.builds(Digit, st.sampled_from("0123456789*#")),
    st.builds(Progress, st.floats(0, 200), st.floats(0, 20)),
)


@given(st.lists(EVENTS, max_size=20), st.booleans())
def test_whatever_happens_what_was_recorded_is_kept(events: list[Event], full: bool) -> None:
    _, asked = run(fresh(full), *events, Gone())
    assert isinstance(asked[-1], End)
    assert sum(isinstance(action, End) for action in asked) == 1
    assert sum(isinstance(action, Keep) for action in asked) <= 1
    if Record() in asked:
        last_record = max(index for index, action in enumerate(asked) if action == Record())
        assert any(isinstance(action, Keep | Forget) for action in asked[last_record:])
