"""Asking the running service: an answer, or NotRunningError whatever is wrong."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from b2bua.cli.control import NotRunningError, ask


def test_the_answer_is_what_the_service_said(data: Path, answering: dict[str, Any]) -> None:
    answering["calls"] = {"calls": [1]}
    assert ask(data / "run" / "control.sock", "calls")["calls"] == [1]


def test_a_refusal_is_an_error(data: Path, answering: dict[str, Any]) -> None:
    with pytest.raises(NotRunningError, match="nothing-such was refused"):
        ask(data / "run" / "control.sock", "nothing-such")


def test_no_socket_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="No such file"):
        ask(tmp_path / "control.sock", "calls")


def test_a_service_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mute:
        mute.bind(str(tmp_path / "control.sock"))
        mute.listen()
        with pytest.raises(NotRunningError, match="timed out"):
            ask(tmp_path / "control.sock", "calls", timeout=0.1)
