"""What a carrier is told of who calls and of a call's way."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Literal

import pytest

from b2bua.callplan.causes import Cause
from b2bua.callplan.identity import Identity, outgoing, redirected
from b2bua.callplan.journey import Diversion, Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.settings import Customer, Trunk, User
from b2bua.callplan.situation import Caller
from b2bua.sip.text.compose import Header
from b2bua.trunks.shown import shown

HOST = "sip.carrier.example"
CALLED = "+447700900123"
EARLIER = "+441632960300"
CALLER = "+441632960200"  # somebody outside
COLLEAGUE = "+441632960111"  # a colleague's default number, 960110 the presentation number
RECEPTION = "+441632960101"  # the default number of who redirects, 960100 is dialled

ACME = Customer(1, "Acme Ltd", numbers=("+441632960100", RECEPTION, "+441632960110", COLLEAGUE))
REDIRECTS = User(1, 1, "Reception", "reception@acme.example", "201", ("+441632960100", RECEPTION), RECEPTION)
CALLS = User(
    2,
    1,
    "Colleague",
    "colleague@acme.example",
    "202",
    (COLLEAGUE,),
    COLLEAGUE,
    presentation_number="+441632960110",
)

Profile = Literal["screened", "interconnect", "passthrough"]
PROFILES: tuple[Profile, ...] = ("screened", "interconnect", "passthrough")

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
UNNUMBERED = "<sip:unavailable@unknown.invalid>"

CALLERS = {
    "outside": Caller(CALLER, network=CALLER),
    "outside withheld": Caller(CALLER, "Jo Withheld", True, network=CALLER),
    "outside without number": Caller(),
    "outside withheld, without number": Caller(withheld=True),
    "inside": Caller("202", "Colleague", user=2, customer=1, network=COLLEAGUE),
    "inside withheld": Caller("202", "Colleague", True, user=2, customer=1, network=COLLEAGUE),
}
WHOSE = {"outside": {CALLER}, "inside": {COLLEAGUE, "+441632960110"}}


def trunk(profile: Profile = "screened", *, trusted: bool = False) -> Trunk:
    return Trunk(1, "carrier", HOST, identity=profile, trusted=trusted)


def numbering() -> Numbering:
    return Numbering.of((ACME,), (REDIRECTS, CALLS), (trunk(),), ())


def uri(number: str) -> str:
    return f"<sip:{number.removeprefix('+')}@{HOST}>"


def told(identity: Identity, carrier: Trunk) -> dict[str, str]:
    """Every header by its name; each is there once."""
    from_, headers = shown(identity, carrier, HOST, CALLED)
    found = {"From": str(from_), **dict(headers)}
    assert len(found) == 1 + len(headers)
    return found


def encoded(found: dict[str, str]) -> str:
    return "\r\n".join(f"{name}: {value}" for name, value in found.items())


def redirect(who: Caller, *, present_dialled: bool) -> Identity:
    """The call to 960100 that Reception redirects because nobody answered, once redirected before it came."""
    journey = Journey("+441632960100", (REDIRECTS.id,), (Diversion(EARLIER, Cause.BUSY),))
    return redirected(REDIRECTS, who, journey, numbering(), Cause.NO_ANSWER, present_dialled=present_dialled)


def numbers_of(kind: str) -> set[str]:
    return {number.removeprefix("+") for number in WHOSE[kind.split(maxsplit=1)[0]]}


OURS = f"{uri(RECEPTION)};reason=no-answer;counter=1;privacy=off"
WAY = {
    "Diversion": f"{OURS}, {uri(EARLIER)};reason=user-busy;counter=1;privacy=off",
    "History-Info": (
        f"{uri(EARLIER)};index=1, <sip:{RECEPTION[1:]}@{HOST};cause=486>;index=1.1;mp=1, "
        f"<sip:{CALLED[1:]}@{HOST};cause=408>;index=1.1.1;mp=1.1"
    ),
}
OWN_WAY = {
    "Diversion": OURS,
    "History-Info": f"{uri(RECEPTION)};index=1, <sip:{CALLED[1:]}@{HOST};cause=408>;index=1.1;mp=1",
}


# A redirected call without the dialled number: who the caller is, whether the trunk is trusted, and per profile
# From and P-Asserted-Identity.
SCREENED_OURS = uri(RECEPTION)
WITHOUT: list[tuple[str, bool, Profile, str, str | None]] = [
    ("outside", False, "screened", uri(CALLER), SCREENED_OURS),
    ("outside", False, "interconnect", uri(CALLER), uri(CALLER)),
    ("outside", False, "passthrough", uri(RECEPTION), uri(CALLER)),
    ("outside", True, "screened", uri(CALLER), SCREENED_OURS),
    ("outside", True, "interconnect", uri(CALLER), uri(CALLER)),
    ("outside", True, "passthrough", uri(RECEPTION), uri(CALLER)),
    ("outside withheld", False, "screened", ANONYMOUS, SCREENED_OURS),
    ("outside withheld", False, "interconnect", ANONYMOUS, None),
    ("outside withheld", False, "passthrough", ANONYMOUS, None),
    ("outside withheld", True, "screened", ANONYMOUS, SCREENED_OURS),
    ("outside withheld", True, "interconnect", ANONYMOUS, uri(CALLER)),
    ("outside withheld", True, "passthrough", ANONYMOUS, uri(CALLER)),
    ("outside without number", False, "screened", UNNUMBERED, SCREENED_OURS),
    ("outside without number", False, "interconnect", UNNUMBERED, None),
    ("outside without number", False, "passthrough", uri(RECEPTION), None),
    ("outside without number", True, "screened", UNNUMBERED, SCREENED_OURS),
    ("outside without number", True, "interconnect", UNNUMBERED, None),
    ("outside without number", True, "passthrough", uri(RECEPTION), None),
    ("outside withheld, without number", False, "screened", ANONYMOUS, SCREENED_OURS),
    ("outside withheld, without number", False, "interconnect", ANONYMOUS, None),
    ("outside withheld, without number", False, "passthrough", ANONYMOUS, None),
    ("outside withheld, without number", True, "screened", ANONYMOUS, SCREENED_OURS),
    ("outside withheld, without number", True, "interconnect", ANONYMOUS, None),
    ("outside withheld, without number", True, "passthrough", ANONYMOUS, None),
    ("inside", False, "screened", uri("441632960110"), SCREENED_OURS),
    ("inside", False, "interconnect", uri("441632960110"), uri(COLLEAGUE)),
    ("inside", False, "passthrough", uri(RECEPTION), uri(COLLEAGUE)),
    ("inside", True, "screened", uri("441632960110"), SCREENED_OURS),
    ("inside", True, "interconnect", uri("441632960110"), uri(COLLEAGUE)),
    ("inside", True, "passthrough", uri(RECEPTION), uri(COLLEAGUE)),
    ("inside withheld", False, "screened", ANONYMOUS, SCREENED_OURS),
    ("inside withheld", False, "interconnect", ANONYMOUS, None),
    ("inside withheld", False, "passthrough", ANONYMOUS, None),
    ("inside withheld", True, "screened", ANONYMOUS, SCREENED_OURS),
    ("inside withheld", True, "interconnect", ANONYMOUS, uri(COLLEAGUE)),
    ("inside withheld", True, "passthrough", ANONYMOUS, uri(COLLEAGUE)),
]


def test_the_table_has_every_case() -> None:
    cases = sorted((who, trusted, profile) for who, trusted, profile, _, _ in WITHOUT)
    assert cases == sorted(product(CALLERS, (False, True), PROFILES))


@pytest.mark.behaviour("D4", "D5", "I4", "A3")
@pytest.mark.parametrize(("who", "trusted", "profile", "from_", "asserted"), WITHOUT)
def test_a_redirect_without_the_dialled_number(
    who: str, trusted: bool, profile: Profile, from_: str, asserted: str | None
) -> None:
    found = told(redirect(CALLERS[who], present_dialled=False), trunk(profile, trusted=trusted))
    expected = {"From": from_, **WAY}
    if asserted is not None:
        expected["P-Asserted-Identity"] = asserted
    if CALLERS[who].withheld:
        expected["Privacy"] = "id"
    assert found == expected
    if CALLERS[who].withheld:
        asserted_to_trusted = found.pop("P-Asserted-Identity") if trusted and asserted else ""
        assert not any(number in encoded(found) for number in numbers_of(who))
        assert (asserted_to_trusted in map(uri, numbers_of(who))) == (
            trusted and profile != "screened" and CALLERS[who].network is not None
        )
    assert "Jo" not in encoded(found) and "Colleague" not in encoded(found)


@pytest.mark.behaviour("D2", "D4", "D5", "A3")
@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("profile", PROFILES)
def test_a_redirect_with_the_dialled_number(who: str, trusted: bool, profile: Profile) -> None:
    found = told(redirect(CALLERS[who], present_dialled=True), trunk(profile, trusted=trusted))
    assert found == {"From": uri("441632960100"), "P-Asserted-Identity": uri(RECEPTION), **OWN_WAY}
    hidden = numbers_of(who) | {EARLIER[1:]}
    assert not any(number in encoded(found) for number in hidden)


@pytest.mark.behaviour("D2")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_dialled_extension_is_presented_as_the_default_number(profile: Profile) -> None:
    journey = Journey("201", (REDIRECTS.id,))
    identity = redirected(
        REDIRECTS, CALLERS["inside"], journey, numbering(), Cause.NO_ANSWER, present_dialled=True
    )
    assert told(identity, trunk(profile)) == {
        "From": uri(RECEPTION),
        "P-Asserted-Identity": uri(RECEPTION),
        **OWN_WAY,
    }


@pytest.mark.behaviour("I2", "I4")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("withheld", "trusted", "from_", "asserted", "privacy"),
    [
        (False, False, uri("441632960110"), uri(COLLEAGUE), None),
        (False, True, uri("441632960110"), uri(COLLEAGUE), None),
        (True, False, ANONYMOUS, None, "id"),
        (True, True, ANONYMOUS, uri(COLLEAGUE), "id"),
    ],
)
def test_a_users_own_call(
    profile: Profile, withheld: bool, trusted: bool, from_: str, asserted: str | None, privacy: str | None
) -> None:
    caller = replace(CALLERS["inside"], withheld=withheld)
    found = told(outgoing(CALLS, ACME, caller), trunk(profile, trusted=trusted))
    expected = {"From": from_, "P-Asserted-Identity": asserted, "Privacy": privacy}
    assert found == {name: value for name, value in expected.items() if value is not None}
    if withheld and not trusted:
        assert not any(number in encoded(found) for number in numbers_of("inside"))


@pytest.mark.behaviour("D5")
@pytest.mark.parametrize(
    ("cause", "code", "reason"),
    [
        (Cause.NO_ANSWER, 408, "no-answer"),
        (Cause.BUSY, 486, "user-busy"),
        (Cause.UNAVAILABLE, 503, "unavailable"),
        (Cause.UNCONDITIONAL, 302, "unconditional"),
    ],
)
def test_the_reason_that_is_told(cause: Cause, code: int, reason: str) -> None:
    identity = redirected(
        REDIRECTS, CALLERS["outside"], Journey(RECEPTION), numbering(), cause, present_dialled=False
    )
    found = told(identity, trunk())
    assert f";reason={reason};" in found["Diversion"]
    assert f";cause={code}>" in found["History-Info"]


@pytest.mark.parametrize(
    ("number_format", "ours"),
    [("e164", "441632960101"), ("plus", "+441632960101"), ("national", "01632960101")],
)
def test_every_number_is_written_as_the_trunk_writes_them(
    number_format: Literal["e164", "plus", "national"], ours: str
) -> None:
    carrier = replace(trunk(), number_format=number_format)
    found: dict[str, str] = told(redirect(CALLERS["outside"], present_dialled=True), carrier)
    headers: list[Header] = [
        (name, found[name]) for name in ("P-Asserted-Identity", "Diversion", "History-Info")
    ]
    assert all(f"<sip:{ours}@{HOST}>" in value for _, value in headers)
