from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioning.control import NotRunningError, ask, notify_changed


@contextmanager
def signalling(path: Path, *answers: bytes, hold: bool = False) -> Iterator[list[bytes]]:
    """A control socket that takes one request and sends these answers."""
    asked: list[bytes] = []
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(4096))
                for answer in answers:
                    connection.sendall(answer)
                if hold:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        done.set()
        thread.join(10)


def test_the_change_is_told_and_acknowledged(tmp_path: Path) -> None:
    with signalling(tmp_path / "s", b'{"v":1,"id"', b':1,"ok":true}\n') as asked:
        assert notify_changed(tmp_path / "s")
    assert asked[0].endswith(b"\n")
    assert json.loads(asked[0]) == {"v": 1, "id": 1, "do": "changed"}


@pytest.mark.parametrize(
    "answer",
    [b"", b'{"v":1,"id":1,"ok":false}\n', b'{"v":1,"id":2,"ok":true}\n', b"nonsense\n", b"[1]\n", b"\xff\n"],
)
def test_anything_but_yes_is_no(tmp_path: Path, answer: bytes) -> None:
    with signalling(tmp_path / "s", answer):
        assert not notify_changed(tmp_path / "s")


def test_the_answer_is_what_the_service_said_however_long(tmp_path: Path) -> None:
    calls = ["a" * 1000] * 300
    answer = json.dumps({"v": 1, "id": 1, "ok": True, "calls": calls}).encode() + b"\n"
    with signalling(tmp_path / "s", answer) as asked:
        assert ask(tmp_path / "s", "identity", username="anna")["calls"] == calls
    assert json.loads(asked[0]) == {"v": 1, "id": 1, "do": "identity", "username": "anna"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b'{"v":1,"id":1,"ok":false,"error":"unknown"}\n', "nothing-such was refused: .*unknown"),
        (b'{"v":1,"id":2,"ok":true}\n', "nothing-such was refused"),
        (b"[1]\n", "nothing-such was refused"),
        (b'{"v":1', "the service closed the connection"),
        (b"nonsense\n", "Expecting value"),
    ],
)
def test_all_but_a_yes_is_an_error_that_says_why(tmp_path: Path, answer: bytes, why: str) -> None:
    with signalling(tmp_path / "s", answer), pytest.raises(NotRunningError, match=why):
        ask(tmp_path / "s", "nothing-such")


def test_no_socket_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="No such file"):
        ask(tmp_path / "s", "calls")


def test_a_service_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with signalling(tmp_path / "s", hold=True), pytest.raises(NotRunningError, match="timed out"):
        ask(tmp_path / "s", "calls", timeout=0.1)


def test_nobody_there_is_no(tmp_path: Path) -> None:
    assert not notify_changed(tmp_path / "s")


def test_silence_is_no_after_the_timeout(tmp_path: Path) -> None:
    with signalling(tmp_path / "s", hold=True):
        began = time.monotonic()
        assert not notify_changed(tmp_path / "s", timeout=0.2)
        assert 0.15 < time.monotonic() - began < 5
