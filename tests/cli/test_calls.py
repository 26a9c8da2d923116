"""`ringplan calls` and `ringplan call ID`: live and finished calls, the ladder, the recording."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from b2bua.cli.recording import measured
from b2bua.cli.schema import CallDetail, Calls
from media import wav
from tests.cli.conftest import Run

LIVE = {"call_id": "live-1", "state": "ringing", "from": "301", "to": "302", "since": 4.0}


def tone(seconds: float, amplitude: int) -> bytes:
    samples = (amplitude * math.sin(2 * math.pi * 400 * n / wav.RATE) for n in range(int(seconds * wav.RATE)))
    return array("h", map(round, samples)).tobytes()


def test_finished_calls_are_listed_newest_first(ringplan: Run, log_call: Callable[..., None]) -> None:
    log_call()
    log_call(call_id="call-2", dialled="999", outcome="unavailable", called_user=None, answered_at=None)
    said = ringplan("calls", "--json").json
    listed = Calls.model_validate(said)
    assert listed.live is None
    assert {call.call_id for call in listed.calls} == {"call-1", "call-2"}
    one = next(call for call in listed.calls if call.call_id == "call-1")
    assert (one.caller.email, one.caller.number, one.called) == (
        "ann@acme.example",
        "301",
        "ben@acme.example",
    )
    assert len(ringplan("calls", "--limit", "1", "--json").json["calls"]) == 1
    assert "call-1" in ringplan("calls").out


def test_a_withheld_caller_is_named_nowhere(ringplan: Run, log_call: Callable[..., None]) -> None:
    log_call(withheld=True)
    (one,) = ringplan("calls", "--json").json["calls"]
    assert one["caller"] == {"email": None, "number": None, "name": None}
    for ran in (ringplan("calls"), ringplan("call", "call-1")):
        assert "withheld" in ran.out
        assert "301" not in ran.out
        assert "ann@" not in ran.out


@pytest.mark.usefixtures("company")
def test_calls_in_progress_come_from_the_service(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["calls"] = {"calls": [LIVE]}
    assert ringplan("calls", "--json").json == {"live": [LIVE], "calls": []}
    assert "now, for 4 s: 301 → 302 (ringing)" in ringplan("calls").out
    ran = ringplan("call", "live-1")
    assert ran.code == 1
    assert "still in progress (ringing)" in ran.err


def test_a_call_is_told_with_its_ladder(ringplan: Run, log_call: Callable[..., None]) -> None:
    log_call()
    said = ringplan("call", "call-1").out
    assert "301 → 302" in said
    assert "  0.000  |-- INVITE ------------------>|" in said
    assert "|<-- 180 Ringing -------------|" in said
    assert "Nobody answered." in said
    assert "Recording" not in said


def test_any_legs_call_id_finds_it_and_the_json_has_its_shape(
    ringplan: Run, log_call: Callable[..., None]
) -> None:
    log_call()
    shown = CallDetail.model_validate(ringplan("call", "leg-b2", "--json").json)
    assert shown.call.call_id == "call-1"
    assert shown.legs == ["leg-b1", "leg-b2"]
    assert [entry.leg for entry in shown.ladder] == ["a", "a", "b1", "b1"]
    assert shown.ladder[0].headers == {"Call-ID": "call-1"}
    assert shown.plan["rule"] == "ring"
    assert shown.recording is None


def test_the_recording_is_shown_with_its_length_and_loudness(
    ringplan: Run, log_call: Callable[..., None], company: Path
) -> None:
    path = company / "message.wav"
    wav.write(path, tone(2.0, 16384))
    log_call(message_id="m1", message_path=str(path))
    shown = ringplan("call", "call-1", "--json").json["recording"]
    assert shown == {"message": "m1", "path": str(path), "seconds": 2.0, "dbfs": pytest.approx(-9.0, abs=0.1)}
    assert f"Recording: {path}\n2.0 s, -9.0 dBFS" in ringplan("call", "call-1").out
    path.unlink()
    assert ringplan("call", "call-1", "--json").json["recording"] is None


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    wav.write(tmp_path / "silence.wav", bytes(16000))
    assert measured(tmp_path / "silence.wav") == (1.0, None)


@pytest.mark.usefixtures("company")
def test_an_unknown_call_is_an_error(ringplan: Run) -> None:
    ran = ringplan("call", "no-such")
    assert (ran.code, ran.err) == (1, "ringplan: There is no call with the Call-ID no-such.\n")
