"""The merged log: every line to stdout and file, rotation survived, an unread stdout never in the way."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path

import pytest

from b2bua.supervisor import logstream
from b2bua.supervisor.logstream import LogFile, LogStream


class Stuck(io.StringIO):
    """A stdout that nobody reads until `released`."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Event(), threading.Event()

    def write(self, text: str, /) -> int:
        self.entered.set()
        assert self.released.wait(10)
        return super().write(text)


class Gone(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError


def test_each_event_goes_to_stdout_and_file(tmp_path: Path) -> None:
    stdout, file = io.StringIO(), tmp_path / "log" / "a.jsonl"
    stream = LogStream(stdout, lambda event: f"<{event['event']}>", LogFile(file))
    stream.event('{"event": "call.answered"}')
    stream.say("ready")
    stream.close()
    assert stdout.getvalue() == "<call.answered>\nready\n"
    assert file.read_text() == '{"event": "call.answered"}\n'
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_renderer_the_json_passes_as_it_is(tmp_path: Path) -> None:
    stdout = io.StringIO()
    stream = LogStream(stdout, None, LogFile(tmp_path / "a.jsonl"))
    stream.write('{"event":"x",  "n": 1}\n')
    stream.close()
    assert stdout.getvalue() == '{"event":"x",  "n": 1}\n'


@pytest.mark.parametrize("recreate", [True, False])
def test_a_rotated_file_is_opened_anew(tmp_path: Path, recreate: bool) -> None:
    path = tmp_path / "a.jsonl"
    file = LogFile(path)
    file.write("one")
    path.rename(tmp_path / "a.jsonl.1")
    if recreate:
        path.touch()
    file.write("two")
    file.close()
    assert (tmp_path / "a.jsonl.1").read_text() == "one\n"
    assert path.read_text() == "two\n"


def test_a_file_that_cannot_be_written_is_said_once_and_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log" / "a.jsonl"
    path.parent.write_text("a file where the folder should be")
    file = LogFile(path)
    file.write("one")
    file.write("two")
    assert capsys.readouterr().err.count(str(path)) == 1
    path.parent.unlink()
    file.write("three")
    assert path.read_text() == "three\n"


def test_an_unread_stdout_drops_lines_and_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logstream, "QUEUE_LINES", 4)
    dropped: list[int] = []
    monkeypatch.setattr(
        logstream, "log", type("Log", (), {"warning": lambda _s, _e, lines: dropped.append(lines)})()
    )
    stdout, path = Stuck(), tmp_path / "a.jsonl"
    stream = LogStream(stdout, None, LogFile(path))
    stream.event('{"event": "first"}')
    assert stdout.entered.wait(10)
    for number in range(10):
        stream.event(json.dumps({"event": number}))
    assert len(path.read_text().splitlines()) == 11, "the file has every line"
    stdout.released.set()
    while stream._lines.qsize():
        pass
    stream.event('{"event": "last"}')
    stream.close()
    assert dropped == [6]
    assert len(stdout.getvalue().splitlines()) == 6


def test_a_reader_that_went_away_does_not_stop_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    stream = LogStream(Gone(), None, LogFile(path))
    for _ in range(3):
        stream.event('{"event": "x"}')
    stream.close()
    assert len(path.read_text().splitlines()) == 3
