"""`ringplan explain`: the rule that decides, by the settings in the database."""

from __future__ import annotations

import pytest

from b2bua.cli.schema import Explanation
from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("company")
INSIDE = ("--from", "ann@acme.example")


def test_it_says_what_would_happen_and_why(ringplan: Run) -> None:
    ran = ringplan("explain", "--to", "302", *INSIDE)
    assert ran.code == 0
    assert "→ ring: " in ran.out
    assert "Ben’s devices ring for 7 seconds; then the caller hears the greeting of Ben" in ran.out


def test_the_json_has_the_documented_shape(ringplan: Run) -> None:
    said = ringplan("explain", "--to", "+441632960202", *INSIDE, "--json").json
    explained = Explanation.model_validate(said)
    assert (explained.user, explained.rule) == ("ben@acme.example", "ring")
    assert said["from"] == "ann@acme.example"
    assert [step["do"] for step in explained.steps][:2] == ["ring", "engaged-tone"]
    assert [one.rule for one in explained.considered if one.applies] == ["ring"]


@pytest.mark.parametrize(("option", "rule"), [("--busy", "busy"), ("--unregistered", "unregistered")])
def test_the_state_of_the_line_may_be_assumed(ringplan: Run, option: str, rule: str) -> None:
    assert ringplan("explain", "--to", "302", *INSIDE, option, "--json").json["rule"] == rule


def test_a_time_without_an_offset_is_the_called_users(ringplan: Run) -> None:
    asked = ("explain", "--to", "302", *INSIDE, "--json", "--at")
    assert ringplan(*asked, "2026-07-01T12:00").json["at"] == "2026-07-01T12:00:00+01:00"
    assert ringplan(*asked, "2026-07-01T12:00+00:00").json["at"] == "2026-07-01T12:00:00Z"


def test_a_number_of_ours_calls_as_its_user(ringplan: Run) -> None:
    assert ringplan("explain", "--to", "302", "--from", "+441632960201", "--json").json["rule"] == "ring"


def test_a_caller_from_outside_reaches_numbers_only(ringplan: Run) -> None:
    assert ringplan("explain", "--to", "+441632960202", "--json").json["user"] == "ben@acme.example"
    ran = ringplan("explain", "--to", "302")
    assert ran.code == 1
    assert "302 is an extension: say by --from which user calls it." in ran.err


def test_an_unknown_number_is_explained_too(ringplan: Run) -> None:
    said = ringplan("explain", "--to", "+441632960299", "--from", "anonymous", "--json").json
    assert (said["rule"], said["user"]) == ("unknown", None)
    assert "404" in said["explanation"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--to", "302", "--from", "nobody@acme.example"), "--from nobody@acme.example"),
        (("--to", "302", *INSIDE, "--at", "tomorrow"), "--at tomorrow: an ISO 8601 time is allowed"),
    ],
)
def test_what_cannot_be_understood_is_named(ringplan: Run, arguments: tuple[str, ...], says: str) -> None:
    ran = ringplan("explain", *arguments)
    assert ran.code == 1
    assert says in ran.err
