"""The lookup tables: who has which extension and number."""

from __future__ import annotations

from b2bua.callplan.numbering import Numbering
from tests.callplan.company import ACME, NUMBERING, OTHER, RECEPTION, SALES, WORKSHOP


def test_extensions_belong_to_their_customer() -> None:
    assert NUMBERING.extensions == {(1, "201"): 10, (1, "202"): 11, (2, "201"): 20}


def test_numbers_lead_to_their_user_and_free_numbers_to_nobody() -> None:
    assert NUMBERING.numbers == {"+441632960101": 10, "+441632960103": 11, "+441632960200": 20}


def test_users_and_customers_are_found_by_id() -> None:
    assert NUMBERING.users[11] is WORKSHOP
    assert NUMBERING.customer_of(RECEPTION) is ACME
    assert NUMBERING.customer_of(SALES) is OTHER


def test_a_user_without_an_extension_has_none() -> None:
    assert Numbering.of((), ()).extensions == {}
