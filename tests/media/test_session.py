"""A session between its script and its worker: what the worker says too late, twice, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from media import wav
from media.archive import Archive
from media.greetings import Greetings
from media.mailbox import Mailbox
from media.message import Caller, Envelope
from media.protocol import Place, Reservation, Service
from media.scripts.script import (
    Action,
    Answered,
    Arrival,
    Arrive,
    CheckPin,
    CutOff,
    Digit,
    End,
    Event,
    Failed,
    Gone,
    Keep,
    Kept,
    Lost,
    Missing,
    Open,
    Play,
    Played,
    Quiet,
    Stored,
    Wait,
    Why,
)
from media.session import DigitWay, Session
from media.visit import House, Visit
from tests.media.people import PIN, People
from tests.media.support import tone, until

USER = 3


@dataclass(frozen=True)
class Told:
    """A script that notes what it is told, and asks for what the test wants at each event."""

    events: list[Event]
    wanted: Callable[[Event], tuple[Action, ...]]

    def step(self, event: Event) -> tuple[Told, tuple[Action, ...]]:
        self.events.append(event)
        return self, self.wanted(event)


@dataclass
class Line:
    """The pool and the one worker of a test: what is sent to it is noted, what it says the test says."""

    number: int = 1
    address: str = "127.0.64.1"
    port: int = 5060
    sent: list[dict[str, Any]] = field(default_factory=list)
    say: Callable[[dict[str, Any] | None], None] = lambda event: None
    released: int = 0

    def reserve(self, session: str, listener: Any, done: Any) -> None:
        self.say = listener
        done(self)

    def release(self, worker: Line, session: str) -> None:
        self.released += 1

    def send(self, do: str, session: str, **fields: Any) -> None:
        self.sent.append({"do": do, **fields})

    def answered(self) -> None:
        self.say({"event": "answered"})


@dataclass
class Scene:
    """A session with everything around it."""

    mailbox: Mailbox
    line: Line
    people: People
    house: House
    events: list[Event] = field(default_factory=list)
    ended: list[Why] = field(default_factory=list)
    lost: int = 0

    def begin(
        self, wanted: Callable[[Event], tuple[Action, ...]], service: Service = Service.PORTAL
    ) -> Session:
        reservation = Reservation("s1", USER, service, "a@test.example", Caller())
        envelope = Envelope(Caller(), datetime.now(UTC), "a@test.example", "busy")
        recording = (
            self.mailbox.begin(USER, envelope, "s1")
            if service is Service.DEPOSIT
            else self.mailbox.greeting(USER, "s1")
        )
        session = Session(
            reservation,
            Told(self.events, wanted),
            Visit(self.house, "s1", USER, recording),
            self.line,  # type: ignore[arg-type]
            5.0,
            lambda session: setattr(self, "lost", self.lost + 1),
            lambda session, why: self.ended.append(why),
        )
        places: list[Place | None] = []
        session.find_place(places.append)
        assert places == [Place("127.0.64.1", 5060)]
        return session

    async def told(self, kind: type[Event]) -> Event:
        await until(lambda: any(isinstance(event, kind) for event in self.events))
        return next(event for event in self.events if isinstance(event, kind))


@pytest.fixture
async def scene(tmp_path: Path) -> Scene:
    mailbox, greetings = Mailbox(tmp_path), Greetings(tmp_path)
    archive = Archive(mailbox, greetings, tmp_path / "lock", 1.0, 0.5)
    people = People({USER: PIN})
    house = House(mailbox, greetings, archive, people, tmp_path, lambda *_: None, lambda *_: None)
    return Scene(mailbox, Line(), people, house)


def message(scene: Scene) -> str:
    envelope = Envelope(Caller(), datetime.now(UTC), "b@test.example", "busy")
    recording = scene.mailbox.begin(USER, envelope, "left")
    wav.write(recording.next_part(), tone(440, 2.0).tobytes())
    stored = scene.mailbox.deposit(recording)
    assert stored is not None
    return stored.id


def at(event: type[Event], *actions: Action) -> Callable[[Event], tuple[Action, ...]]:
    return lambda told: actions if isinstance(told, event) else (End(Why.HANGUP),) * isinstance(told, Gone)


async def test_played_counts_for_the_latest_command_alone(scene: Scene) -> None:
    scene.begin(lambda event: (Play(("a",)),) if isinstance(event, Answered | Digit) else ())
    scene.line.answered()
    scene.line.say({"event": "digit", "digit": "1"})
    assert [sent["number"] for sent in scene.line.sent] == [1, 2]
    scene.line.say({"event": "played", "number": 1})
    assert Played() not in scene.events
    scene.line.say({"event": "played", "number": 2})
    scene.line.say({"event": "played", "number": 2})
    assert scene.events.count(Played()) == 1


async def test_nothing_is_played_any_more_after_a_wait(scene: Scene) -> None:
    scene.begin(
        lambda event: (
            (Play(("a",)),)
            if isinstance(event, Answered)
            else (Wait(0.01),)
            if isinstance(event, Digit)
            else ()
        )
    )
    scene.line.answered()
    scene.line.say({"event": "digit", "digit": "1"})
    scene.line.say({"event": "played", "number": 1})
    assert [sent["do"] for sent in scene.line.sent] == ["play", "hush"]
    await scene.told(Quiet)
    assert Played() not in scene.events


async def test_what_is_said_next_ends_a_wait(scene: Scene) -> None:
    session = scene.begin(
        lambda event: (
            (Wait(0.05),)
            if isinstance(event, Answered)
            else (Play(("a",)),)
            if isinstance(event, Digit)
            else ()
        )
    )
    scene.line.answered()
    session.digit("1", DigitWay.INFO)
    await asyncio.sleep(0.1)  # the time in which nothing must come
    assert Quiet() not in scene.events


@pytest.mark.behaviour("W5")
async def test_an_answer_that_changes_nothing_does_not_end_the_wait_for_the_caller(scene: Scene) -> None:
    scene.begin(
        lambda event: (
            (Wait(0.1), Arrive())
            if isinstance(event, Answered)
            else (End(Why.SILENCE),)
            if isinstance(event, Quiet)
            else ()
        )
    )
    scene.line.answered()
    await until(lambda: scene.ended == [Why.SILENCE])
    assert [type(event) for event in scene.events] == [Answered, Arrival, Quiet]


@pytest.mark.behaviour("W5")
@pytest.mark.parametrize("first", DigitWay)
async def test_a_key_that_comes_both_ways_is_one_key(scene: Scene, first: DigitWay) -> None:
    session = scene.begin(at(Answered))
    scene.line.answered()
    by = {
        DigitWay.INFO: lambda digit: session.digit(digit, DigitWay.INFO),
        DigitWay.RTP: lambda digit: scene.line.say({"event": "digit", "digit": digit}),
    }
    other = next(way for way in DigitWay if way is not first)
    for digit, order in zip(PIN, ((first, other), (other, first)) * 3, strict=True):
        for way in order:
            by[way](digit)
    # The next worker's keys come the same way.
    scene.line.say(None)
    session.find_place(lambda place: None)
    scene.line.answered()
    for way in (other, first):
        by[way]("#")
    assert "".join(event.digit for event in scene.events if isinstance(event, Digit)) == f"{PIN}#"


async def test_a_digit_knows_how_far_the_sound_has_come(scene: Scene) -> None:
    id = message(scene)
    session = scene.begin(at(Answered, Play((Stored(id),), 1.5)))
    session.digit("9", DigitWay.INFO)
    scene.line.answered()
    session.digit("1", DigitWay.INFO)
    await asyncio.sleep(0.1)  # the sound goes on
    session.digit("2", DigitWay.INFO)
    before, first, second = (event for event in scene.events if isinstance(event, Digit))
    assert before.at == 0.0
    assert 1.5 <= first.at < 1.55
    assert 1.6 <= second.at < 1.75
    scene.line.say(None)
    (lost,) = (event for event in scene.events if isinstance(event, Lost))
    assert lost.at >= second.at
    session.digit("3", DigitWay.INFO)
    assert Digit("3") not in [replace(event, at=0.0) for event in scene.events if isinstance(event, Digit)]
    assert scene.lost == 1


async def test_a_start_beyond_the_first_sounds_leaves_them_out(scene: Scene) -> None:
    for name in ("a", "b"):
        wav.write(scene.house.prompts / f"{name}.wav", tone(440, 1.0).tobytes())
    scene.begin(at(Answered, Play(("a", "b"), 1.25)))
    scene.line.answered()
    (sent,) = scene.line.sent
    assert sent["files"] == [str(scene.house.prompts / "b.wav")]
    assert sent["start"] == pytest.approx(0.25)


async def test_a_message_that_is_gone_is_missing_not_a_fault(scene: Scene) -> None:
    id = message(scene)
    scene.begin(at(Answered, Play((Stored(id),))))
    scene.line.answered()
    scene.mailbox.delete(USER, id)
    with capture_logs() as logs:
        scene.line.say({"event": "failed", "reason": "no such file"})
    assert scene.events[-1] == Missing()
    assert logs == []
    scene.begin(at(Answered, Play((Stored(id),))))
    scene.line.answered()
    assert await scene.told(Missing) == Missing()
    scene.line.say({"event": "failed", "reason": "something else"})
    assert scene.events[-1] == Failed()


async def test_the_end_is_told_after_what_was_decided(scene: Scene) -> None:
    scene.people.slow = asyncio.Event()
    scene.begin(at(Answered, CheckPin(PIN), Open()))
    scene.line.answered()
    await until(lambda: scene.people.tried == [PIN])
    scene.line.say({"event": "gone"})
    assert scene.line.released == 1
    for _ in range(10):
        await asyncio.sleep(0)  # whatever could happen without the answer
    assert scene.ended == []
    scene.people.slow.set()
    await until(lambda: scene.ended == [Why.HANGUP])
    assert scene.events[-1] == Gone(), "nothing is told to a script that has ended"


async def test_a_pin_is_in_no_line_of_the_log_even_when_the_users_side_fails(scene: Scene) -> None:
    class Talkative(People):
        async def check_pin(self, user: int, pin: str) -> Any:
            raise ValueError(f"cannot look at {pin}")

    scene.house = replace(scene.house, owners=Talkative({USER: PIN}))
    scene.begin(at(Answered, CheckPin(PIN)))
    with capture_logs() as logs:
        scene.line.answered()
        await scene.told(Failed)
    assert "media.errand_failed" in [entry["event"] for entry in logs]
    assert PIN not in str(logs)


@pytest.mark.parametrize("service", Service)
async def test_a_fault_in_a_script_is_told_to_its_caller_and_keeps_what_was_said(
    scene: Scene, service: Service
) -> None:
    def broken(event: Event) -> tuple[Action, ...]:
        if isinstance(event, Digit):
            raise ZeroDivisionError
        return ()

    session = scene.begin(broken, service)
    scene.line.answered()
    if service is Service.DEPOSIT:
        (folder,) = (scene.mailbox.path(USER) / "tmp").iterdir()
        wav.write(folder / "part-0.wav", tone(440, 1.0).tobytes())
    with capture_logs() as logs:
        session.digit("1", DigitWay.INFO)
    assert [entry["event"] for entry in logs] == ["media.session_failed"]
    assert scene.line.sent[-1]["files"][0].endswith("unavailable.wav")
    scene.line.say({"event": "played", "number": 1})
    scene.line.say({"event": "gone"})
    await until(lambda: scene.ended == [Why.ERROR])
    assert scene.mailbox.counts(USER).new == (service is Service.DEPOSIT)


@pytest.mark.behaviour("V2")
async def test_a_recording_that_the_disk_cuts_off_is_kept_marked_and_told_in_the_log(scene: Scene) -> None:
    scene.begin(lambda event: (Keep(),) if isinstance(event, CutOff) else (), Service.DEPOSIT)
    (folder,) = (scene.mailbox.path(USER) / "tmp").iterdir()
    wav.write(folder / "part-0.wav", tone(440, 3.0).tobytes())
    scene.line.answered()
    with capture_logs() as logs:
        scene.line.say({"event": "stuck"})
        await scene.told(Kept)
    cut = next(entry for entry in logs if entry["event"] == "mailbox.recording_cut")
    assert (cut["log_level"], cut["mailbox"], cut["seconds"]) == ("error", USER, 3.0)
    (kept,) = scene.mailbox.list(USER)
    assert (kept.seconds, kept.incomplete) == (3.0, True)


async def test_what_was_kept_is_no_longer_dropped(scene: Scene) -> None:
    scene.begin(at(Answered, Keep()), Service.DEPOSIT)
    (folder,) = (scene.mailbox.path(USER) / "tmp").iterdir()
    wav.write(folder / "part-0.wav", tone(440, 1.0).tobytes())
    scene.line.answered()
    scene.line.say({"event": "gone"})
    await until(lambda: bool(scene.ended))
    assert scene.mailbox.counts(USER).new == 1
