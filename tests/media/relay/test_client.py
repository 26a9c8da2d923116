"""The relay and its client over real sockets: who hears whom, and what becomes of sessions."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from media.relay.client import Peer, Ports, RelayClient, Stats
from media.relay.errors import NoSession, RelayError, RelayFull, RelayGone
from tests.media.relay.phone import Phone, speak_until_heard
from tests.media.relay.process import RelayProcess, ask, running_relay
from tests.support.addresses import fresh_address


async def talk(relay: RelayProcess, ports: Ports, near: Phone, far: Phone) -> None:
    """Both hear each other, from the ports that they send to."""
    heard = await far.hears(near.say((relay.address, ports.near)))
    assert heard.source == (relay.address, ports.far)
    heard = await near.hears(far.say((relay.address, ports.far)))
    assert heard.source == (relay.address, ports.near)


async def connected(client: RelayClient, near: Peer, far: Peer, session: str = "r1") -> Ports:
    ports = await ask(client.open, session, near)
    assert isinstance(ports, Ports)
    assert await ask(client.connect_far, session, far) is None
    return ports


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def relayed_until_now(relay: RelayProcess, client: RelayClient) -> None:
    """When two packets of another call are through, the relay has read and counted what came before them."""
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer, "canary")
    for _ in range(2):
        await talk(relay, ports, near, far)
    await ask(client.close, "canary")


async def test_both_hear_each_other(relay: RelayProcess, client: RelayClient) -> None:
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer)
    await talk(relay, ports, near, far)


async def test_nobody_is_heard_before_the_far_side_is_connected(
    relay: RelayProcess, client: RelayClient
) -> None:
    near, early = await Phone.start(), await Phone.start()
    ports = await ask(client.open, "r1", near.peer)
    too_soon = early.say((relay.address, ports.far))
    await relayed_until_now(relay, client)
    assert await ask(client.connect_far, "r1", early.peer) is None
    await near.hears(early.say((relay.address, ports.far)))
    assert not near.has_heard(too_soon)


async def test_switching_the_far_side_is_exact(relay: RelayProcess, client: RelayClient) -> None:
    near, first, second = await Phone.start(), await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, first.peer)
    await talk(relay, ports, near, first)
    assert await ask(client.connect_far, "r1", second.peer) is None
    late = first.say((relay.address, ports.far))
    await talk(relay, ports, near, second)
    assert not near.has_heard(late)
    heard_by_first = len(first.heard)
    assert await ask(client.connect_far, "r1", first.peer) is None
    late = second.say((relay.address, ports.far))
    await talk(relay, ports, near, first)
    assert not near.has_heard(late)
    assert len(first.heard) == heard_by_first + 1


async def test_an_attacker_is_unheard_on_either_side(relay: RelayProcess, client: RelayClient) -> None:
    near, far, attacker = await Phone.start(), await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer)
    for _ in range(3):
        attacker.say((relay.address, ports.near))
        attacker.say((relay.address, ports.far))
        await talk(relay, ports, near, far)
    assert not far.has_heard_from(attacker)
    assert not near.has_heard_from(attacker)
    assert not attacker.heard


async def test_a_caller_behind_nat_is_found_and_an_attacker_is_not(
    relay: RelayProcess, client: RelayClient
) -> None:
    near, far, attacker = await Phone.start(), await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer_behind_nat, far.peer)
    attacker.say((relay.address, ports.near))
    await speak_until_heard(near, (relay.address, ports.near), far)
    attacker.say((relay.address, ports.near))
    await talk(relay, ports, near, far)
    assert not far.has_heard_from(attacker)
    assert not attacker.heard


async def test_a_far_phone_behind_nat_is_found_and_can_be_switched(
    relay: RelayProcess, client: RelayClient
) -> None:
    near, phone, worker, attacker = [await Phone.start() for _ in range(4)]
    ports = await connected(client, near.peer, phone.peer_behind_nat)
    attacker.say((relay.address, ports.far))
    await speak_until_heard(phone, (relay.address, ports.far), near)
    await talk(relay, ports, near, phone)

    assert await ask(client.connect_far, "r1", worker.peer) is None
    late = phone.say((relay.address, ports.far))
    await talk(relay, ports, near, worker)
    assert not near.has_heard(late)

    assert await ask(client.connect_far, "r1", phone.peer_behind_nat) is None
    late = worker.say((relay.address, ports.far))
    # Its address is known from before: it hears the caller without having to say anything first.
    await phone.hears(near.say((relay.address, ports.near)))
    await speak_until_heard(phone, (relay.address, ports.far), near)
    assert not near.has_heard(late)
    assert not near.has_heard_from(attacker)
    assert not attacker.heard


async def test_a_worker_takes_over_before_a_phone_behind_nat_was_found(
    relay: RelayProcess, client: RelayClient
) -> None:
    near, phone, worker = [await Phone.start() for _ in range(3)]
    ports = await connected(client, near.peer, phone.peer_behind_nat)
    assert await ask(client.connect_far, "r1", worker.peer) is None
    phone.say((relay.address, ports.far))
    await talk(relay, ports, near, worker)
    assert not near.has_heard_from(phone)
    assert not phone.heard


async def test_both_sides_behind_nat(relay: RelayProcess, client: RelayClient) -> None:
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer_behind_nat, far.peer_behind_nat)
    near.say((relay.address, ports.near))
    await speak_until_heard(far, (relay.address, ports.far), near)
    await speak_until_heard(near, (relay.address, ports.near), far)
    await talk(relay, ports, near, far)


async def test_a_caller_moves_by_re_invite(relay: RelayProcess, client: RelayClient) -> None:
    near, far, moved = await Phone.start(), await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer)
    await talk(relay, ports, near, far)
    assert await ask(client.update_near, "r1", moved.peer) is None
    late = near.say((relay.address, ports.near))
    await talk(relay, ports, moved, far)
    assert not far.has_heard(late)
    before = len(near.heard)
    await talk(relay, ports, moved, far)
    assert len(near.heard) == before


async def test_a_caller_behind_nat_gets_another_port(relay: RelayProcess, client: RelayClient) -> None:
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer_behind_nat, far.peer)
    await speak_until_heard(near, (relay.address, ports.near), far)
    assert await ask(client.update_near, "r1", near.peer_behind_nat) is None
    await near.hears(far.say((relay.address, ports.far)))  # still where it was
    rebound = await Phone.start(near.address)
    await speak_until_heard(rebound, (relay.address, ports.near), far)
    await talk(relay, ports, rebound, far)


async def test_figures_tell_the_sides_apart(relay: RelayProcess, client: RelayClient) -> None:
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer)
    for _ in range(7):
        await far.hears(near.say((relay.address, ports.near)))
    for _ in range(3):
        await near.hears(far.say((relay.address, ports.far)))
    await relayed_until_now(relay, client)
    stats = await ask(client.close, "r1")
    assert isinstance(stats, Stats)
    assert (stats.near.packets_in, stats.near.packets_out) == (7, 3)
    assert (stats.far.packets_in, stats.far.packets_out) == (3, 7)
    assert (stats.relayed, stats.dropped) == (10, 0)
    assert stats.near.lost == stats.near.duplicates == 0
    assert 0 < stats.near.longest_gap_ms < 1000


@pytest.mark.parametrize("nat", [False, True])
async def test_closing_frees_the_ports_at_once(relay: RelayProcess, client: RelayClient, nat: bool) -> None:
    near = await Phone.start()
    ports = await ask(client.open, "r1", near.peer_behind_nat if nat else near.peer)
    assert not is_free(relay.address, ports.near)
    assert isinstance(await ask(client.close, "r1"), Stats)
    deadline = time.monotonic() + 1
    while not all(is_free(relay.address, p) for p in (ports.near, ports.near + 1, ports.far, ports.far + 1)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def is_free(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


async def test_closing_again_is_harmless(client: RelayClient) -> None:
    near = await Phone.start()
    await ask(client.open, "r1", near.peer)
    assert client.sessions == 1
    assert isinstance(await ask(client.close, "r1"), Stats)
    assert client.sessions == 0
    assert isinstance(await ask(client.close, "r1"), NoSession)
    assert isinstance(await ask(client.close, "never"), NoSession)


async def test_closing_before_open_is_done_leaves_nothing(client: RelayClient) -> None:
    near = await Phone.start()
    opened = asyncio.ensure_future(ask(client.open, "r1", near.peer_behind_nat))
    await asyncio.sleep(0)
    assert isinstance(await ask(client.close, "r1"), Stats)
    assert isinstance(await opened, Ports)
    assert client.sessions == 0
    assert isinstance(await ask(client.close, "r1"), NoSession)


async def test_a_closed_session_refuses_everything(client: RelayClient) -> None:
    phone = await Phone.start()
    await ask(client.open, "r1", phone.peer)
    await ask(client.close, "r1")
    assert isinstance(await ask(client.connect_far, "r1", phone.peer), NoSession)
    assert isinstance(await ask(client.update_near, "r1", phone.peer), NoSession)
    assert isinstance(await ask(client.set_silence_timeout, "r1", 5.0), NoSession)
    assert isinstance(await ask(client.stop_play, "r1", "near"), NoSession)
    assert isinstance(await ask(client.close, "r1"), NoSession)  # none of them made one


async def test_a_relay_of_two_sessions_is_full_with_two(tmp_path: Path) -> None:
    near = await Phone.start()
    async with running_relay(tmp_path, fresh_address(), media__sessions="2") as relay:
        client = await relay.connect()
        assert isinstance(await ask(client.open, "r1", near.peer), Ports)
        assert isinstance(await ask(client.open, "r2", near.peer), Ports)
        assert isinstance(await ask(client.open, "r3", near.peer), RelayFull)
        await ask(client.close, "r1")
        assert isinstance(await ask(client.open, "r3", near.peer), Ports)


async def test_when_ports_run_out_half_a_session_is_not_kept(tmp_path: Path) -> None:
    """Twelve ports: a pair for the guard, two pairs a session, and at the end one pair that helps nobody."""
    near = await Phone.start()
    settings = {"media__sessions": "3", "media__ports": "20000-20011"}
    async with running_relay(tmp_path, fresh_address(), **settings) as relay:
        client = await relay.connect()
        answers = {f"r{n}": await ask(client.open, f"r{n}", near.peer) for n in range(30)}
        opened = [session for session, answer in answers.items() if isinstance(answer, Ports)]
        assert len(opened) == client.sessions == 2
        for session in answers.keys() - opened:
            assert isinstance(answers[session], RelayFull)
            assert isinstance(await ask(client.close, session), NoSession)
        await ask(client.close, opened[0])
        async with asyncio.timeout(20):
            while not isinstance(await ask(client.open, "again", near.peer), Ports):
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("session", ["", "r 1", "r1\nD r2 n f", "R1", "GUARD", "r" * 33, "r1;x", "é"])
async def test_only_our_own_ids_go_into_commands(client: RelayClient, session: str) -> None:
    near = await Phone.start()
    with pytest.raises(ValueError, match="is not a session id"):
        client.open(session, near.peer, lambda _: None)
    with pytest.raises(ValueError, match="is not a session id"):
        client.close(session, lambda _: None)
    assert client.sessions == 0


async def test_hundreds_of_operations_at_once_keep_their_answers_apart(client: RelayClient) -> None:
    near = await Phone.start()
    answers = await asyncio.gather(*(ask(client.open, f"r{n}", near.peer) for n in range(300)))
    assert len({port for ports in answers for port in (ports.near, ports.far)}) == 600
    stats = await asyncio.gather(*(ask(client.close, f"r{n}") for n in range(300)))
    assert all(isinstance(answer, Stats) for answer in stats)


async def test_a_killed_relay_is_noticed_within_milliseconds(
    relay: RelayProcess, client: RelayClient
) -> None:
    near = await Phone.start()
    await ask(client.open, "r1", near.peer)
    relay.kill()
    start = time.monotonic()
    closing = asyncio.ensure_future(ask(client.close, "r1"))
    await asyncio.wait_for(relay.gone.wait(), 5)
    assert time.monotonic() - start < 0.5
    assert not client.alive
    assert isinstance(await closing, RelayGone | Stats)
    assert client.sessions == 0
    for operation, argument in ((client.open, near.peer), (client.connect_far, near.peer)):
        assert isinstance(await ask(operation, "r2", argument), RelayGone)
    assert isinstance(await ask(client.close, "r2"), RelayGone)
    with pytest.raises(RelayGone):
        await relay.connect()


async def test_silence_ends_a_session_and_is_told(tmp_path: Path) -> None:
    near, far = await Phone.start(), await Phone.start()
    async with running_relay(tmp_path, fresh_address(), media__silence_timeout="1") as relay:
        client = await relay.connect()
        await connected(client, near.peer, far.peer, "talking")
        assert isinstance(await ask(client.open, "ringing", near.peer), Ports)
        await connected(client, near.peer, far.peer, "held")
        assert await ask(client.set_silence_timeout, "held", 600.0) is None
        assert await asyncio.wait_for(relay.silent.get(), 5) == "talking"
        assert client.sessions == 2
        assert isinstance(await ask(client.close, "talking"), NoSession)
        assert isinstance(await ask(client.close, "held"), Stats)
        assert isinstance(await ask(client.close, "ringing"), Stats)
        assert relay.silent.empty()


async def test_a_new_client_takes_over_from_one_that_died_reading(
    relay: RelayProcess, client: RelayClient
) -> None:
    """Replies unread, half read, and a command half written must not confuse the next client."""
    near, far = await Phone.start(), await Phone.start()
    ports = await connected(client, near.peer, far.peer)
    for _ in range(20):
        client.close("r9", lambda _: None)
    pipeline = client._pipeline
    assert pipeline._transport is not None
    pipeline._transport.write(b"D r1")  # of "D r12 n f", perhaps
    client.disconnect()
    await talk(relay, ports, near, far)

    after = await relay.connect()
    assert isinstance(await ask(after.connect_far, "r1", far.peer), NoSession)
    assert await ask(after.adopt, "r1", ports) is None
    assert isinstance(await ask(after.adopt, "r2", ports), NoSession)
    assert after.sessions == 1
    worker = await Phone.start()
    assert await ask(after.connect_far, "r1", worker.peer) is None
    await talk(relay, ports, near, worker)
    opened = await ask(after.open, "r2", near.peer)
    assert isinstance(opened, Ports)
    assert opened != ports
    assert isinstance(await ask(after.close, "r1"), Stats)
    assert not relay.gone.is_set()
    after.disconnect()


async def test_what_nobody_takes_over_is_deleted_and_its_ports_are_free(relay: RelayProcess) -> None:
    def sockets() -> int:
        folder = Path(f"/proc/{relay.process.pid}/fd")
        return sum(str(each.readlink()).startswith("socket:") for each in folder.iterdir())

    client = await relay.connect()
    near = await Phone.start()
    idle = sockets()
    ports = await ask(client.open, "r1", near.peer)
    assert isinstance(ports, Ports)
    one = sockets()
    assert one > idle
    assert isinstance(await ask(client.open, "r2", near.peer), Ports)
    assert isinstance(await ask(client.open, "r3", near.peer), Ports)
    await ask(client.close, "r3")
    client.open("r4", near.peer, lambda _: None)  # killed before it hears of it
    await asyncio.sleep(0)
    client.disconnect()

    after = await relay.connect()
    assert await ask(after.adopt, "r1", ports) is None
    assert after.delete_inherited() == 2
    assert isinstance(await ask(after.adopt, "r2", ports), NoSession)
    await eventually(lambda: sockets() == one)
    assert after.delete_inherited() == 0
    assert isinstance(await ask(after.close, "r1"), Stats)
    await eventually(lambda: sockets() == idle)
    after.disconnect()

    last = await relay.connect()
    assert last.delete_inherited() == 0
    last.disconnect()


async def test_a_second_client_waits_for_the_first_to_leave(relay: RelayProcess, client: RelayClient) -> None:
    second = asyncio.ensure_future(relay.connect())
    near = await Phone.start()
    assert isinstance(await ask(client.open, "r1", near.peer), Ports)
    assert not second.done()
    client.disconnect()
    assert isinstance(await ask((await second).open, "r2", near.peer), Ports)
    second.result().disconnect()


async def test_an_exception_in_a_callback_does_not_harm_the_relay(client: RelayClient) -> None:
    near = await Phone.start()
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))

    def fail(_: object) -> None:
        raise RuntimeError("a fault in signalling")

    client.open("r1", near.peer, fail)
    assert isinstance(await ask(client.open, "r2", near.peer), Ports)
    assert [str(error) for error in raised] == ["a fault in signalling"]
    assert client.alive


async def test_no_relay_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RelayGone):
        await RelayClient.connect(tmp_path / "relay.sock", lambda: None, lambda _: None)


@pytest.mark.parametrize(
    "wrong",
    [("phone.example", 4000), ("192.0.2.1 n f", 4000), ("192.0.2.1", 0), ("192.0.2.1", 65536), ("::1", 4000)],
)
def test_a_peer_is_an_ipv4_address_and_a_port(wrong: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Peer(*wrong)


def test_every_error_is_a_relay_error() -> None:
    assert all(issubclass(kind, RelayError) for kind in (RelayFull, NoSession, RelayGone))


def test_it_works_under_uvloop(tmp_path: Path) -> None:
    async def call() -> None:
        async with running_relay(tmp_path, fresh_address()) as relay:
            client = await relay.connect()
            near, far = await Phone.start(), await Phone.start()
            ports = await connected(client, near.peer_behind_nat, far.peer)
            await speak_until_heard(near, (relay.address, ports.near), far)
            await talk(relay, ports, near, far)
            relay.kill()
            await asyncio.wait_for(relay.gone.wait(), 5)
            assert not client.alive

    uvloop.run(call())
