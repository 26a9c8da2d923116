"""`ringplan registrations`: what the running service says."""

from __future__ import annotations

from typing import Any

from b2bua.cli.schema import Registrations
from tests.cli.conftest import Run

ONE = {
    "user": "ann@acme.example",
    "username": "ann",
    "contact": "sip:ann@127.0.0.2:5060",
    "source": "127.0.0.2:5060",
    "user_agent": "Phone 1",
    "expires_in": 59.5,
}


def test_the_devices_are_listed(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["registrations"] = {"registrations": [ONE]}
    said = ringplan("registrations", "--json").json
    assert said == {"registrations": [ONE]}
    assert Registrations.model_validate(said)
    line = ringplan("registrations").out.splitlines()[1]
    assert line.split() == ["ann@acme.example", "ann", "127.0.0.2:5060", "60", "s", "Phone", "1"]


def test_none_is_said_so(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["registrations"] = {"registrations": []}
    assert ringplan("registrations").out == "No device is registered.\n"


def test_without_a_service_it_says_that_nothing_runs(ringplan: Run) -> None:
    ran = ringplan("registrations")
    assert ran.code == 1
    assert ran.err.startswith("ringplan: Ringplan is not running on ")
