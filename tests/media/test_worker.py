"""One worker, driven as the media host drives it."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from media import wav
from media.lines import JsonLines
from media.worker.link import WorkerSettings
from tests.media.conftest import PROMPTS, free_network
from tests.media.support import Caller, find, main_frequency, tone, until, wav_samples, within


class Line:
    """The host's end of the line to a worker."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self.lines = JsonLines(self.events.append, self.closed.set)
        self.process: asyncio.subprocess.Process

    def do(self, what: str, session: str = "s1", **fields: Any) -> None:
        self.lines.send({"do": what, "session": session, **fields})

    def all(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    async def event(self, name: str) -> dict[str, Any]:
        await until(lambda: bool(self.all(name)))
        return self.all(name)[0]

    async def call(self, session: str = "s1") -> Caller:
        """Let a session in and call; the answer may be a refusal."""
        self.do("expect", session)
        return await self.send(session)

    async def send(self, session: str) -> Caller:
        ready = await self.event("ready")
        return await Caller.call(ready["address"], ready["port"], session, tone(440, 1.0))


@pytest.fixture
async def start_worker(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Line]]]:
    lines: list[Line] = []

    async def begin(max_calls: int = 4) -> Line:
        line = Line()
        ours, theirs = socket.socketpair()
        with theirs:
            address = str(next(free_network().hosts()))
            settings = WorkerSettings(address, theirs.fileno(), str(tmp_path / "lock"), max_calls)
            line.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "media.worker", json.dumps(asdict(settings))),
                pass_fds=[theirs.fileno()],
                stdout=asyncio.subprocess.DEVNULL,
            )
        await asyncio.get_running_loop().create_connection(lambda: line.lines, sock=ours)
        lines.append(line)
        return line

    yield begin
    for line in lines:
        line.lines.close()
        await within(line.process.wait())


StartWorker = Callable[..., Awaitable[Line]]


async def test_who_is_let_in(start_worker: StartWorker) -> None:
    line = await start_worker(max_calls=1)
    stranger = await line.send("other")
    first = await line.call("s1")
    second = await line.call("s2")
    assert (stranger.status, first.status, second.status) == (403, 200, 503)
    line.do("forget", "s3")
    first.hang_up()
    await line.event("gone")
    third = await line.send("s2")
    assert third.status == 200, "the refused one is still expected"
    for caller in (stranger, first, second, third):
        caller.close()


def unread(address: str, port: int) -> int:
    """Bytes that wait to be read from a UDP socket (proc_net(5))."""
    local = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/udp").read_text().splitlines())
    return next(int(row[4].partition(":")[2], 16) for row in rows if row[1] == local)


async def test_a_call_that_takes_the_number_of_one_that_has_just_ended(start_worker: StartWorker) -> None:
    """pjsua2 gives out its four numbers in turn; a BYE and an INVITE may be read in one go."""
    line = await start_worker()
    ready = await line.event("ready")
    place = ready["address"], ready["port"]
    first, second, third, fourth = [await line.call(f"s{number}") for number in range(4)]
    await until(lambda: len(line.all("answered")) == 4)
    fourth.hang_up()
    await until(lambda: len(line.all("gone")) == 1)
    line.do("expect", "s4")
    os.kill(line.process.pid, signal.SIGSTOP)
    first.hang_up()
    await until(lambda: unread(*place) > 0)
    waiting = unread(*place)
    calling = asyncio.create_task(line.send("s4"))
    await until(lambda: unread(*place) > waiting)
    os.kill(line.process.pid, signal.SIGCONT)
    fifth = await calling
    assert fifth.status == 200
    await until(lambda: len(line.all("answered")) == 5)
    assert [event["session"] for event in line.all("gone")] == ["s3", "s0"]
    line.do("play", "s4", files=[str(PROMPTS / "digit-1.wav")], start=0.0, number=1)
    await line.event("played")
    fifth.hang_up()
    await until(lambda: len(line.all("gone")) == 3)
    for caller in (first, second, third, fourth, fifth):
        caller.close()


async def test_a_digit_is_reported_once(start_worker: StartWorker) -> None:
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    for digit in "5#5":
        caller.press(digit)
    await until(lambda: len(line.all("digit")) >= 3)
    caller.hang_up()
    await line.event("gone")
    assert [event["digit"] for event in line.all("digit")] == ["5", "#", "5"]
    caller.close()


async def test_what_is_played_is_heard_to_its_end(start_worker: StartWorker) -> None:
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    files = [str(PROMPTS / f"digit-{digit}.wav") for digit in "12"]
    line.do("play", files=files, start=0.0, number=7)
    assert (await line.event("played"))["number"] == 7
    for digit in "12":
        alike, _ = find(caller.heard(), wav_samples(PROMPTS / f"digit-{digit}.wav")[:-160])
        assert alike > 0.95
    caller.hang_up()
    caller.close()


async def test_callers_hang_up_amid_phrases_and_others_come(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    """Players outlive their calls by a little; the calls must not, and no place stays taken."""
    phrase = tmp_path / "phrase.wav"
    wav.write(phrase, tone(440, 0.1).tobytes())
    line = await start_worker()

    def come_and_go(event: str, callers: int) -> bool:
        return len(line.all(event)) == callers

    for visit in range(1, 7):
        sessions = [f"s{visit}x{number}" for number in range(4)]
        callers = [await line.call(session) for session in sessions]
        assert [caller.status for caller in callers] == [200] * 4
        await until(partial(come_and_go, "answered", 4 * visit))
        for session in sessions:
            line.do("play", session, files=[str(phrase)] * 5, start=0.0, number=1)
        await asyncio.sleep(0.25)  # into the third phrase
        for caller in callers:
            caller.hang_up()
        await until(partial(come_and_go, "gone", 4 * visit))
        for caller in callers:
            caller.close()
    assert not line.all("failed")
    assert not line.closed.is_set()


async def test_the_file_is_complete_when_it_is_reported(start_worker: StartWorker, tmp_path: Path) -> None:
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    path = tmp_path / "part.wav"
    line.do("record", path=str(path))
    await until(lambda: bool(line.all("progress")) and line.all("progress")[-1]["seconds"] > 1.0)
    assert line.all("progress")[-1]["quiet"] < 0.6
    line.do("stop")
    recorded = await line.event("recorded")
    assert wav.is_complete(path)
    assert recorded["seconds"] == pytest.approx(wav.seconds(path), abs=0.01)
    caller.hang_up()
    await line.event("gone")
    assert not line.all("failed")
    caller.close()


async def test_a_file_that_cannot_be_written_is_a_failure(start_worker: StartWorker, tmp_path: Path) -> None:
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    line.do("record", path=str(tmp_path / "missing" / "part.wav"))
    assert (await line.event("failed"))["session"] == "s1"
    line.do("hangup")
    await within(caller.ended.wait())
    caller.close()


@pytest.mark.behaviour("V2")
async def test_a_disk_that_fills_while_a_caller_is_recorded_is_told_once(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    """The limit on the worker's files stands in for the full disk: from then on none of them grows."""
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    path = tmp_path / "part.wav"
    line.do("record", path=str(path))
    await until(lambda: bool(line.all("progress")) and line.all("progress")[-1]["seconds"] > 2.5)
    assert not line.all("stuck")
    before = wav.seconds(path)
    resource.prlimit(line.process.pid, resource.RLIMIT_FSIZE, (0, 0))
    assert (await line.event("stuck"))["session"] == "s1"
    begun = len(line.all("progress"))
    await until(lambda: len(line.all("progress")) > begun + 4)
    assert len(line.all("stuck")) == 1
    line.do("stop")
    await line.event("recorded")
    assert wav.seconds(path) >= before
    assert abs(main_frequency(wav_samples(path)) - 440) < 2
    assert set(tmp_path.iterdir()) == {path, tmp_path / "lock"}, "nothing is left of what tried the disk"
    caller.close()


@pytest.mark.behaviour("V3")
async def test_without_its_host_a_worker_finishes_its_recording_and_ends(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    line = await start_worker()
    caller = await line.call()
    await line.event("answered")
    path = tmp_path / "part.wav"
    line.do("record", path=str(path))
    await until(lambda: bool(line.all("progress")) and line.all("progress")[-1]["seconds"] > 1.0)
    os.kill(line.process.pid, signal.SIGTERM)  # ignored: the host decides
    line.lines.close()
    await within(caller.ended.wait())
    assert await asyncio.wait_for(line.process.wait(), 10) == 0
    assert wav.is_complete(path)
    assert wav.seconds(path) > 0.9
    assert abs(main_frequency(wav_samples(path)) - 440) < 2
    caller.close()
