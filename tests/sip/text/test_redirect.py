"""Whom a redirect names, in which order, and how little of it can be unreadable without harm."""

from __future__ import annotations

import pytest

from b2bua.sip.text.message import Response
from b2bua.sip.text.redirect import MOST_TARGETS, targets_of


def targets(*contacts: str, code: int = 302) -> list[str | None]:
    response = Response(code, "", {"contact": list(contacts)} if contacts else {}, b"")
    return [uri.user for uri in targets_of(response)]


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        (["<sip:a@h>"], ["a"]),
        (["sip:a@h;q=0.9"], ["a"]),
        (["<sip:a@h>;q=0.1, <sip:b@h>;q=0.7", "<sip:c@h>;q=0.3"], ["b", "c", "a"]),
        (["<sip:a@h>;q=0.9", "<sip:b@h>"], ["b", "a"]),
        (["<sip:a@h>;q=0.5", "<sip:b@h>;q=0.5"], ["a", "b"]),
        (["<sip:a@h>;q=0.5", "<sip:b@h>;q=much"], ["b", "a"]),
        (["<sip:a@h>;q=1.0, <sip:b@h>;q=0, <sip:c@h>;q=0."], ["a", "b", "c"]),
        # One that cannot be read is left out.
        (["<sip:a b@h>;q=1", "<sip:b@h>;q=0.2"], ["b"]),
        (["<mailto:a@h>, <tel:+441632960999>;q=0.2"], ["+441632960999"]),
        (["<sip:a b@h>"], []),
        (["*"], []),
        (['"open <sip:a@h>, <sip:b@h>'], []),
        ([], []),
    ],
)
def test_targets_come_with_the_best_first(contacts: list[str], expected: list[str]) -> None:
    assert targets(*contacts) == expected


@pytest.mark.parametrize(
    ("code", "count"), [(300, 1), (301, 1), (302, 1), (305, 0), (380, 0), (486, 0), (600, 0)]
)
def test_only_some_codes_say_who_is_to_be_called(code: int, count: int) -> None:
    assert len(targets("<sip:a@h>", code=code)) == count


def test_only_so_many_are_followed() -> None:
    assert len(targets(*(f"<sip:{n}@h>" for n in range(90)))) == MOST_TARGETS
