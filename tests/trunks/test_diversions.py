"""The redirects that a carrier tells of, and those that we tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2bua.callplan.causes import Cause
from b2bua.callplan.journey import MOST_DIVERSIONS, Diversion
from b2bua.callplan.settings import Trunk
from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request
from b2bua.trunks.diversions import MOST, REASONS, diversion_headers, incoming_diversions

TRUNK = Trunk(1, "carrier", "sip.carrier.example")
ONE, TWO, THREE = (f"+44163296010{digit}" for digit in "123")
A, B, C = (f"sip:{number[1:]}@carrier.example" for number in (ONE, TWO, THREE))
NO_ANSWER, BUSY, ALWAYS, UNAVAILABLE = Cause.NO_ANSWER, Cause.BUSY, Cause.UNCONDITIONAL, Cause.UNAVAILABLE


def request(*headers: Header) -> Request:
    found: dict[str, str | list[str]] = {}
    for name, value in headers:
        known = found.get(name.lower(), [])
        assert isinstance(known, list)
        found[name.lower()] = [*known, value]
    return Request("INVITE", "sip:441632960100@192.0.2.1", found, b"")


def diverted(*lines: str) -> tuple[Diversion, ...]:
    return incoming_diversions(request(*(("Diversion", line) for line in lines)), TRUNK)


def recorded(*lines: str) -> tuple[Diversion, ...]:
    return incoming_diversions(request(*(("History-Info", line) for line in lines)), TRUNK)


# Diversion


@pytest.mark.behaviour("D5")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"<{A}>;reason=no-answer", Diversion(ONE, NO_ANSWER)),
        (f"<{A}>;reason=user-busy;counter=1;privacy=off", Diversion(ONE, BUSY)),
        (f"<{A}>;reason=unavailable", Diversion(ONE, UNAVAILABLE)),
        (f"<{A}>;reason=unconditional", Diversion(ONE, ALWAYS)),
        (f'<{A}>;reason="User-Busy"', Diversion(ONE, BUSY)),
        (f"<{A}>;reason=time-of-day", Diversion(ONE, ALWAYS)),
        (f'<{A}>;reason="something, of; its own"', Diversion(ONE, ALWAYS)),
        (f"<{A}>", Diversion(ONE, ALWAYS)),
        (f"{A};reason=no-answer", Diversion(ONE, NO_ANSWER)),
        (f'"Reception, \\"front\\" <desk>" <{A}>;reason=no-answer', Diversion(ONE, NO_ANSWER)),
        (f"<tel:{ONE}>;reason=no-answer", Diversion(ONE, NO_ANSWER)),
        ("<sip:01632960101@carrier.example;user=phone>;reason=no-answer", Diversion(ONE, NO_ANSWER)),
        ("<sip:reception@carrier.example>;reason=no-answer", Diversion(None, NO_ANSWER)),
        ("<sip:carrier.example>;reason=no-answer", Diversion(None, NO_ANSWER)),
    ],
)
def test_one_entry(value: str, expected: Diversion) -> None:
    assert diverted(value) == (expected,)


@pytest.mark.parametrize(
    "lines",
    [
        (f"<{B}>;reason=user-busy, <{A}>;reason=no-answer",),
        (f"<{B}>;reason=user-busy", f"<{A}>;reason=no-answer"),
        (f'"One, two" <{B}>;reason=user-busy,,"," <{A}>;reason=no-answer',),
    ],
)
def test_the_latest_stands_first_on_the_wire_and_last_for_us(lines: tuple[str, ...]) -> None:
    assert diverted(*lines) == (Diversion(ONE, NO_ANSWER), Diversion(TWO, BUSY))


@pytest.mark.behaviour("A3")
@pytest.mark.parametrize("privacy", ["full", "uri", '"full"', "Full"])
def test_a_private_number_is_counted_but_not_kept(privacy: str) -> None:
    found = diverted(f"<{B}>;reason=user-busy;privacy={privacy}, <{A}>;privacy=name")
    assert found == (Diversion(ONE, ALWAYS), Diversion(None, BUSY))
    told = repr(diversion_headers(found, TRUNK, "192.0.2.1", THREE))
    assert ONE[1:] in told and TWO[1:] not in told


@pytest.mark.behaviour("D7")
@pytest.mark.parametrize(
    ("counter", "times"),
    [
        ("1", 1),
        ("3", 3),
        ('"3"', 3),
        ("0", 1),
        ("-4", 1),
        ("x", 1),
        ("", 1),
        ("²", 1),
        ("9999", MOST),
        ("9" * 5000, 1),
    ],
)
def test_a_counter_counts(counter: str, times: int) -> None:
    assert diverted(f"<{A}>;reason=user-busy;counter={counter}") == (Diversion(ONE, BUSY),) * times


def test_no_more_are_read_than_needed_and_those_are_the_latest() -> None:
    found = diverted(*(f"<sip:4416329601{number:02}@c.example>" for number in range(60)))
    assert [each.number for each in found] == [f"+4416329601{number:02}" for number in reversed(range(MOST))]
    assert len(recorded(*(f"<{A};cause=302>;index=1.{number}" for number in range(60)))) == MOST
    assert MOST > MOST_DIVERSIONS, "what is not read could not be diverted again anyhow"


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        ",",
        "nonsense",
        "<",
        f"<{A}",
        f'"open <{A}>',
        f"<{A}> trailing",
        "<mailto:someone@carrier.example>",
        f'<{A}>;reason="open',
        f"<{A}>, <{B}",
        "<sip:%%%@carrier.example>",
        "\udcff\udcfe",
    ],
)
def test_what_cannot_be_read_counts_as_none(value: str) -> None:
    for name in ("Diversion", "History-Info"):
        found = incoming_diversions(request((name, value)), TRUNK)
        assert all(each.number is None for each in found) and len(found) <= 1


def test_a_call_that_was_not_diverted_says_nothing() -> None:
    assert incoming_diversions(request(), TRUNK) == ()
    assert diversion_headers((), TRUNK, "192.0.2.1", THREE) == ()
    assert diversion_headers([Diversion(None, BUSY)], TRUNK, "192.0.2.1", THREE) == ()


# History-Info


@pytest.mark.behaviour("D5")
def test_who_redirected_stands_before_the_cause() -> None:
    found = recorded(f"<{A}>;index=1, <{B};cause=486>;index=1.1;mp=1, <{C};cause=408>;index=1.1.1;mp=1.1")
    assert found == (Diversion(ONE, BUSY), Diversion(TWO, NO_ANSWER))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (f"<{A}>;index=1", ()),
        (f"<{A}>;index=1, <{B}>;index=1.1;rc=1", ()),
        (f"<{A}>;index=1, <{B}>;index=1.1;mp=1", (Diversion(ONE, ALWAYS),)),
        (f"<{A}>;index=1, <{B};cause=480>;index=1.1;mp=1", (Diversion(ONE, ALWAYS),)),
        (f"<{A}>;index=1, <{B};cause>;index=1.1;mp", (Diversion(ONE, ALWAYS),)),
        (f"<{A}>;index=1, <{B};cause=503>;index=1.1", (Diversion(ONE, UNAVAILABLE),)),
        (f"<{A}>;index=1, <{B}>;index=1.1;rc=1, <{C};cause=486>;index=1.2;mp=1", (Diversion(ONE, BUSY),)),
        (f"<{A}>;index=1, <{B};cause=486>;index=1.1;mp=9", (Diversion(ONE, BUSY),)),
        (f"<{A}>, <{B};cause=486>", (Diversion(ONE, BUSY),)),
        (f'"A, B" <{A}>;index=1, <{B};cause=486>;index=1.1;mp=1', (Diversion(ONE, BUSY),)),
        (f"<{A}?Privacy=none>;index=1, <{B};cause=486>;index=1.1;mp=1", (Diversion(ONE, BUSY),)),
        (f"<{A}?Privacy=history>;index=1, <{B};cause=486>;index=1.1;mp=1", (Diversion(None, BUSY),)),
        (
            f"<{A}?Reason=SIP%3Bcause%3D486&privacy=history>;index=1, <{B};cause=486>;index=1.1;mp=1",
            (Diversion(None, BUSY),),
        ),
    ],
)
def test_a_history(entries: str, expected: tuple[Diversion, ...]) -> None:
    assert recorded(entries) == expected


def test_a_diversion_is_believed_before_a_history() -> None:
    history = ("History-Info", f"<{A}>;index=1, <{B};cause=486>;index=1.1;mp=1")
    both = request(("Diversion", f"<{C}>;reason=no-answer"), history)
    assert incoming_diversions(both, TRUNK) == (Diversion(THREE, NO_ANSWER),)
    broken = request(("Diversion", "<"), history)
    assert incoming_diversions(broken, TRUNK) == (Diversion(ONE, BUSY),)


# What we write


@pytest.mark.behaviour("D4")
def test_both_headers_tell_the_same_way() -> None:
    way = (
        Diversion(ONE, BUSY),
        Diversion(None, ALWAYS),
        Diversion(TWO, NO_ANSWER),
        Diversion(TWO, NO_ANSWER),
    )
    assert diversion_headers(way, TRUNK, "192.0.2.1", THREE) == (
        (
            "Diversion",
            "<sip:441632960102@192.0.2.1>;reason=no-answer;counter=2;privacy=off, "
            "<sip:441632960101@192.0.2.1>;reason=user-busy;counter=1;privacy=off",
        ),
        (
            "History-Info",
            "<sip:441632960101@192.0.2.1>;index=1, "
            "<sip:441632960102@192.0.2.1;cause=486>;index=1.1;mp=1, "
            "<sip:441632960103@192.0.2.1;cause=408>;index=1.1.1;mp=1.1",
        ),
    )


numbers = st.integers(100, 199).map(lambda digits: f"+441632960{digits}")
ways = st.lists(st.builds(Diversion, numbers, st.sampled_from(Cause)), min_size=1, max_size=MOST)


@pytest.mark.behaviour("D4")
@given(ways, st.sampled_from(["e164", "plus", "national"]))
def test_what_we_write_we_read_again(way: list[Diversion], number_format: str) -> None:
    trunk = Trunk(1, "carrier", "sip.carrier.example", number_format=number_format)  # type: ignore[arg-type]
    diversion, history = diversion_headers(way, trunk, "192.0.2.1", THREE)
    assert incoming_diversions(request(diversion), trunk) == tuple(way)
    once = [each for before, each in zip([None, *way], way, strict=False) if before != each]
    assert incoming_diversions(request(history), trunk) == tuple(once)


names = st.sampled_from(["Diversion", "History-Info"])
pieces = st.sampled_from(
    [
        f"<{A}>",
        f"<{B};cause=486?Privacy=history>",
        ";reason=",
        ";counter=",
        ";index=1",
        ";mp=1",
        '"',
        "<",
        ">",
        ",",
        " ",
    ]
)
anything = st.one_of(st.text(max_size=60), st.lists(st.one_of(pieces, st.text(max_size=4))).map("".join))


@given(st.lists(st.tuples(names, anything), max_size=4))
def test_nothing_that_is_sent_raises(headers: list[Header]) -> None:
    found = incoming_diversions(request(*headers), TRUNK)
    assert len(found) <= MOST
    assert all(each.number is None or each.number.startswith("+") for each in found)
    assert all(each.cause in REASONS for each in found)
    diversion_headers(found, TRUNK, "192.0.2.1", THREE)
