"""Open sessions are written down where the next client finds them."""

from __future__ import annotations

import os

from media.relay.roster import IN_PASSING, SLOT, Roster, make


def test_the_next_client_finds_what_is_open() -> None:
    page = make(2)
    first = Roster(os.dup(page))
    longest = "z" * SLOT
    assert first.add("a1") and first.add(longest) and first.add("b2") and first.add("a1")
    first.remove("b2")
    first.remove("unknown")
    first.close()
    second = Roster(os.dup(page))
    assert second.names == {"a1", longest}
    second.remove("a1")
    assert Roster(page).names == {longest}


def test_a_full_roster_takes_no_more_until_one_is_gone() -> None:
    roster = Roster(make(1))
    for number in range(1 + IN_PASSING):
        assert roster.add(f"a{number}")
    assert not roster.add("more")
    roster.remove("a7")
    assert roster.add("more")


def test_nothing_happens_to_it_once_it_is_left_to_the_next() -> None:
    page = make(1)
    roster = Roster(os.dup(page))
    roster.add("a1")
    roster.close()
    roster.remove("a1")
    assert Roster(page).names == {"a1"}
