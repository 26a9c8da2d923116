"""`ringplan logs`: the log file filtered, and followed over a rotation."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from b2bua.cli import logs
from tests.cli.conftest import Run

EVENTS = [
    {"event": "call.started", "call_id": "c1", "user": 1},
    {"event": "call.started", "call_id": "c2", "user": 2},
    {"event": "process.ready"},
]


@pytest.fixture
def log_file(company: Path) -> Path:
    path = company / "log" / "ringplan.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(event) + "\n" for event in EVENTS) + '{"cut')
    return path


@pytest.mark.usefixtures("log_file")
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), EVENTS),
        (("--call", "c1"), EVENTS[:1]),
        (("--user", "Ben@acme.example"), EVENTS[1:2]),
        (("--call", "c1", "--user", "ben@acme.example"), []),
    ],
)
def test_the_log_is_shown_for_a_call_or_user(
    ringplan: Run, options: tuple[str, ...], wanted: list[dict[str, object]]
) -> None:
    ran = ringplan("logs", *options)
    assert [json.loads(line) for line in ran.out.splitlines()] == wanted


@pytest.mark.usefixtures("company")
def test_no_log_and_no_such_user_are_errors(ringplan: Run) -> None:
    assert "there is no log yet" in ringplan("logs").err
    assert "There is no user x@acme.example." in ringplan("logs", "-f", "--user", "x@acme.example").err


def test_a_followed_log_goes_on_in_the_next_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOOK_AGAIN", 0.01)
    path = tmp_path / "a.jsonl"
    seen: list[str] = []
    arrived = threading.Condition()

    def follow() -> None:
        for line in logs.lines(path, follow=True):
            with arrived:
                seen.append(line)
                arrived.notify()
            if line == "end\n":
                return

    def until(count: int) -> None:
        with arrived:
            assert arrived.wait_for(lambda: len(seen) >= count, 10)

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    path.write_text("one\ntw")
    until(1)
    with path.open("a") as file:
        file.write("o\n")
    until(2)
    path.rename(tmp_path / "a.jsonl.1")
    path.write_text("three\nend\n")
    until(4)
    follower.join(10)
    assert seen == ["one\n", "two\n", "three\n", "end\n"]
