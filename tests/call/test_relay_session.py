"""One relay session: asked for once, closed once, whatever crosses."""

from __future__ import annotations

from b2bua.call.leg import Leg
from b2bua.call.ports import Peer
from b2bua.call.relay_session import NOWHERE, RelaySession
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from tests.call.stage import RELAY, FakeRelay, sdp
from tests.sip.wire import Network, Phone


def leg(host: str, body: bytes | None) -> Leg:
    made = Leg(
        "a", Flow(Transport.UDP, SocketAddress("192.0.2.100", 5060), SocketAddress(host, 5060)), 9000, "auto"
    )
    if body is not None:
        made.hear(body)
    return made


def opened(
    mode: str = "works", near: Leg | None = None
) -> tuple[Network, FakeRelay, RelaySession, list[bool]]:
    network = Network()
    Phone(network, "192.0.2.1")
    relay = FakeRelay(network)
    relay.mode = mode
    path, told = RelaySession(relay, "s1"), []
    path.open(near or leg("192.0.2.1", sdp("192.0.2.1")), lambda there, now: told.append(there))
    network.run(1.0)
    return network, relay, path, told


def test_open_place_connect_and_close() -> None:
    network, relay, path, told = opened()
    near, far = leg("192.0.2.1", None), leg("192.0.2.11", sdp("192.0.2.11"))
    path.place(near, far)
    assert told == [True]
    assert (near.address, near.port, far.address, far.port) == (RELAY, 20000, RELAY, 20002)
    path.connect(far)
    assert relay.only.far == [Peer("192.0.2.11", 4000)]
    figures: list[object] = []
    path.close(figures.append)
    path.close()
    network.run(2.0)
    assert relay.only.closed == 1
    assert figures == [{"session": "s1"}]


def test_a_caller_that_has_not_said_where_is_nowhere_until_it_does() -> None:
    near = leg("192.0.2.1", None)
    _, relay, path, _ = opened(near=near)
    assert relay.only.near == NOWHERE
    path.move_near(near)
    assert relay.only.moves == []
    near.hear(sdp("192.0.2.1"))
    path.move_near(near)
    assert relay.only.moves[0].address == "192.0.2.1"


def test_a_session_that_never_came_to_be_is_not_closed() -> None:
    _, relay, path, told = opened("full")
    path.close()
    assert told == [False]
    assert relay.only.closed == 0


def test_a_path_that_is_closed_before_the_relay_answers_tells_nobody() -> None:
    _, relay, path, told = opened("waits")
    path.close()
    relay.answer_all()
    assert told == [] and relay.only.closed == 1
