"""Kinds of number, and which may be presented."""

from __future__ import annotations

import pytest

from b2bua.callplan.classes import destination_class, may_be_presented


@pytest.mark.behaviour("I3")
@pytest.mark.parametrize(
    "number", ["+449098790000", "+44118500", "+447012345678", "+448450000000", "+448700000000"]
)
def test_expensive_numbers_are_never_presented(number: str) -> None:
    assert not may_be_presented(number)


@pytest.mark.behaviour("I3")
@pytest.mark.parametrize(
    "number", ["+441632960101", "+441184960123", "+447700900123", "+443069990000", "+33970000000"]
)
def test_other_numbers_may_be_presented_a_town_that_begins_like_118_included(number: str) -> None:
    assert may_be_presented(number)


@pytest.mark.behaviour("I6")
@pytest.mark.parametrize(
    ("number", "country", "kind"),
    [
        ("+441632960777", "GB", "national"),
        ("+448081570000", "GB", "national"),
        ("+447700900123", "GB", "mobile"),
        ("+449098790000", "GB", "premium"),
        ("+448450000000", "GB", "premium"),
        ("+447012345678", "GB", "premium"),
        ("+44118500", "GB", "premium"),
        ("+12125550100", "GB", "international"),
        ("+441632960777", "FR", "international"),
        ("+33612345678", "FR", "mobile"),
        ("+12125550100", "US", "national"),
        ("+18765550100", "US", "international"),
    ],
)
def test_the_class_of_a_destination(number: str, country: str, kind: str) -> None:
    assert destination_class(number, country) == kind
