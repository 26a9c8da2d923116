"""The wires: each message by its own transport, and nothing of an unopened one by another."""

from __future__ import annotations

import pytest

from b2bua.runtime.records.trace import Trace
from b2bua.runtime.wires import Wires
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from config.settings import Settings
from tests.sip.text.test_transport import planted

HERE, THERE = SocketAddress("127.0.0.1", 5060), SocketAddress("127.0.0.2", 5060)


class Carrier:
    """Keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes, flow: Flow) -> None:
        self.sent.append(data)

    async def run(self) -> None:
        """Nothing arrives."""


def wires(**sip: object) -> tuple[Wires, dict[Transport, Carrier]]:
    made = Wires(Settings(sip=sip), Trace(True), lambda: 1.0)  # type: ignore[arg-type]
    carriers = {transport: Carrier() for transport in made.local}
    made._carriers.update(carriers)
    return made, carriers


def test_each_message_goes_by_its_own_transport() -> None:
    made, carriers = wires(udp="127.0.0.1:5060", tcp="127.0.0.1:5060")
    for transport in Transport:
        made.send(transport.value.encode(), Flow(transport, HERE, THERE), "c")
    assert {key: each.sent for key, each in carriers.items()} == {
        Transport.UDP: [b"UDP"],
        Transport.TCP: [b"TCP"],
    }


def test_what_a_transport_would_carry_that_is_not_there_goes_by_no_other() -> None:
    for flow in (Flow(planted(), HERE, THERE, 1), Flow(Transport.TCP, HERE, THERE)):
        made, carriers = wires(udp="127.0.0.1:5060", tcp=None)
        with pytest.raises(KeyError):
            made.send(b"secret", flow, "c")
        assert not any(each.sent for each in carriers.values())


def test_without_tcp_a_long_request_stays_a_datagram() -> None:
    made, _ = wires(udp="127.0.0.1:5060", tcp=None)
    assert made.stream(Flow(Transport.UDP, HERE, THERE)) is None
    assert made.connections == 0
