"""The table of sentences, and that each way of editing says them in its own style."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from media.owners import PinProblem
from provisioning.company.problems import OtherUser, Problem
from provisioning.company.sentences import FORM, SENTENCES, Option, sentence
from provisioning.file.refusal import FILE, CompanyFileError

SOURCES = Path(__file__).parents[3] / "provisioning"
MISPLACED = Problem(
    ("users", 1, "busy", "user"),
    "option.elsewhere",
    {"setting": Option("action", "user"), "action": "voicemail"},
)
TAKEN = Problem(("extension",), "extension.twice", {"value": "201", "holder": OtherUser("anna@acme.example")})


def test_each_way_says_it_in_its_own_style() -> None:
    assert sentence(MISPLACED) == 'goes with action = "user" only, and the action is "voicemail"'
    assert sentence(MISPLACED, FORM) == 'goes with action “user” only, and the action is "voicemail"'
    length = Problem(("voice_portal_pin",), "pin.length")
    assert sentence(length) == "must be exactly 6 digits in quotes"
    assert sentence(length, FORM) == "must be exactly 6 digits"
    told = '"201" is the extension of two users of this customer'
    assert sentence(TAKEN) == told + " (anna@acme.example has it)"
    assert sentence(TAKEN, FILE) == told + " (user anna@acme.example, who is not in this file, has it)"
    assert sentence(Problem((), TAKEN.code, {"value": "201"})) == told
    error = CompanyFileError("f", {("users", 1): 7}, [MISPLACED])
    assert str(error) == f"f:7: busy.user: {sentence(MISPLACED)}"


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        ((), ""),
        (("busy", "number"), "/busy/number"),
        (("users", 0, "a/b~c"), "/users/0/a~1b~0c"),
        ((OtherUser("anna@acme.example"), "numbers"), ""),
    ],
)
def test_a_place_as_json_pointer(place: tuple[str | int | OtherUser, ...], pointer: str) -> None:
    assert Problem(place, "text.empty").pointer() == pointer


def test_every_code_has_a_sentence_and_every_sentence_is_said_somewhere() -> None:
    text = "\n".join(path.read_text() for path in SOURCES.rglob("*.py") if path.name != "sentences.py")
    said = set(re.findall(r'"([a-z0-9]+\.[a-z0-9-]+)"', text)).union(f"pin.{why}" for why in PinProblem)
    assert SENTENCES.keys() - said == set()
    assert set(re.findall(r'(?:Unfit|complain)\("([^"]+)"', text)) <= SENTENCES.keys()
