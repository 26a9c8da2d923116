"""`ringplan identity`: what is asked of the running service, and what it says."""

from __future__ import annotations

from typing import Any

from b2bua.cli.schema import Identity
from tests.cli.conftest import Run

SET = {"username": "ann", "number": "+441632960201", "picked": False, "numbers": ["+441632960201"]}


def test_what_is_shown(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["identity"] = SET
    assert Identity.model_validate(ringplan("identity", "ann", "--json").json).model_dump() == SET
    lines = ringplan("identity", "ann").out.splitlines()
    assert lines == ["ann shows +441632960201 (as it is set).", "Own numbers: +441632960201"]


def test_what_was_picked(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["identity"] = {**SET, "picked": True}
    assert "(picked until it signs off)" in ringplan("identity", "ann", "+441632960201").out


def test_a_refusal_is_told(ringplan: Run, answering: dict[str, Any]) -> None:
    answering["identity"] = {"refused": "Nobody has the SIP username ann."}
    ran = ringplan("identity", "ann")
    assert (ran.code, ran.err) == (1, "ringplan: Nobody has the SIP username ann.\n")


def test_a_number_and_default_exclude_each_other(ringplan: Run) -> None:
    ran = ringplan("identity", "ann", "+441632960201", "--default")
    assert ran.code == 1 and "exclude each other" in ran.err


def test_without_a_service_it_says_that_nothing_runs(ringplan: Run) -> None:
    ran = ringplan("identity", "ann")
    assert ran.code == 1 and ran.err.startswith("ringplan: Ringplan is not running on ")
