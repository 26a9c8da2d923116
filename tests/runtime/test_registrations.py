"""REGISTER on the wire: digest, what is kept on disk, and what the lamp is told."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from b2bua.runtime.guard import rate_limit as ration
from b2bua.sip.text.compose import Header
from media.protocol import CountsChanged
from provisioning.store.bindings import StoredBinding
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import Phone


async def on_disk(node: Node) -> list[str]:
    return [binding.username for binding in await node.store.load_bindings()]


async def wait_on_disk(node: Node, usernames: list[str], seconds: float = 1.0) -> None:
    """Bindings are on disk within a second, as this process has it: a second that others had does not count."""
    for _ in range(round(seconds / 0.02)):
        if await on_disk(node) == usernames:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"on disk are {await on_disk(node)}, not {usernames}")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_a_phone_registers_with_each_algorithm_that_is_set(relay_socket: Path, algorithm: str) -> None:
    async with running_node(relay_socket, sip={"digest_algorithms": ["SHA-256", "MD5"]}) as node:
        phone = await node.phone("anna", registered=False)
        answer = await phone.register(algorithm=algorithm)
        assert answer.code == 200
        assert answer.get("contact") == f"{phone.contact};expires=600"
        await wait_on_disk(node, ["anna"])


async def test_the_challenge_offers_what_is_set_the_strongest_first(relay_socket: Path) -> None:
    for names in (["SHA-256", "MD5"], ["MD5"]):
        async with running_node(relay_socket, sip={"digest_algorithms": names}) as node:
            phone = await node.phone("anna", registered=False)
            phone.send(phone.build("REGISTER", f"sip:{node.address}", call_id="c", to="<sip:anna@x.example>"))
            lines = (await phone.response("401")).lines("www-authenticate")
            assert [line.partition("algorithm=")[2].partition(",")[0] for line in lines] == names


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer_in_the_same_time(
    relay_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ration, "LINES", 1000)
    async with running_node(relay_socket, sip={"auth_failures": 1000}) as node:
        await _same_answer(node)


async def _same_answer(node: Node) -> None:
    async def refused(username: str) -> tuple[list[str], float]:
        phone = await node.phone(username, registered=False)
        times = []
        for number in range(1, 41):
            phone.send(
                phone.build(
                    "REGISTER", f"sip:{node.address}", call_id=username, cseq=number, to="<sip:a@b.example>"
                )
            )
            challenged = await phone.response("401")
            header = phone.authorization(challenged, "REGISTER", f"sip:{node.address}", "wrong")
            data = phone.build(
                "REGISTER",
                f"sip:{node.address}",
                call_id=username,
                cseq=100 + number,
                to="<sip:a@b.example>",
                headers=[header],
            )
            began = time.perf_counter()
            phone.send(data)
            answer = await phone.final("REGISTER", 100 + number)
            times.append(time.perf_counter() - began)
        return [answer.first_line, *(name for name in answer.headers)], statistics.median(times)

    with capture_logs() as logs:
        known, known_time = await refused("anna")
        unknown, unknown_time = await refused("nobody")
    assert known == unknown
    assert known[0] == "SIP/2.0 401 Unauthorized"
    # Loopback and the scheduler are in it: what would show is another hash or a query, which take far longer.
    assert abs(known_time - unknown_time) < max(known_time, unknown_time) / 2
    reasons = {line["username"]: line["reason"] for line in logs if line["event"] == "auth.refused"}
    assert reasons == {"anna": "wrong password", "nobody": "unknown user"}, "the operator may know"


async def test_a_restart_brings_bindings_back_with_the_time_that_is_left(node: Node) -> None:
    phone = await node.phone("anna")
    await wait_on_disk(node, ["anna"])
    (before,) = node.signalling.list_registrations()
    await node.kill()
    await node.start()
    (after,) = node.signalling.list_registrations()
    assert after == {**before, "expires_in": after["expires_in"]}
    assert 595 <= after["expires_in"] <= before["expires_in"]
    bert = await node.phone("bert")
    await bert.call("201")
    assert (await phone.request("INVITE")).uri.user == "anna"


async def test_what_expired_while_the_service_was_down_is_not_brought_back_and_leaves_the_disk(
    node: Node,
) -> None:
    users = {user.email: user.id for user in (await node.store.directory("ringplan")).users}
    await node.kill()
    old = StoredBinding(
        "anna",
        "<sip:anna@192.0.2.7>",
        users["anna@acme.example"],
        "c",
        1,
        time.time() - 1,
        "UDP",
        "192.0.2.1:5060",
        "192.0.2.7:5060",
    )
    await node.store.save_bindings([old])
    await node.start()
    assert node.signalling.list_registrations() == []
    await wait_on_disk(node, [])


async def test_a_password_changed_while_the_service_was_down_withdraws_the_registration_too(
    node: Node,
) -> None:
    await node.phone("anna")
    await node.phone("bert")
    await node.signalling.writer.flush()
    await node.kill()
    await node.apply(company().replace('"anna secret"', '"another secret"'))
    await node.start()
    assert [row["username"] for row in node.signalling.list_registrations()] == ["bert"]
    await wait_on_disk(node, ["bert"])


async def test_what_is_on_disk_of_a_password_does_not_show_its_digest(node: Node) -> None:
    await node.phone("anna")
    await node.signalling.writer.flush()
    (stored,) = await node.store.load_bindings()
    account = node.signalling.devices.directory.account("anna")
    assert account is not None
    assert stored.details["account"] == node.store.key.fingerprint(account.ha1_sha256)
    assert set(stored.details) == {"account", "behind_nat", "takes_notify"}
    assert len(stored.details["account"]) == 16
    assert stored.details["account"] not in (account.ha1_sha256, account.ha1_md5)


@pytest.mark.behaviour("P3")
async def test_a_phone_behind_an_edge_proxy_is_reached_through_it_also_after_a_restart(node: Node) -> None:
    edge, caller = await node.phone("anna", registered=False), await node.phone("bert")
    route, contact = f"<sip:{edge.address};lr;transport=udp>", "<sip:anna@10.1.2.3:5060>"
    path: list[Header] = [("Path", route), ("Supported", "path"), ("Require", "path")]
    answer = await edge.register(contacts=[contact], headers=path)
    assert (answer.code, answer.values("path")) == (200, [route])
    lamp = await edge.request("NOTIFY")
    assert (lamp.uri_text, lamp.values("route")) == ("sip:anna@10.1.2.3:5060", [route])
    edge.respond(lamp, 200)
    await wait_on_disk(node, ["anna", "bert"])
    for _ in range(2):
        call_id = await caller.call("201")
        invite = await edge.request("INVITE")
        assert (invite.uri_text, invite.values("route")) == ("sip:anna@10.1.2.3:5060", [route])
        edge.respond(invite, 486)
        assert (await edge.request("ACK")).values("route") == [route]
        await until(lambda: len(node.signalling.book) == 0, f"the end of {call_id}", 10.0)
        await node.kill()
        await node.start()


@pytest.mark.behaviour("P3")
async def test_each_contact_of_a_register_is_called_where_it_is_also_after_a_restart(node: Node) -> None:
    """As provisioning scripts register: the devices are elsewhere than the REGISTER came from."""
    script, caller = await node.phone("anna", registered=False), await node.phone("bert")
    devices = [await Phone.start("anna", node.sip) for _ in range(2)]
    node.phones.extend(devices)
    assert (await script.register(contacts=[device.contact for device in devices])).code == 200
    for device in devices:
        device.respond(await device.request("NOTIFY"), 200)
    await wait_on_disk(node, ["anna", "anna", "bert"])
    for _ in range(2):
        call_id = await caller.call("201")
        for device in devices:
            invite = await device.request("INVITE")
            assert invite.uri_text == device.contact.strip("<>")
            device.respond(invite, 486)
            await device.request("ACK")
        await until(lambda: len(node.signalling.book) == 0, f"the end of {call_id}", 10.0)
        await node.kill()
        await node.start()
    assert not [message for message in script.heard if message.first_line.startswith(("INVITE", "NOTIFY"))]


async def test_a_contact_that_is_our_own_address_makes_no_call_to_ourselves(node: Node) -> None:
    phone, caller = await node.phone("anna", registered=False), await node.phone("bert")
    worker = node.settings.media.worker_network[9]
    contacts = [f"<sip:202@{node.address}>", f"<sip:201@{node.address};transport=tcp>", f"<sip:1@{worker}>"]
    assert (await phone.register(contacts=contacts)).code == 200
    await caller.call("201")
    asked = {(await phone.request("INVITE")).uri_text for _ in contacts}
    assert asked == {contact.strip("<>") for contact in contacts}, "back to who says so"


@pytest.mark.behaviour("P3")
async def test_a_phone_in_another_network_is_called_there_and_no_more_where_it_was(node: Node) -> None:
    old, new, caller = (
        await node.phone("anna"),
        await node.phone("anna", registered=False),
        await node.phone("bert"),
    )
    name = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565aabbcc>"'
    answer = await new.register(contacts=[f"{new.contact};{name}", f"{old.contact};{name};expires=0"])
    assert answer.values("contact") == [f"{new.contact};{name};expires=600"]
    await caller.call("201")
    new.respond(await new.request("INVITE"), 486)
    await new.request("ACK")
    assert not [message for message in old.heard if message.first_line.startswith("INVITE")]
    await wait_on_disk(node, ["anna", "bert"])


@pytest.mark.behaviour("P3")
async def test_a_phone_that_was_set_up_anew_rings_once(node: Node) -> None:
    phone, caller = await node.phone("anna", registered=False), await node.phone("bert")
    for cseq, name in ((1, "aa"), (11, "bb")):
        instance = f'+sip.instance="<urn:uuid:00000000-0000-1000-8000-0000000000{name}>"'
        assert (await phone.register(contacts=[f"{phone.contact};{instance}"], cseq=cseq)).code == 200
    await caller.call("201")
    invite = await phone.request("INVITE")
    phone.respond(invite, 486)
    await phone.request("ACK")
    await until(lambda: len(node.signalling.book) == 0, "the end", 10.0)
    assert {message.call_id for message in phone.heard if message.first_line.startswith("INVITE")} == {
        invite.call_id
    }
    await wait_on_disk(node, ["anna", "bert"])


async def test_signing_off_is_on_disk_too(node: Node) -> None:
    phone = await node.phone("anna")
    await wait_on_disk(node, ["anna"])
    with capture_logs() as logs:
        answer = await phone.register(expires=0, cseq=3)
    assert answer.code == 200
    assert answer.get("contact") is None
    assert ("registration.removed", "unregistered") in [(one["event"], one.get("reason")) for one in logs]
    await wait_on_disk(node, [])


async def test_a_registration_ends_by_itself(relay_socket: Path) -> None:
    limits = {"min_expires": 1, "default_expires": 1, "max_expires": 1}
    async with running_node(relay_socket, sip=limits) as node:
        with capture_logs() as logs:
            phone = await node.phone("anna")
            await until(lambda: not node.signalling.list_registrations(), "the end of it", 3)
        assert [one.get("reason") for one in logs if one["event"] == "registration.removed"] == ["expired"]
        added = next(one for one in logs if one["event"] == "registration.added")
        assert added["username"] == "anna"
        assert added["source"] == f"{phone.address}:5060"
        await wait_on_disk(node, [])


async def test_a_changed_password_withdraws_the_registration(node: Node) -> None:
    await node.phone("anna")
    await node.phone("bert")
    text = company().replace('"anna secret"', '"another secret"')
    await node.apply(text)
    with capture_logs() as logs:
        await node.signalling.reload()
    assert [row["username"] for row in node.signalling.list_registrations()] == ["bert"]
    assert ("registration.removed", "withdrawn") in [(one["event"], one.get("reason")) for one in logs]
    await wait_on_disk(node, ["bert"])
    phone = await node.phone("anna", registered=False)
    assert (await phone.register(password="anna secret")).code == 401
    assert (await phone.register(password="another secret", cseq=5)).code == 200


@pytest.mark.behaviour("V4")
async def test_the_lamp_is_told_at_each_register_and_when_the_counts_change(node: Node) -> None:
    assert node.media is not None
    phone = await node.phone("anna", registered=False)
    assert (await phone.register()).code == 200
    first = await phone.request("NOTIFY")
    assert first.get("event") == "message-summary"
    assert first.get("content-type") == "application/simple-message-summary"
    assert first.uri.user == "anna"
    assert b"Messages-Waiting: no" in first.body
    assert b"Voice-Message: 0/0 (0/0)" in first.body
    phone.respond(first, 200)
    users = {user.email: user.id for user in (await node.store.directory("ringplan")).users}
    node.media.tell(CountsChanged(users["anna@acme.example"], 2, 1))
    changed = await phone.request("NOTIFY")
    assert b"Messages-Waiting: yes" in changed.body
    assert b"Voice-Message: 2/1 (0/0)" in changed.body
    phone.respond(changed, 200)
    await phone.register(cseq=3)
    assert b"Voice-Message: 2/1 (0/0)" in (await phone.request("NOTIFY")).body
    other = await node.phone("bert", registered=False)
    await other.register()
    assert b"Voice-Message: 0/0 (0/0)" in (await other.request("NOTIFY")).body
