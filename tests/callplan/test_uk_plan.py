"""A thousand numbers as they are dialled in the UK: which there are, and what a call to them costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2bua.callplan.classes import destination_class, is_allotted, is_directory_code
from b2bua.callplan.dialling import Elsewhere, Emergency, ServiceCode, dial
from tests.callplan.company import ACME, NUMBERING

TABLE = Path(__file__).with_name("uk_numbers.tsv")
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]


def what_is(dialled: str) -> str:
    """The class of what is dialled by a customer in the UK, or `refused`."""
    match dial(dialled, ACME, NUMBERING).destination:
        case Elsewhere(number):
            return destination_class(number, "GB")
        case Emergency():
            return "emergency"
        case ServiceCode(code):
            return "premium service" if is_directory_code(code) else "service"
    return "refused"


@pytest.mark.behaviour("D8", "I6")
def test_a_thousand_numbers() -> None:
    assert len(ROWS) >= 1000
    wrong = [(dialled, what_is(dialled), is_, why) for dialled, is_, why in ROWS if what_is(dialled) != is_]
    assert wrong == []


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("+441534700000", "GB", "international"),
        ("+441534700000", "JE", "national"),
        ("+441534700000", "GG", "international"),
        ("+447797700000", "JE", "mobile"),
        ("+447624200000", "IM", "mobile"),
        ("+447624200000", "GB", "international"),
        ("+441632960123", "JE", "international"),
        ("+447700900123", "JE", "international"),
        # What is charged alike everywhere.
        ("+443069990123", "JE", "national"),
        ("+448081570123", "IM", "national"),
        ("+449098790123", "JE", "premium"),
        ("+443069990123", "FR", "international"),
        ("+449098790123", "FR", "premium"),
        ("+447012345678", "FR", "premium"),
    ],
)
def test_the_islands_are_abroad_for_the_rest_of_44(number: str, country: str, kind: str) -> None:
    assert destination_class(number, country) == kind


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    "number",
    ["+881612345678", "+870773111632", "+883510012345", "+979123456789", "+19002345678", "+33899123456"],
)
def test_what_is_costly_from_everywhere_is_premium(number: str) -> None:
    assert destination_class(number, "GB") == "premium"


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize(
    ("number", "allotted"),
    [
        ("+441632960123", True),
        ("+33612345678", True),
        ("+12025550123", True),
        ("+15555550100", False),
        ("+33012345678", False),
        ("+9991234567", False),
        ("+44", False),
        ("+", False),
    ],
)
def test_whether_a_plan_allots_a_number(number: str, allotted: bool) -> None:
    assert is_allotted(number) == allotted
