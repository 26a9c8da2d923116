"""Who a carrier says is calling."""

from __future__ import annotations

from typing import Any

import pytest

from b2bua.callplan.settings import Trunk
from b2bua.callplan.situation import Caller
from b2bua.sip.text.message import Request
from b2bua.trunks.calling import caller_of

WRITTEN, ASSERTED = "+441632960700", "+441632960701"
FROM = '"Anna" <sip:+441632960700@c.example>;tag=1'
PAI = "<tel:+441632960701>"


def caller(caller_from: str = "from", from_: str = FROM, **headers: str | list[str]) -> Caller:
    trunk = Trunk(1, "carrier", "c.example:5080", caller_from=caller_from, anonymous_code=403)  # type: ignore[arg-type]
    named: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller_of(Request("INVITE", "sip:1@h", {"from": from_, **named}, b""), trunk)


@pytest.mark.behaviour("I7")
@pytest.mark.parametrize(
    ("caller_from", "from_", "asserted", "number", "network"),
    [
        ("from", FROM, PAI, WRITTEN, ASSERTED),
        ("asserted", FROM, PAI, ASSERTED, ASSERTED),
        ("from", FROM, None, WRITTEN, WRITTEN),
        ("asserted", FROM, None, WRITTEN, WRITTEN),
        # Where the one is no number the other counts.
        ("from", "<sip:reception@c.example>;tag=1", PAI, ASSERTED, ASSERTED),
        ("asserted", FROM, "<sip:reception@c.example>", WRITTEN, WRITTEN),
        ("from", "<sip:unavailable@unknown.invalid>;tag=1", None, None, None),
        # Of several asserted ones the first that is a number counts, and one that is broken is passed over.
        ("from", FROM, f"<sip:reception@c.example>, {PAI}", WRITTEN, ASSERTED),
        ("asserted", FROM, f"<sip:reception@c.example>, {PAI}", ASSERTED, ASSERTED),
        ("asserted", FROM, f"<urn:x>, <sip:c.example>, {PAI}, <tel:+441632960702>", ASSERTED, ASSERTED),
        ("asserted", FROM, ["<broken", PAI], ASSERTED, ASSERTED),
        ("asserted", FROM, [f'"open {PAI}', "<sip:reception@c.example>"], WRITTEN, WRITTEN),
        # In every form that names a number, and in none that has no meaning here.
        ("from", "<tel:1632960700;phone-context=+44>;tag=1", None, WRITTEN, WRITTEN),
        ("from", "<sip:01632-960700;phone-context=+44@c.example;user=phone>;tag=1", PAI, WRITTEN, ASSERTED),
        ("from", "<sip:441632960700;phone-context=c.example@h.example>;tag=1", None, WRITTEN, WRITTEN),
        ("from", "<tel:441632960700;phone-context=other.example>;tag=1", PAI, ASSERTED, ASSERTED),
        ("from", "<tel:201;phone-context=+44>;tag=1", None, None, None),
        # A number that no plan allots is shown: it may be all that there is to know of the caller.
        ("from", "<sip:+447612@c.example>;tag=1", None, None, None),
        ("from", "<sip:+44906123456@c.example>;tag=1", None, "+44906123456", "+44906123456"),
    ],
)
def test_who_is_shown_and_who_is_known(
    caller_from: str, from_: str, asserted: str | list[str] | None, number: str | None, network: str | None
) -> None:
    headers = {} if asserted is None else {"p_asserted_identity": asserted}
    found = caller(caller_from, from_, **headers)
    assert (found.number, found.network) == (number, network)
    assert not found.withheld and found.user is None and found.anonymous_code == 403


@pytest.mark.behaviour("A1", "I7")
@pytest.mark.parametrize("caller_from", ["from", "asserted"])
@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({"privacy": "id"}, WRITTEN),
        ({"from_": "<sip:anonymous@anonymous.invalid>;tag=1"}, None),
        ({"from_": "<sip:anonymous@anonymous.invalid>;tag=1", "p_asserted_identity": PAI}, ASSERTED),
    ],
)
def test_withheld_is_withheld_whatever_else_is_there(
    caller_from: str, headers: dict[str, str], number: str | None
) -> None:
    found = caller(caller_from, **headers)
    assert found.withheld and found.number == number


@pytest.mark.parametrize(
    ("caller_from", "from_", "asserted", "name"),
    [
        ("from", FROM, '"Network" <tel:+441632960701>', "Anna"),
        ("asserted", FROM, '"Network" <tel:+441632960701>', "Network"),
        ("asserted", FROM, PAI, "Anna"),
        ("from", f'"{WRITTEN}" <sip:{WRITTEN}@c.example>;tag=1', PAI, ""),
    ],
)
def test_the_name_goes_with_the_number(caller_from: str, from_: str, asserted: str, name: str) -> None:
    assert caller(caller_from, from_, p_asserted_identity=asserted).name == name
