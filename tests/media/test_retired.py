"""How long a stopped player is kept."""

from __future__ import annotations

import weakref

from media.worker.retired import KEPT_FOR, MOST, Retired


class Thing:
    pass


def test_a_thing_is_kept_for_its_time() -> None:
    retired, thing = Retired(), Thing()
    there = weakref.ref(thing)
    retired.keep(thing, 10.0)
    del thing
    retired.free(10.0 + KEPT_FOR - 0.01)
    assert there() is not None
    retired.free(10.0 + KEPT_FOR)
    assert there() is None
    assert len(retired) == 0


def test_of_too_many_the_oldest_go_first() -> None:
    retired, things = Retired(), [Thing() for _ in range(MOST + 2)]
    there = [weakref.ref(thing) for thing in things]
    for thing in things:
        retired.keep(thing, 10.0)
    del things, thing
    retired.free(10.0)
    assert [each() is not None for each in there] == [False] * 2 + [True] * MOST
