"""What a refusal means, and the page that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from b2bua.callplan.causes import Cause
from b2bua.callplan.responses import TABLE, as_markdown, asks_next, better, ends_search, meaning, means_busy
from b2bua.callplan.settings import Trunk

CARRIER = Trunk(1, "carrier", "192.0.2.9")
PAGE = Path(__file__).parents[2] / "docs" / "response-codes.md"


@pytest.mark.behaviour("I8")
def test_whose_word_each_code_is() -> None:
    called = {404, 408, 410, 433, 480, 482, 483, 484, 485, 486, 487, *range(600, 700)}
    for code in range(300, 700):
        assert asks_next(code, CARRIER) == (code not in called), code


@pytest.mark.parametrize(("code", "like"), [(305, 300), (420, 400), (513, 500), (699, 600)])
def test_an_unknown_code_is_the_first_of_its_hundred(code: int, like: int) -> None:
    assert meaning(code) == TABLE[like]


@pytest.mark.behaviour("I8")
def test_a_trunk_may_mean_something_else() -> None:
    odd = Trunk(1, "odd", "192.0.2.9", next_trunk_codes=frozenset({404}), final_codes=frozenset({503, 420}))
    assert asks_next(404, odd) and not asks_next(410, odd)
    assert not asks_next(503, odd) and not asks_next(420, odd) and asks_next(500, odd)


def test_a_code_that_is_told_goes_with_its_own_cause() -> None:
    assert {code for code, each in TABLE.items() if each.cause is Cause.BUSY} == {
        486,
        600,
        603,
        606,
        607,
        608,
    }
    assert {code for code, each in TABLE.items() if each.cause is Cause.NO_ANSWER} == {408, 480, 487}
    assert not {401, 407, 408, 487} & {code for code, each in TABLE.items() if each.told}


@pytest.mark.behaviour("N7")
def test_any_6xx_speaks_for_all_devices_and_makes_the_line_busy() -> None:
    assert [code for code in range(300, 700) if ends_search(code)] == list(range(600, 700))
    assert [code for code in range(300, 700) if means_busy(code)] == [486, *range(600, 700)]


@pytest.mark.parametrize(
    ("one", "other", "best"),
    [
        (None, None, None),
        (403, None, 403),
        (None, 486, 486),
        (403, 488, 488),
        (503, 403, 403),
        (403, 603, 603),
        (603, 403, 603),
    ],
)
def test_the_better_of_two(one: int | None, other: int | None, best: int | None) -> None:
    assert better(one, other) == best


def test_the_page_says_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(), "run: python -m scripts.write_docs"
