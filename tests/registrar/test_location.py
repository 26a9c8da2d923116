from hypothesis import given
from hypothesis import strategies as st

from b2bua.registrar.bindings import Added, Binding, Refreshed, Removal, Removed
from b2bua.registrar.location import SWEPT_FROM, Location
from tests.registrar.device import binding


def filled(*bindings: Binding) -> Location:
    location = Location()
    location.apply(Added(each) for each in bindings)
    return location


def test_nothing_is_there_at_first() -> None:
    location = Location()
    assert (len(location), list(location), location.next_deadline()) == (0, [], None)
    assert location.lookup("201", 0.0) == location.handle_timer(0.0) == location.withdraw("201") == ()


def test_lookup_gives_the_best_first_and_nothing_that_has_ended() -> None:
    low = binding("<sip:201@a>;q=0.1", expires_at=300)
    old, young = binding("<sip:201@b>", expires_at=100), binding("<sip:201@c>", expires_at=200)
    location = filled(low, old, young, binding("<sip:202@d>", username="202"))
    assert location.lookup("201", 0.0) == (young, old, low)
    assert location.lookup("201", 100.0) == (young, low)
    assert len(location) == 4


def test_bindings_end_when_their_time_has_come() -> None:
    first, second = binding("<sip:201@a>", expires_at=100), binding("<sip:201@b>", expires_at=200)
    location = filled(second, first)
    assert location.next_deadline() == 100
    assert location.handle_timer(99.9) == ()
    assert location.handle_timer(100) == (Removed(first, Removal.EXPIRED),)
    assert location.next_deadline() == 200
    assert location.handle_timer(500) == (Removed(second, Removal.EXPIRED),)
    assert (len(location), location.next_deadline()) == (0, None)


def test_a_refreshed_binding_ends_at_its_new_time() -> None:
    short, long = binding("<sip:201@a>", expires_at=100), binding("<sip:201@a>", expires_at=300)
    location = filled(short)
    location.apply([Refreshed(long, short)])
    assert location.handle_timer(100) == ()
    assert location.next_deadline() == 300
    location.apply([Refreshed(short, long)])
    assert location.next_deadline() == 100
    assert location.handle_timer(100) == (Removed(short, Removal.EXPIRED),)
    assert location.handle_timer(300) == ()


def test_a_refresh_may_change_the_contact() -> None:
    before, after = binding("<sip:201@a>", expires_at=100), binding("<sip:201@b>", expires_at=200)
    location = filled(before)
    location.apply([Refreshed(after, before)])
    assert list(location) == [after]
    assert location.handle_timer(150) == ()
    assert location.handle_timer(200) == (Removed(after, Removal.EXPIRED),)


def test_a_removed_binding_does_not_end_again() -> None:
    one = binding("<sip:201@a>")
    location = filled(one)
    location.apply([Removed(one, Removal.UNREGISTERED)])
    assert location.lookup("201", 0.0) == location.handle_timer(1000.0) == ()


def test_an_account_can_be_withdrawn() -> None:
    one, two = binding("<sip:201@a>"), binding("<sip:201@b>")
    location = filled(one, two, binding("<sip:202@a>", username="202"))
    assert set(location.withdraw("201")) == {Removed(one, Removal.WITHDRAWN), Removed(two, Removal.WITHDRAWN)}
    assert location.lookup("201", 0.0) == ()
    assert len(location) == 1


def test_after_a_restart_devices_are_found_and_end_in_time() -> None:
    ended, live = binding("<sip:201@a>", expires_at=5), binding("<sip:201@b>", expires_at=50)
    location = Location()
    location.restore([ended, live])
    assert location.lookup("201", 10.0) == (live,)
    assert location.handle_timer(10.0) == (Removed(ended, Removal.EXPIRED),)
    assert location.handle_timer(50.0) == (Removed(live, Removal.EXPIRED),)


def test_refreshing_often_costs_no_memory() -> None:
    location, last = Location(), binding("<sip:201@a>", expires_at=100)
    location.apply([Added(last)])
    for second in range(1000):
        new = binding("<sip:201@a>", expires_at=100 + second)
        location.apply(
            [Removed(last, Removal.UNREGISTERED), Added(new)] if second % 2 else [Refreshed(new, last)]
        )
        last = new
    assert len(location._deadlines) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.integers(0, 20)), max_size=30))
def test_no_binding_outlives_its_end_or_goes_before(steps: list[tuple[str, int, int]]) -> None:
    location, now, expected = Location(), 0.0, {}
    for host, lasts, wait in steps:
        new = binding(f"<sip:201@{host}>", expires_at=now + lasts)
        old = expected.get(host)
        location.apply([Refreshed(new, old) if old else Added(new)])
        expected[host] = new
        now += wait
        due = {each for each in expected.values() if each.expires_at <= now}
        deadline = location.next_deadline()
        assert deadline is not None
        assert deadline <= min(each.expires_at for each in expected.values())
        assert {each.binding for each in location.handle_timer(now)} == due
        expected = {name: each for name, each in expected.items() if each not in due}
        assert set(location) == set(expected.values())


def test_bindings_that_come_and_go_leave_no_queue_behind() -> None:
    location = Location()
    kept = binding("<sip:201@192.0.2.1>", expires_at=3600.0)
    location.apply((Added(kept),))
    for number in range(10 * SWEPT_FROM):
        other = binding(f"<sip:201@192.0.2.9:{number + 1}>", expires_at=3600.0 + number)
        location.apply((Added(other),))
        location.apply((Removed(other, Removal.UNREGISTERED),))
    assert len(location) == 1 and len(location._deadlines) <= SWEPT_FROM
    assert len(location._queued) <= SWEPT_FROM
    assert location.handle_timer(3600.0) == (Removed(kept, Removal.EXPIRED),)
    assert len(location) == 0


def test_a_sweep_leaves_the_end_of_what_is_there() -> None:
    location = Location()
    there = [binding(f"<sip:{number}@192.0.2.1>", expires_at=100.0 + number) for number in range(SWEPT_FROM)]
    location.apply(map(Added, there))
    for number in range(SWEPT_FROM + 1):
        other = binding(f"<sip:x@192.0.2.9:{number + 1}>", expires_at=50.0)
        location.apply((Added(other), Removed(other, Removal.UNREGISTERED)))
    assert location.next_deadline() == 100.0
    assert [each.binding for each in location.handle_timer(1000.0)] == there
