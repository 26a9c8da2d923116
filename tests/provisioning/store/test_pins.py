from __future__ import annotations

import re

import pytest

from media.owners import PinProblem
from provisioning.company.pins import pin_problem
from provisioning.company.sentences import SENTENCES, say
from provisioning.store import pins
from provisioning.store.pins import generate_pin, hash_matches, pin_hasher
from tests.provisioning.templates import CHEAP

OWN = ("+441632960101",)


@pytest.mark.behaviour("W3")
@pytest.mark.parametrize("pin", ["402917", "000001", "112233", "890123"])
def test_a_good_pin(pin: str) -> None:
    assert pin_problem(pin, OWN) is None


@pytest.mark.behaviour("W3")
@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("40291", "exactly 6 digits"),
        ("4029170", "exactly 6 digits"),
        ("40291a", "exactly 6 digits"),
        ("٤٠٢٩١٧", "exactly 6 digits"),
        ("777777", "same digit"),
        ("123456", "run"),
        ("654321", "run"),
        ("456789", "run"),
        ("987654", "run"),
        ("960101", "own numbers"),
    ],
)
def test_a_pin_that_is_refused_without_repeating_it(pin: str, why: str) -> None:
    problem = pin_problem(pin, OWN)
    assert problem is not None
    assert why in say(f"pin.{problem}", {})
    assert pin not in say(f"pin.{problem}", {})


def test_every_problem_has_its_words() -> None:
    assert {f"pin.{problem}" for problem in PinProblem} == {
        code for code in SENTENCES if code.startswith("pin.")
    }


def test_a_generated_pin_obeys_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([111111, 123456, 960101, 77])
    monkeypatch.setattr(pins.secrets, "randbelow", lambda limit: next(draws))
    assert generate_pin(OWN) == "000077"


@pytest.mark.behaviour("W3")
def test_a_pin_is_hashed_by_argon2_and_matches_only_itself() -> None:
    stored = CHEAP.hash("402917")
    assert "402917" not in stored
    assert hash_matches(CHEAP, stored, "402917")
    assert not hash_matches(CHEAP, stored, "402918")
    assert not hash_matches(CHEAP, None, "402917")
    assert not hash_matches(CHEAP, "no hash", "402917")


def test_pins_of_a_real_store_are_hashed_at_the_strength_that_is_promised() -> None:
    assert re.match(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$", pin_hasher().hash("402917"))
