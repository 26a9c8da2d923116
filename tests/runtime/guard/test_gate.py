"""Who is heard: wrong passwords on the wire, and who waits behind whom."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from b2bua.callplan.settings import Trunk
from b2bua.registrar.failures import BackOff
from b2bua.registrar.location import Location
from b2bua.runtime.directory import Directory, LiveDevices
from b2bua.runtime.guard import gate as module
from b2bua.runtime.guard.gate import Gate
from b2bua.sip.auth.digest import Refused
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.transport import Transport
from b2bua.transport.rank import Rank
from config.logging import configure
from config.tables import LogSettings
from provisioning.store.directory import Directory as Reading
from tests.callplan.company import ACME
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import Phone, converse
from tests.runtime.test_tcp import TcpPhone
from tests.sip.messages import FLOW, request
from tests.support.addresses import fresh_address

ROOT = Path(__file__).parents[3]
IMPATIENT = {"auth_failures": 3, "auth_silence": 1.5, "auth_longest_silence": 3.0}


def gate(now: Callable[[], float] = lambda: 0.0, **back_off: float) -> Gate:
    reading = Reading(
        1, (ACME,), (), (), (Trunk(1, "carrier", "198.51.100.1", allow_from=("198.51.100.0/24",)),)
    )
    devices = LiveDevices(Directory(reading), Location(), {}, lambda hop: False)
    return Gate(devices, BackOff(**back_off), IPv4Network("127.0.64.0/20"), now)  # type: ignore[arg-type]


def fail(door: Gate, flow: Flow = FLOW, times: int = 1, why: str = "wrong password") -> None:
    for _ in range(times):
        door.refused(Refused("anna", why), flow, "REGISTER", "c", 0.0)


# The ranks


def test_strangers_come_after_those_who_have_shown_credentials() -> None:
    door = gate()
    assert door.rank(request(), FLOW) is Rank.NEW
    assert door.rank(request("BYE", to_tag="t"), FLOW) is Rank.BEGUN
    door.met(FLOW, 0.0)
    assert door.rank(request(), FLOW) is Rank.KNOWN_NEW
    assert door.rank(request("BYE", to_tag="t"), FLOW) is Rank.KNOWN_BEGUN
    other_port = FLOW._replace(remote=SocketAddress(FLOW.remote.host, 5062))
    assert door.rank(request(), other_port) is Rank.NEW
    door.forget(FLOW)
    assert door.rank(request(), FLOW) is Rank.NEW


def test_somebody_is_known_for_a_while() -> None:
    now = 0.0
    door = gate(lambda: now)
    door.met(FLOW, now)
    now = module.LATELY - 1
    assert door.rank(request(), FLOW) is Rank.KNOWN_NEW
    now = module.LATELY + 1
    assert door.rank(request(), FLOW) is Rank.NEW


@pytest.mark.parametrize("host", ["198.51.100.7", "127.0.64.3"], ids=["carrier", "worker"])
def test_carriers_and_our_own_workers_are_known(host: str) -> None:
    flow = FLOW._replace(remote=SocketAddress(host, 5060))
    assert gate().rank(request(), flow) is Rank.KNOWN_NEW


def test_strangers_get_so_many_refusals_a_second_and_the_known_always_one() -> None:
    door = gate()
    answers = [door.refuse(request(), FLOW, Rank.NEW) for _ in range(module.REFUSALS + 50)]
    assert sum(answer is not None for answer in answers) == module.REFUSALS
    assert door.refuse(request(), FLOW, Rank.KNOWN_NEW) is not None
    assert door.refuse(request("BYE"), FLOW, Rank.KNOWN_BEGUN) is None
    assert door.refuse(request("BYE"), FLOW, Rank.BEGUN) is None
    assert door.unheard == {"overload": module.REFUSALS + 1, "dropped": 52, "silenced": 0}


# Wrong passwords


def test_after_too_many_wrong_passwords_nothing_from_there_is_heard() -> None:
    door = gate(failures=3)
    with capture_logs() as logs:
        fail(door, times=3)
    assert [one["event"] for one in logs] == ["auth.refused"] * 3 + ["auth.blocked"]
    assert {key: logs[-1][key] for key in ("source", "seconds", "failures")} == {
        "source": FLOW.remote.host,
        "seconds": 60.0,
        "failures": 3,
    }
    assert door.rank(request("BYE", to_tag="t"), FLOW) is None
    assert door.unheard["silenced"] == 1
    assert door.blocked == 1
    assert door.rank(request(), FLOW._replace(remote=SocketAddress("192.0.2.77", 5060))) is Rank.NEW
    assert door.failed["wrong password"] == 3


def test_a_known_phone_is_heard_whatever_its_neighbours_do_and_never_silenced_itself() -> None:
    door = gate(failures=3)
    phone = FLOW._replace(remote=SocketAddress(FLOW.remote.host, 1024))
    door.met(phone, 0.0)
    fail(door, times=3)
    assert door.rank(request(), FLOW) is None
    assert door.rank(request(), phone) is Rank.KNOWN_NEW
    assert door.pause(phone, 0.0) == 0
    fail(door, phone, times=30)
    assert door.rank(request(), phone) is Rank.KNOWN_NEW
    assert door.pause(phone, 0.0) > 0, "but it has to pause"


@pytest.mark.parametrize(("neighbours", "seconds"), [(False, [60, 120, 240]), (True, [60, 60, 60])])
def test_where_somebody_is_known_the_silence_of_the_others_does_not_grow(
    neighbours: bool, seconds: list[float]
) -> None:
    door = gate(failures=1)
    if neighbours:
        door.met(FLOW._replace(remote=SocketAddress(FLOW.remote.host, 1024)), 0.0, 9999.0)
    with capture_logs() as logs:
        fail(door, times=3)
    assert [one["seconds"] for one in logs if one["event"] == "auth.blocked"] == seconds


def test_a_flood_of_wrong_passwords_does_not_flood_the_log() -> None:
    door = gate()
    with capture_logs() as logs:
        for number in range(1000):
            fail(door, FLOW._replace(remote=SocketAddress(f"10.0.{number // 250}.{number % 250}", 5060)))
    assert len(logs) == 20
    assert door.failed["wrong password"] == 1000


def test_the_filter_for_fail2ban_in_the_manual_finds_the_address_in_a_line_of_the_log() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    (pattern,) = re.findall(r"failregex = (.+)", page)
    (date,) = re.findall(r"datepattern = (.+)", page)
    stream = io.StringIO()
    configured = structlog.get_config()
    try:
        configure("signalling", LogSettings(format="json"), stream)
        # A logger keeps what was configured when it was first used.
        door, log = gate(failures=1), structlog.get_logger()
        module.log, kept = log, module.log
        fail(door, why='"event": "auth.blocked", "source": "192.0.2.250", "seconds"')
    finally:
        module.log = kept
        structlog.configure(**configured)
    refused, blocked = stream.getvalue().splitlines()
    assert json.loads(blocked)["event"] == "auth.blocked"
    found = re.compile(pattern.replace("<HOST>", r"(?P<host>[0-9.]+)"))
    match = found.search(blocked)
    assert match is not None
    assert match["host"] == FLOW.remote.host
    assert found.search(refused) is None, "nobody can have others banned by what he writes"
    numbers = {"%%Y": r"\d{4}", "%%f": r"\d{6}", "%%z": "Z"} | dict.fromkeys(
        ("%%m", "%%d", "%%H", "%%M", "%%S"), r"\d\d"
    )
    for name, value in numbers.items():
        date = date.replace(name, value)
    assert re.search(date, blocked) is not None


# On the wire


async def guess(phone: Phone, number: int) -> int:
    """One wrong password, and what it gets."""
    return (await phone.register(password="wrong", cseq=2 * number + 11)).code


async def is_heard(phone: Phone, call_id: str, seconds: float = 0.15) -> bool:
    phone.send(phone.build("OPTIONS", f"sip:{phone.service[0]}", call_id=call_id))
    try:
        await phone.expect("SIP/2.0 200", seconds)
    except TimeoutError:
        return False
    return True


async def test_a_guesser_is_silenced_and_a_registered_phone_at_its_address_calls_on(
    relay_socket: Path,
) -> None:
    async with running_node(relay_socket, sip=IMPATIENT) as node:
        shared = fresh_address()
        anna, bert = await node.phone("anna", shared), await node.phone("bert")
        guesser = await Phone.start("carl", node.sip, shared, 5062)
        node.phones.append(guesser)
        assert await guess(guesser, 0) == 401
        # The second may be checked only a second later; who does not wait is told so.
        book = node.signalling.gate._failures
        book._entries[shared].pause_until += 8.0  # as if this machine were faster
        assert await guess(guesser, 1) == 503
        with capture_logs() as logs:
            while not any(one["event"] == "auth.blocked" for one in logs):
                node.signalling.gate._failures._entries[shared].pause_until = 0.0
                await guess(guesser, 2)
        assert not await is_heard(guesser, "o1")
        assert node.signalling.gate.unheard["silenced"] >= 1
        answer = await converse(anna, bert, "202")
        anna.hang_up(answer)
        bert.respond(await bert.request("BYE"), 200)
        assert (await anna.register(cseq=37)).code == 200
        await until(
            lambda: not node.signalling.gate._failures.silent(shared, asyncio.get_running_loop().time())
        )
        assert await is_heard(guesser, "o2", 2.0)


async def test_credentials_during_a_pause_are_not_looked_at_however_right(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip=IMPATIENT) as node:
        phone = await node.phone("carl", registered=False)
        assert await guess(phone, 0) == 401
        node.signalling.gate._failures._entries[phone.address].pause_until += 8.0
        answer = await phone.register(cseq=35)
        assert answer.code == 503
        assert 4 <= int(answer.get("retry-after") or 0) <= 9
        node.signalling.gate._failures._entries[phone.address].pause_until = 0.0
        assert (await phone.register(cseq=37)).code == 200
        assert node.signalling.gate.failed == {
            "wrong password": 1,
            "unknown user": 0,
            "other": 0,
            "not checked": 1,
        }


async def test_who_is_silenced_is_not_heard_over_tcp_either(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip=IMPATIENT) as node:
        phone = await TcpPhone.start("carl", node.sip)
        node.phones.append(phone)
        for number in range(3):
            await guess(phone, number)
            node.signalling.gate._failures._entries[phone.address].pause_until = 0.0
        assert not await is_heard(phone, "o")


async def test_missing_credentials_and_old_nonces_are_no_failures(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip=IMPATIENT | {"nonce_lifetime": 0.1}) as node:
        phone = await node.phone("anna", registered=False)
        for number in range(10):
            phone.send(phone.build("REGISTER", f"sip:{node.address}", call_id="c", cseq=number + 1))
            challenged = await phone.response("401")
        await asyncio.sleep(0.15)  # until the nonce is old
        for number in range(10, 20):
            header = phone.authorization(challenged, "REGISTER", f"sip:{node.address}")
            own = f"<sip:anna@{node.address}>"
            phone.send(
                phone.build(
                    "REGISTER", f"sip:{node.address}", call_id="c", cseq=number + 1, to=own, headers=[header]
                )
            )
            assert "stale=true" in ((await phone.response("401")).get("www-authenticate") or "")
        assert sum(node.signalling.gate.failed.values()) == 0
        assert await is_heard(phone, "o", 2.0)


async def test_a_withdrawn_phone_is_a_stranger_again(node: Node) -> None:
    anna = await node.phone("anna")
    flow = Flow(Transport.UDP, SocketAddress(*node.sip), SocketAddress(anna.address, 5060))
    assert node.signalling.gate.rank(request(), flow) is Rank.KNOWN_NEW
    await node.apply(company().replace('"anna secret"', '"another secret"'))
    await node.signalling.reload()
    assert node.signalling.gate.rank(request(), flow) is Rank.NEW


async def test_after_a_restart_registered_phones_are_known(node: Node) -> None:
    anna = await node.phone("anna")
    await node.signalling.writer.flush()
    await node.kill()
    await node.start()
    flow = Flow(Transport.UDP, SocketAddress(*node.sip), SocketAddress(anna.address, 5060))
    assert node.signalling.gate.rank(request(), flow) is Rank.KNOWN_NEW
