"""Datagrams that wait: order within a source, ranks among sources, turns, and who makes room."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.transport.rank import Rank
from b2bua.transport.waiting import Datagram, WaitingRoom
from tests.support.examples import examples


def datagram(source: int, rank: Rank = Rank.NEW, data: bytes = b"") -> Datagram:
    return Datagram(
        data, Flow(Transport.UDP, SocketAddress("127.0.0.1", 5060), SocketAddress("127.0.0.2", source)), rank
    )


def filled(*waiting: Datagram) -> WaitingRoom:
    room = WaitingRoom()
    for each in waiting:
        room.add(each)
    return room


def next_of(room: WaitingRoom) -> Datagram | None:
    """What is handled next: the first there is of the lowest rank."""
    return next((each for rank in Rank if (each := room.take(rank)) is not None), None)


def emptied(room: WaitingRoom) -> list[Datagram]:
    return list(iter(lambda: next_of(room), None))


def test_a_cancel_waits_for_its_invite_whoever_else_waits() -> None:
    invite, cancel = datagram(1, Rank.NEW), datagram(1, Rank.BEGUN)
    other, bye = datagram(2, Rank.NEW), datagram(3, Rank.BEGUN)
    assert emptied(filled(invite, cancel, other, bye)) == [bye, invite, cancel, other]


def test_sources_of_one_rank_take_turns() -> None:
    busy = [datagram(1), datagram(1), datagram(1)]
    others = [datagram(2), datagram(3)]
    assert emptied(filled(*busy, *others)) == [busy[0], *others, *busy[1:]]


def test_a_source_keeps_its_place_whatever_its_second_message_is() -> None:
    first, second, other = datagram(1, Rank.KNOWN_NEW), datagram(1, Rank.KNOWN_BEGUN), datagram(2, Rank.BEGUN)
    assert emptied(filled(first, second, other)) == [first, second, other]


def test_the_last_one_of_the_last_rank_makes_room_wherever_it_stands() -> None:
    waiting = [
        datagram(1, Rank.NEW),
        datagram(2, Rank.BEGUN),
        datagram(1, Rank.BEGUN),
        datagram(2, Rank.NEW),
        datagram(2, Rank.BEGUN),
        datagram(3, Rank.NEW),
    ]
    room = filled(*waiting)
    assert [room.shed(Rank.BEGUN) for _ in range(4)] == [waiting[5], waiting[3], waiting[0], None]
    assert len(room) == 3
    assert room.shed(Rank.KNOWN_BEGUN) is waiting[4]
    assert emptied(room) == [waiting[1], waiting[2]]
    assert len(room) == 0 and not room._lines


sources = st.integers(1, 4)
ranks = st.sampled_from(Rank)
arrivals = st.tuples(st.just("add"), sources, ranks)
removals = st.tuples(st.sampled_from(["take", "shed"]), sources, ranks)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(arrivals | removals, max_size=60))
def test_the_order_within_a_source_is_kept_whatever_happens(steps: list[tuple[str, int, Rank]]) -> None:
    room = WaitingRoom()
    waiting: list[Datagram] = []
    handled: list[Datagram] = []
    for step, source, rank in steps:
        if step == "add":
            waiting.append(datagram(source, rank))
            room.add(waiting[-1])
        elif step == "shed":
            shed = room.shed(rank)
            worse = [each for each in waiting if each.rank > rank]
            worst = max((each.rank for each in worse), default=None)
            assert shed is next((each for each in reversed(worse) if each.rank is worst), None)
            if shed is not None:
                waiting.remove(shed)
        elif (taken := room.take(rank)) is not None:
            assert taken.rank is rank
            assert taken is next(each for each in waiting if each.flow == taken.flow)
            waiting.remove(taken)
            handled.append(taken)
        else:
            firsts = {each.flow: each.rank for each in reversed(waiting)}
            assert rank not in firsts.values()
        assert len(room) == len(waiting)
    rest = emptied(room)
    assert sorted(map(id, rest)) == sorted(map(id, waiting)), "each once"
    for flow in {each.flow for each in waiting}:
        assert [each for each in rest if each.flow == flow] == [each for each in waiting if each.flow == flow]
    assert not room._lines and not any(room._turns) and not any(room._by_rank)
