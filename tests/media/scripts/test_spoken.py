"""Counts, times and callers in spoken English, exhaustively, read back from the texts of the phrases."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.message import Caller
from media.prompts import catalogue
from media.scripts import spoken
from media.scripts.spoken import en

PHRASES = catalogue.read()["en"].phrases
LONDON = ZoneInfo("Europe/London")
NOON = datetime(2026, 7, 15, 12, tzinfo=LONDON)


def said(phrases: tuple[str, ...]) -> str:
    """What is heard. KeyError for a phrase that the catalogue has not."""
    return " ".join("," if PHRASES[name].silence else PHRASES[name].text for name in phrases).replace(
        " ,", ","
    )


def numbered(words: str, start: int = 0, step: int = 1) -> dict[str, int]:
    return {word: start + step * place for place, word in enumerate(words.split())}


UNITS = numbered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
) | numbered("fifteen sixteen seventeen eighteen nineteen", 15)
TENS = numbered("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
ORDINALS = numbered(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", 1
) | numbered("thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth", 13)
ORDINALS["thirtieth"] = 30


def understood(words: str) -> int:
    """The number that English words say; the opposite of what the rules do, written independently of them."""
    total = group = 0
    for word in words.split():
        if word == "thousand":
            total, group = group * 1000, 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += TENS[word] if word in TENS else UNITS[word]
    return total + group


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, "zero"),
        (7, "seven"),
        (13, "thirteen"),
        (20, "twenty"),
        (42, "forty two"),
        (100, "one hundred"),
        (101, "one hundred and one"),
        (999, "nine hundred and ninety nine"),
        (1000, "one thousand"),
        (1001, "one thousand and one"),
        (1042, "one thousand and forty two"),
        (1100, "one thousand one hundred"),
        (2300, "two thousand three hundred"),
        (12_345, "twelve thousand three hundred and forty five"),
        (999_999, "nine hundred and ninety nine thousand nine hundred and ninety nine"),
    ],
)
def test_numbers(n: int, words: str) -> None:
    assert said(en.number(n)) == words


def test_every_number_is_understood() -> None:
    for n in (*range(3000), *range(3000, 1_000_000, 997)):
        assert understood(said(en.number(n))) == n


@pytest.mark.parametrize("n", [-1, 1_000_000])
def test_other_numbers_are_refused(n: int) -> None:
    with pytest.raises(ValueError, match="between"):
        en.number(n)


def test_digits() -> None:
    assert said(en.digits("2019")) == "two zero one nine"
    assert en.digits("") == ()
    for text in ("+44", "1 2", "a", "²"):
        with pytest.raises(ValueError, match="digits"):
            en.digits(text)


@pytest.mark.parametrize(
    ("new", "saved", "words"),
    [
        (0, 0, "You have no messages"),
        (2, 0, "You have two new messages and no saved messages"),
        (1, 0, "You have one New message and no saved messages"),
        (0, 1, "You have no new messages and one Saved message"),
        (101, 23, "You have one hundred and one new messages and twenty three saved messages"),
    ],
)
def test_counts(new: int, saved: int, words: str) -> None:
    assert said(en.counts(new, saved)) == words


def test_every_count_is_understood() -> None:
    sentence = re.compile(r"you have (.+) new message(s?) and (.+) saved message(s?)")
    for new in range(131):
        for saved in range(131):
            if new or saved:
                heard = sentence.fullmatch(said(en.counts(new, saved)).lower())
                assert heard
                for words, plural, n in ((heard[1], heard[2], new), (heard[3], heard[4], saved)):
                    assert (0 if words == "no" else understood(words)) == n
                    assert (plural == "") == (n == 1)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-07-15T00:00", "received today at twelve a.m."),
        ("2026-07-15T11:59", "received today at eleven fifty nine a.m."),
        ("2026-07-15T12:00", "received today at twelve p.m."),
        ("2026-07-14T15:05", "received yesterday at three oh five p.m."),
        ("2026-07-13T15:20", "received Monday thirteenth July at three twenty p.m."),
        ("2026-05-31T09:30", "received Sunday thirty first May at nine thirty a.m."),
        ("2026-07-16T08:00", "received Thursday sixteenth July at eight a.m."),
    ],
)
def test_times(at: str, words: str) -> None:
    assert said(en.received(datetime.fromisoformat(at).replace(tzinfo=LONDON), NOON, LONDON)) == words


def test_every_minute_of_a_day_is_understood() -> None:
    clock = re.compile(r"received today at (\w+) ?(.*) ([ap])\.m\.")
    for minutes in range(24 * 60):
        at = NOON.replace(hour=minutes // 60, minute=minutes % 60)
        heard = clock.fullmatch(said(en.received(at, NOON, LONDON)))
        assert heard
        hour = UNITS[heard[1]] % 12 + (12 if heard[3] == "p" else 0)
        assert (hour, understood(heard[2].replace("oh ", ""))) == (at.hour, at.minute)
        assert heard[2].startswith("oh ") == (0 < at.minute < 10)


@pytest.mark.parametrize("year", [2027, 2028])
def test_every_day_of_a_year_is_understood(year: int) -> None:
    now = datetime(year + 1, 1, 5, 9, tzinfo=LONDON)
    day = date(year, 1, 1)
    while day.year == year:
        at = datetime(day.year, day.month, day.day, 9, tzinfo=LONDON)
        weekday, *ordinal, month = (
            said(en.received(at, now, LONDON)).removeprefix("received ").split(" at ")[0].split()
        )
        assert (weekday, month) == (f"{day:%A}", f"{day:%B}")
        assert sum(ORDINALS.get(word) or TENS[word] for word in ordinal) == day.day
        day += timedelta(days=1)


def test_the_day_is_that_of_the_owners_clock() -> None:
    """In summer London is an hour ahead: what came at half past eleven by UTC came half an hour after midnight."""
    at = datetime(2026, 7, 14, 23, 30, tzinfo=UTC)
    assert said(en.received(at, NOON.astimezone(UTC), LONDON)) == "received today at twelve thirty a.m."
    assert said(en.received(at, NOON, UTC)) == "received yesterday at eleven thirty p.m."
    late = datetime(
        2026, 7, 14, 23, 45, tzinfo=UTC
    )  # today, by London's clock, though not by the one that tells it
    assert said(en.received(at, late, LONDON)) == "received today at twelve thirty a.m."
    winter = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)
    assert winter.replace(fold=1).astimezone(UTC) - winter.astimezone(UTC) == timedelta(hours=1)
    assert en.received(winter, winter, LONDON) == en.received(winter.replace(fold=1), winter, LONDON)


def test_a_time_needs_its_zone() -> None:
    for at, now in ((NOON.replace(tzinfo=None), NOON), (NOON, NOON.replace(tzinfo=None))):
        with pytest.raises(ValueError, match="zone"):
            en.received(at, now, LONDON)


@pytest.mark.parametrize(
    ("number", "country", "words"),
    [
        ("201", "GB", "from Extension two zero one"),
        ("123456", "GB", "from Extension one two three, four five six"),
        ("+441632960123", "GB", "from zero one six three two, nine six zero, one two three"),
        ("+442079460123", "GB", "from zero two zero, seven nine four six, zero one two three"),
        (
            "+441632960123",
            "US",
            "from zero one one, four four, one six three two, nine six zero, one two three",
        ),
        ("+12025550123", "GB", "from zero zero, one, two zero two, five five five, zero one two three"),
        ("+12025550123", "US", "from one, two zero two, five five five, zero one two three"),
        ("+441632960123", "ZZ", "from four four, one six three two, nine six zero, one two three"),
        (None, "GB", "from an unknown caller"),
        ("", "GB", "from an unknown caller"),
        ("+", "GB", "from an unknown caller"),
        ("alice", "GB", "from an unknown caller"),
        ("12a", "GB", "from an unknown caller"),
    ],
)
def test_callers(number: str | None, country: str, words: str) -> None:
    assert said(en.caller(Caller(number, "A Caller"), country)) == words


@pytest.mark.behaviour("A3")
def test_a_withheld_number_is_never_read() -> None:
    hidden = Caller(withheld=True)
    object.__setattr__(hidden, "number", "+441632960123")  # past the guard of Caller, which is not this one's
    assert en.caller(hidden, "GB") == ("withheld-number",)


@given(
    st.from_regex(r"\+[1-9][0-9]{8,14}", fullmatch=True),
    st.sampled_from(["GB", "US", "DE", "IT", "RU", "ZZ"]),
)
def test_every_number_is_read_to_its_end_in_short_groups(number: str, country: str) -> None:
    words = said(en.caller(Caller(number), country))
    if words != "from an unknown caller":
        groups = words.removeprefix("from ").split(", ")
        assert all(1 <= len(group.split()) <= en.LONGEST_GROUP for group in groups)
        digits = "".join(str(UNITS[word]) for word in words.removeprefix("from ").replace(",", "").split())
        assert digits.endswith(number[-3:])


@pytest.mark.parametrize("code", ["en", "en-gb"])
def test_a_language_is_chosen_by_its_code(code: str) -> None:
    assert spoken.language(code) is en


def test_a_language_without_rules_is_refused() -> None:
    with pytest.raises(KeyError):
        spoken.language("xx")


def test_every_language_of_the_catalogue_has_its_rules() -> None:
    assert set(catalogue.read()) <= set(spoken.LANGUAGES)
