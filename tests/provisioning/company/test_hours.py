"""Which spans of a week may be saved, by whichever way they come."""

from __future__ import annotations

from datetime import UTC, time

import pytest

from b2bua.callplan.settings import Interval
from provisioning.company.hours import refused_spans
from provisioning.company.sentences import sentence
from provisioning.file.company_file import parse_company_file
from provisioning.file.refusal import CompanyFileError
from tests.provisioning.companies import customer, user

WHOLE = (time(0), time(0))
pytestmark = pytest.mark.behaviour("O1", "O3")


def spans(*of_monday: tuple[time, time], weekday: int = 0) -> tuple[Interval, ...]:
    return tuple(Interval(weekday, *each) for each in of_monday)


def refused(*intervals: Interval) -> list[tuple[str, str]]:
    return [(each.pointer(), sentence(each)) for each in refused_spans((), intervals)]


@pytest.mark.parametrize(
    ("of_monday", "why"),
    [
        (((time(9), time(9)),), '"09:00-09:00" ends when it starts; for the whole day write "unavailable" '),
        (((time(9), time(10, 0, 30)),), '"09:00:00-10:00:30" must begin and end at whole minutes, without '),
        (((time(9, tzinfo=UTC), time(10)),), "must begin and end at whole minutes"),
        ((WHOLE, (time(9), time(10))), '"09:00-10:00" stands beside the whole day; give one of them'),
        (((time(9), time(10)), WHOLE), '"09:00-10:00" stands beside the whole day; give one of them'),
        (((time(9), time(12)), (time(11), time(13))), '"11:00-13:00" overlaps "09:00-12:00"; make one span'),
        (((time(11), time(13)), (time(9), time(12))), '"11:00-13:00" overlaps "09:00-12:00"; make one span'),
        (((time(17), time(8)), (time(20), time(21))), '"20:00-21:00" overlaps "17:00-08:00"'),
        (((time(17), time(0)), (time(20), time(21))), '"20:00-21:00" overlaps "17:00-00:00"'),
    ],
)
def test_what_may_not_be_is_said_at_its_weekday(of_monday: tuple[tuple[time, time], ...], why: str) -> None:
    (told,) = refused(*spans(*of_monday))
    assert told[0] == "/out_of_hours/monday" and why in told[1]


def test_there_are_seven_weekdays() -> None:
    (told,) = refused(Interval(7, time(9), time(10)))
    assert told == ("/out_of_hours", "must be a whole number from 0 to 6, not 7")


def test_what_may_be() -> None:
    assert refused(*spans((time(12), time(13)), (time(9), time(12)), (time(13), time(9)))) == []
    assert refused(*spans((time(9), time(12)), (time(9), time(12)))) == []
    # The night from Friday runs into a Saturday that is unavailable all day.
    assert refused(*spans((time(17), time(8)), weekday=4), *spans(WHOLE, weekday=5)) == []


def test_a_file_says_it_with_its_line() -> None:
    out = '[customers.users.out_of_hours]\nmonday = ["09:00-12:00", "11:00-13:00"]'
    with pytest.raises(
        CompanyFileError, match=r':\d+: out_of_hours.monday: "11:00-13:00" overlaps "09:00-12:00"'
    ):
        parse_company_file(customer(user("anna", "", out)))
