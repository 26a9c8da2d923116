"""Going through messages: heard, kept, deleted, restored, and where a key leads in the middle of one."""

from __future__ import annotations

import pytest

from media.message import Caller
from media.scripts.menu import Phase
from media.scripts.script import (
    Answered,
    Delete,
    Digit,
    End,
    Event,
    Gone,
    Lost,
    Missing,
    Open,
    Opened,
    Play,
    Played,
    Quiet,
    Restore,
    Save,
    Stored,
    Wait,
    Why,
)
from tests.media.scripts.visits import (
    NOW,
    A,
    B,
    S,
    into,
    keys,
    message,
    run,
    said,
)

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
