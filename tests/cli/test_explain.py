"""`ringplan explain`: the rule that decides, by the settings in the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer, User
from b2bua.callplan.situation import Caller
from b2bua.cli.explain import _caller
from b2bua.cli.schema import Explanation
from provisioning.company.known import KnownUser, KnownUsers
from tests.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("company")
INSIDE = ("--from", "ann@acme.example")
ANN = User(1, 1, "Ann", "ann@acme.example", "301", ("+441632960201",), default_number="+441632960201")


def test_it_says_what_would_happen_and_why(ringplan: Run) -> None:
    ran = ringplan("explain", "--to", "302", *INSIDE)
    assert ran.code == 0
    assert "→ ring: " in ran.out
    assert "Ben’s devices ring for 7 seconds; then the caller hears the greeting of Ben" in ran.out


@pytest.mark.parametrize("to", ["tel:+44-1632-960202", "sip:1632960202;phone-context=+44@acme.example"])
def test_what_is_dialled_may_be_a_uri(ringplan: Run, to: str) -> None:
    said = ringplan("explain", "--to", to, *INSIDE, "--json").json
    assert (said["dialled"], said["user"]) == (to, "ben@acme.example")


def test_a_uri_that_is_none_is_refused(ringplan: Run) -> None:
    ran = ringplan("explain", "--to", "tel:ben", *INSIDE)
    assert ran.code == 1 and "--to tel:ben: Bad URI" in ran.err


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


@pytest.mark.parametrize("from_", ["ann@acme.example", "ANN@acme.example", "301", "+441632960201"])
def test_a_user_calls_as_a_live_call_has_it(from_: str) -> None:
    numbering = Numbering.of((Customer(1, "Acme Ltd", numbers=ANN.numbers),), (ANN,), ())
    users = KnownUsers([KnownUser(1, "Ann", ANN.email, ANN.extension, "Acme Ltd")])
    assert _caller(numbering, users, from_) == Caller.of(ANN)


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


REDIRECTING = """
[[customers]]
name = "Circle Ltd"
numbers = ["+441632960301", "+441632960302"]

  [[customers.users]]
  name = "Cleo"
  email = "cleo@circle.example"
  numbers = ["+441632960301"]
  not_answered = { action = "user", user = "dora@circle.example", after = 10 }

  [[customers.users]]
  name = "Dora"
  email = "dora@circle.example"
  numbers = ["+441632960302"]
  not_answered = { action = "user", user = "cleo@circle.example", after = 15 }
"""


@pytest.fixture
def redirecting(company: Path, ringplan: Run, tmp_path: Path) -> None:
    """Cleo and Dora redirect to each other."""
    file = tmp_path / "acme.toml"
    file.write_text(REDIRECTING)
    assert ringplan("apply", str(file)).code == 0


@pytest.mark.usefixtures("redirecting")
def test_it_follows_the_call_from_hop_to_hop(ringplan: Run) -> None:
    ran = ringplan("explain", "--to", "+441632960301", "--from", "+441632960998")
    assert ran.out.count("no other rule applies") == 2
    assert "\nThen, for dora@circle.example:\n" in ran.out
    assert "→ loop: Dora redirects to Cleo, where this call has been before, so the call ends" in ran.out
    assert ran.out.strip().splitlines()[-1] == (
        "Cleo’s devices ring for 10 seconds; then the call goes on to Dora. If a device is busy or declines the "
        "call, the caller hears the engaged tone for 5 seconds; then the call ends with 486 Busy Here. "
        "As Dora has set it, Dora’s devices ring for 15 seconds; then the call goes on to Cleo. If a device is busy "
        "or declines the call, the caller hears the engaged tone for 5 seconds; then the call ends with 486 Busy "
        "Here. There it cannot go on, the call ends with 482 Loop Detected."
    )


@pytest.mark.usefixtures("redirecting")
def test_the_json_holds_the_plan_of_each_hop(ringplan: Run) -> None:
    said = ringplan("explain", "--to", "+441632960301", "--from", "anonymous", "--json").json
    step = next(step for step in said["steps"] if step["do"] == "user")
    assert (step["user"], step["plan"]["rule"]) == ("dora@circle.example", "ring")
    onward = next(step for step in step["plan"]["steps"] if step["do"] == "user")
    assert (onward["user"], onward["plan"]["rule"]) == ("cleo@circle.example", "loop")
    assert [one["applies"] for one in onward["plan"]["considered"]] == [True]


@pytest.mark.behaviour("W1", "W2")
def test_the_own_voice_portal(ringplan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ringplan("explain", "--to", "*1571", *INSIDE, "--json").json
    assert (said["rule"], said["user"]) == ("portal", None)
    assert said["steps"][0] == {"do": "portal", "user": "ann@acme.example", "on": ["unconditional"]}
    ran = ringplan("explain", "--to", "1411571", *INSIDE)
    assert "→ portal: 1571 is the access code of the voice portal, but Ann has no PIN" in ran.out
    assert "The voice portal of Ann answers and asks for the PIN." in ran.out
    outside = ringplan("explain", "--to", "1571")
    assert outside.code == 1
    assert "1571 is an access code: say by --from which user calls it." in outside.err
    monkeypatch.setenv("RINGPLAN_VOICEMAIL__ACCESS_CODES", "121")
    assert ringplan("explain", "--to", "1571", *INSIDE, "--json").json["rule"] == "unknown"
    assert ringplan("explain", "--to", "121", *INSIDE, "--json").json["rule"] == "portal"
