"""Random platforms that keep all rules, as what a database says: for properties of the company file."""

from __future__ import annotations

from datetime import time

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.hours import refused_spans
from provisioning.company.parts import ACTIONS, DeskPhone, SoftClient, TreatmentEntry
from provisioning.company.values import LONGEST_TEXT

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=LONGEST_TEXT).filter(
    lambda text: text.isprintable() and text == text.strip()
) | st.sampled_from(
    ['Ann "the boss" O\'Hare', "Jörg Müßig", "C:\\new\\table", "名無し", "# [x] = {y}", '"""', "\\u0041"]
)
AFTER = st.integers(0, 120).map(float) | st.floats(0, 120).map(abs)
NAT = st.sampled_from(["auto", "always", "never"])
CLOCK = st.times().map(lambda at: time(at.hour, at.minute))


@st.composite
def treatments(draw: DrawFn, occasion: str, others: list[str], numbers: list[str]) -> TreatmentEntry:
    """What may become of a call of a user whose colleagues and whose customer's other numbers these are."""
    possible = [
        action
        for action in ACTIONS[occasion]
        if {Action.USER: others, Action.NUMBER: numbers}.get(action, ["any"])
    ]
    action = draw(st.sampled_from(possible))
    if action is not Action.NUMBER:
        after = 0.0 if action is Action.ENGAGED_TONE else draw(AFTER)
        return TreatmentEntry(action, after, draw(st.sampled_from(others)) if action is Action.USER else None)
    return TreatmentEntry(
        action,
        draw(AFTER),
        number=draw(st.sampled_from(numbers)),
        announce=draw(st.booleans()),
        present_dialled_number=draw(st.booleans()),
        always=occasion != "out_of_hours" and draw(st.booleans()),
    )


@st.composite
def intervals(draw: DrawFn) -> tuple[Interval, ...]:
    """Spans of some days, and days as a whole."""
    whole = draw(st.sets(st.integers(0, 6), max_size=2))
    spans = draw(st.sets(st.tuples(st.integers(0, 6), CLOCK, CLOCK), max_size=4))
    kept: list[Interval] = []
    for span in sorted(spans):
        more = [*kept, Interval(*span)]
        if span[0] not in whole and span[1] != span[2] and not list(refused_spans((), more)):
            kept = more
    return (*kept, *(Interval(day, time(0), time(0)) for day in whole))


def _called(index: str, place: int) -> str:
    """What a user goes by: every second one has no e-mail."""
    return f"20{place}" if place % 2 else f"u{place}@c{index}.example"


@st.composite
def users(draw: DrawFn, index: str, place: int, people: int, numbers: list[str]) -> UserEntry:
    """A user whose numbers are every third of the customer's."""
    own = tuple(numbers[place::3]) if place < 3 else ()
    others = [_called(index, each) for each in range(people) if each != place]
    elsewhere = [each for each in (*numbers, "+441632960777") if each not in own]
    clients = draw(st.sets(st.sampled_from(["a", "B", "c.d"]), max_size=3))
    phones = draw(st.sets(st.integers(1, 255), max_size=2))
    return UserEntry(
        name=draw(NAMES),
        email=None if place % 2 else _called(index, place),
        extension=f"20{place}" if place % 2 else draw(st.sampled_from([None, f"20{place}"])),
        numbers=own,
        default_number=draw(st.sampled_from([None, *own])),
        presentation_number=draw(st.sampled_from([None, *numbers])),
        timezone=draw(st.sampled_from([None, "Europe/Paris"])),
        suspended=draw(st.booleans()),
        withhold_number=draw(st.booleans()),
        max_calls=draw(st.integers(1, 100)),
        notify=Notify(draw(st.booleans()), draw(st.booleans())),
        not_answered=draw(treatments("not_answered", others, elsewhere)),
        busy=draw(treatments("busy", others, elsewhere)),
        out_of_hours_enabled=draw(st.booleans()),
        out_of_hours=draw(treatments("out_of_hours", others, elsewhere)),
        unavailable=draw(intervals()),
        reject_anonymous=draw(st.booleans()),
        permanent_redirect=draw(st.sampled_from([None, *elsewhere])),
        soft_clients=tuple(SoftClient(f"{each}-{index}-{place}", nat=draw(NAT)) for each in sorted(clients)),
        desk_phones=tuple(
            DeskPhone(
                f"0015{int(index):04x}{place:02x}{each:02x}",
                draw(st.sampled_from(["", "yealink"])),
                draw(NAT),
            )
            for each in sorted(phones)
        ),
        pin="",
    )


@st.composite
def customers(draw: DrawFn, index: int) -> CustomerEntry:
    """A customer of a few users."""
    numbers = [f"+441632960{index}{each:02}" for each in range(draw(st.integers(0, 5)))]
    people = draw(st.integers(0, 4))
    classes = draw(st.sets(st.sampled_from(["international", "premium", "emergency"])))
    return CustomerEntry(
        # The index keeps names apart whatever their case.
        name=f"{index} {draw(NAMES)}"[:LONGEST_TEXT].strip(),
        timezone=draw(st.sampled_from(["Europe/London", "America/New_York"])),
        numbers=tuple(numbers),
        suspended=draw(st.booleans()),
        allowed_classes=("internal", "national", "mobile", *classes),
        users_override=draw(st.booleans()),
        emergency_number=draw(st.sampled_from([None, *numbers])),
        max_users=draw(st.sampled_from([None, people, 99])),
        max_numbers=draw(st.sampled_from([None, len(numbers)])),
        users=tuple(draw(users(str(index), place, people, numbers)) for place in range(people)),
    )


@st.composite
def trunks(draw: DrawFn, index: int) -> TrunkEntry:
    """A carrier."""
    username = draw(st.sampled_from([None, f"trunk-{index}"]))
    codes = draw(st.lists(st.integers(300, 699), unique=True, max_size=4))
    return TrunkEntry(
        name=f"{index} {draw(NAMES)}"[:LONGEST_TEXT].strip(),
        host=draw(st.sampled_from(["192.0.2.1", "sip.carrier.example:5080"])),
        transport=draw(st.sampled_from(["udp", "tcp"])),
        order=draw(st.integers(1, 1000)),
        register=username is not None and draw(st.booleans()),
        username=username,
        allow_from=tuple(draw(st.sets(st.sampled_from([f"192.0.2.{index}", f"198.51.100.{index}:5060"])))),
        country=draw(st.sampled_from(["GB", "DE"])),
        number_format=draw(st.sampled_from(["e164", "plus", "national"])),
        early_media=draw(st.booleans()),
        anonymous_code=draw(st.integers(400, 699)),
        next_trunk_codes=tuple(codes[::2]),
        final_codes=tuple(codes[1::2]),
        nat=draw(NAT),
    )


@st.composite
def platforms(draw: DrawFn) -> tuple[tuple[CustomerEntry, ...], tuple[TrunkEntry, ...], tuple[str, ...]]:
    """Customers, trunks and blocked numbers."""
    several = draw(st.integers(0, 3))
    return (
        tuple(draw(customers(index)) for index in range(1, several + 1)),
        tuple(draw(trunks(index)) for index in range(1, draw(st.integers(0, 2)) + 1)),
        tuple(draw(st.sets(st.sampled_from(["+441632960888", "+441632960889"])))),
    )
