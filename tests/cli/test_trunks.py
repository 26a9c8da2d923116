"""`ringplan trunks`: what the running service says."""

from __future__ import annotations

from typing import Any

from b2bua.cli.schema import Trunks
from tests.cli.conftest import Run

ONE = {
    "name": "carrier",
    "host": "sip.carrier.example",
    "transport": "udp",
    "state": "up",
    "addresses": [
        {"address": "192.0.2.1:5060", "state": "up"},
        {"address": "192.0.2.2:5060", "state": "down"},
    ],
    "register": True,
    "registered_for": 1799.6,
    "problem": None,
}
OTHER = {
    "name": "other",
    "host": "sip.other.example",
    "transport": "tcp",
    "state": "down",
    "addresses": [],
    "register": True,
    "registered_for": None,
    "problem": "nowhere to register",
}


def test_the_trunks_are_listed(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["trunks"] = {"trunks": [ONE, OTHER, {**ONE, "register": False, "registered_for": None}]}
    said = ringplan("trunks", "--json").json
    assert said == answering["trunks"]
    assert Trunks.model_validate(said)
    _, one, other, third = ringplan("trunks").out.splitlines()
    assert one.startswith("carrier  sip.carrier.example  ") and one.endswith("1800 s")
    assert "192.0.2.1:5060, 192.0.2.2:5060 (down)  up " in one
    assert other.split() == ["other", "sip.other.example", "down", "no", "nowhere", "to", "register"]
    assert third.rstrip().endswith("up")


def test_none_is_said_so(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["trunks"] = {"trunks": []}
    assert ringplan("trunks").out == "There are no trunks.\n"


def test_without_a_service_it_says_that_nothing_runs(ringplan: Run) -> None:
    ran = ringplan("trunks")
    assert ran.code == 1
    assert ran.err.startswith("ringplan: Ringplan is not running on ")
