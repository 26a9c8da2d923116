from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import pytest

from provisioning.company import values
from provisioning.company.sentences import shown

GOOD = [
    (values.text, "  Acme Ltd ", "Acme Ltd"),
    (values.secret, " spaces stay ", " spaces stay "),
    (values.flag, False, False),
    (values.whole(1, 3), 3, 3),
    (values.seconds, 0, 0.0),
    (values.seconds, 120, 120.0),
    (values.seconds, 0.5, 0.5),
    (values.choice("a", "b"), "b", "b"),
    (values.day, "available", "available"),
    (values.day, ["12:00-13:00"], "spans"),
    (values.pin, "", ""),
    (values.email, "Anna.Berg@Acme.example", "anna.berg@acme.example"),
    (values.username, "front-desk.1", "front-desk.1"),
    (values.vendor, "Yealink", "yealink"),
    (values.country, "FR", "FR"),
    (values.timezone, "Europe/London", "Europe/London"),
    (values.host, "SIP.carrier.example:5061", "sip.carrier.example:5061"),
    (values.host, "192.0.2.1", "192.0.2.1"),
    (values.source, "192.0.2.1", "192.0.2.1"),
    (values.source, "192.0.2.0/24", "192.0.2.0/24"),
    (values.source, "127.0.0.1:5080", "127.0.0.1:5080"),
    (values.clock_span, "12:30-13:30", (time(12, 30), time(13, 30))),
    (values.clock_span, "17:30-08:30", (time(17, 30), time(8, 30))),
    (values.clock_span, "17:30-24:00", (time(17, 30), time(0))),
]

BAD = [
    (values.text, 5, "must be text in quotes, not 5"),
    (values.text, " ", "must not be empty"),
    (values.text, "x" * 201, "longer than 200"),
    (values.text, "two\nlines", "one line"),
    (values.secret, "", "1 to 200"),
    (values.secret, "bell\a", "printable"),
    (values.flag, "yes", 'must be true or false, not "yes"'),
    (values.flag, 0, "not 0"),
    (values.whole(1, 3), 0, "from 1 to 3, not 0"),
    (values.whole(1, 3), 4, "not 4"),
    (values.whole(1, 3), True, "not true"),
    (values.whole(1, 3), 1.0, "not 1.0"),
    (values.seconds, -1, "0 to 120 seconds, not -1"),
    (values.seconds, 120.1, "not 120.1"),
    (values.seconds, float("nan"), "not nan"),
    (values.seconds, "20", 'not "20"'),
    (values.seconds, True, "not true"),
    (values.choice("a", "b"), "c", 'must be one of "a", "b", not "c"'),
    (values.choice("a"), ["a"], "not a list"),
    (values.day, "closed", "available"),
    (values.day, [], "not a list"),
    (values.pin, 402917, "6 digits in quotes"),
    (values.email, "anna", "not an e-mail"),
    (values.email, "a@b@c", "not an e-mail"),
    (values.username, "has space", "letters, digits"),
    (values.username, "-x", "beginning with"),
    (values.username, "a@b", "letters, digits"),
    (values.username, "x" * 65, "1 to 64"),
    (values.vendor, "two words", "one word"),
    (values.country, "UK", '"GB"'),
    (values.country, "gb", "capital"),
    (values.timezone, "London", "IANA"),
    (values.timezone, "Europe", "IANA"),
    (values.host, "192.0.2.1:0", "port"),
    (values.host, "192.0.2.1:x", "port"),
    (values.host, "192.0.2.256", "IPv4"),
    (values.host, "two words", "host name"),
    (values.source, "carrier.example", "IPv4 address"),
    (values.source, "192.0.2.1/24", "write 192.0.2.0/24"),
    (values.source, "192.0.2.0/33", "IPv4 address"),
    (values.source, "192.0.2.0/24:5060", "IPv4 address"),
    (values.source, "127.0.0.1:70000", "IPv4 address"),
    (values.clock_span, "12:30", "24-hour clock"),
    (values.clock_span, "9:00-17:00", "24-hour clock"),
    (values.clock_span, "24:00-08:00", "24-hour clock"),
    (values.clock_span, 1230, "text in quotes"),
]


@pytest.mark.parametrize(("parse", "value", "parsed"), GOOD)
def test_what_is_allowed_is_taken(parse: Callable[[object], object], value: object, parsed: object) -> None:
    assert parse(value) == parsed


@pytest.mark.parametrize(("parse", "value", "why"), BAD)
def test_what_is_wrong_is_refused_in_plain_words(
    parse: Callable[[object], object], value: object, why: str
) -> None:
    with pytest.raises(ValueError) as refused:
        parse(value)
    assert why in str(refused.value)


@pytest.mark.behaviour("O3")
@pytest.mark.parametrize("span", ["09:00-09:00", "00:00-24:00", "00:00-00:00"])
def test_a_span_that_ends_when_it_starts_is_refused(span: str) -> None:
    with pytest.raises(ValueError, match='for the whole day write "unavailable"'):
        values.clock_span(span)


def test_checked_repeats_the_value_once() -> None:
    parse = values.checked(values.country)
    with pytest.raises(ValueError) as refused:
        parse("UK")
    assert str(refused.value).startswith('"UK" is not a country code')
    with pytest.raises(ValueError) as refused:
        parse(44)
    assert str(refused.value) == "must be text in quotes, not 44"


def test_values_are_shown_as_the_file_writes_them() -> None:
    words = [shown(value) for value in (True, "a", "x" * 50, 5, 1.5, [1], {}, date(2030, 1, 1))]
    assert words == ["true", '"a"', f'"{"x" * 40}…"', "5", "1.5", "a list", "a table", "a date or time"]
