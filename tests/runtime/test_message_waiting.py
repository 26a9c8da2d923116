"""Who is told what of a mailbox, in a subscription or without one, whatever is restarted (RFC 3842, RFC 6665)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from b2bua.sip.text.compose import Header
from b2bua.sip.text.message import Request, Response
from media.protocol import CountsChanged, PoolStats
from tests.runtime.node import Node, company, running_node, until
from tests.runtime.phone import Phone
from tests.runtime.test_registrations import wait_on_disk

pytestmark = pytest.mark.behaviour("V4")
_numbers = count(1)
SUMMARY = "message-summary"


class Subscription:
    """A phone's side of one: asks, answers challenges, and takes NOTIFYs."""

    def __init__(self, phone: Phone, target: str = "") -> None:
        self.phone = phone
        self.uri = f"sip:{target or phone.username}@{phone.service[0]}"
        self.call_id = f"subscribe-{next(_numbers)}"
        self.to: str | None = None
        self.cseq = 0

    async def ask(
        self, expires: int = 600, event: str = SUMMARY, headers: Iterable[Header] = (), contact: str = ""
    ) -> Response:
        """SUBSCRIBE, challenged and answered; the final response."""
        wanted: list[Header] = [
            ("Contact", contact or self.phone.contact),
            ("Event", event),
            ("Expires", str(expires)),
            *headers,
        ]
        answer = await self._send(wanted)
        if answer.code == 401:
            answer = await self._send([*wanted, self.phone.authorization(answer, "SUBSCRIBE", self.uri)])
        if answer.code == 200 and self.to is None:
            self.to = answer.get("to")
        return answer

    async def told(self, code: int = 200) -> tuple[str, str]:
        """The next NOTIFY in this dialog: its state and what it says of voice messages."""
        return await told(self.phone, self.call_id, code)

    async def _send(self, headers: list[Header]) -> Response:
        self.cseq += 1
        self.phone.send(
            self.phone.build(
                "SUBSCRIBE", self.uri, call_id=self.call_id, cseq=self.cseq, to=self.to, headers=headers
            )
        )
        return await self.phone.final("SUBSCRIBE", self.cseq)


async def told(phone: Phone, call_id: str = "", code: int = 200) -> tuple[str, str]:
    """The next NOTIFY, of this dialog or of any: its state and what it says of voice messages."""
    notify = await phone.request("NOTIFY")
    assert call_id in ("", notify.call_id), "in another dialog"
    assert notify.get("event") == SUMMARY
    phone.respond(notify, code)
    lines = notify.body.decode().split("\r\n")
    voice = next(line for line in lines if line.startswith("Voice-Message: "))
    return (notify.get("subscription-state") or "").partition(";")[0], voice.split()[1]


def notifies(phone: Phone) -> int:
    """How many NOTIFYs came that nobody took."""
    return sum(isinstance(m, Request) and m.method == "NOTIFY" for m in phone.unread)


async def quiet(node: Node, *phones: Phone) -> None:
    """Whatever was sent before is there now, and no NOTIFY among it."""
    for phone in phones:
        phone.send(phone.build("OPTIONS", f"sip:{node.address}", call_id=phone.new_call_id()))
        await phone.expect("SIP/2.0 200")
        assert notifies(phone) == 0


async def user_id(node: Node, name: str) -> int:
    users = (await node.store.directory("ringplan")).users
    return next(user.id for user in users if user.email == f"{name}@acme.example")


async def hold(node: Node, name: str, new: int, saved: int = 0) -> None:
    """The mailbox holds so many."""
    assert node.media is not None
    node.media.tell(CountsChanged(await user_id(node, name), new, saved))


async def subscribed(node: Node, phone: Phone) -> Subscription:
    subscription = Subscription(phone)
    assert (await subscription.ask()).code == 200
    assert (await subscription.told())[0] == "active"
    return subscription


# What is asked for


async def test_a_device_subscribes_and_is_told_once_of_each_change(node: Node) -> None:
    await hold(node, "anna", 1, 2)
    anna, bert = await node.phone("anna"), await node.phone("bert")
    subscription = Subscription(anna)
    with capture_logs() as logs:
        answer = await subscription.ask(expires=300)
    assert (answer.code, answer.get("expires"), answer.get("allow-events")) == (200, "300", SUMMARY)
    assert str(answer.contact) == f"sip:{node.address}:5060"
    assert await subscription.told() == ("active", "1/2")
    (added,) = [one for one in logs if one["event"] == "subscription.added"]
    assert (added["username"], added["expires_in"]) == ("anna", 300)
    await hold(node, "anna", 2, 2)
    assert await subscription.told() == ("active", "2/2")
    await quiet(node, anna, bert)
    assert (await anna.register(cseq=3)).code == 200
    assert await subscription.told() == ("active", "2/2")
    await quiet(node, anna)
    assert node.signalling.agent.subscriptions == 1


async def test_a_device_that_takes_no_notify_is_told_in_a_subscription_alone(node: Node) -> None:
    """As pyVoIP says it, and an Allow with NOTIFY for comparison; also after a restart."""
    await hold(node, "anna", 1)
    anna, bert = await node.phone("anna", registered=False), await node.phone("bert", registered=False)
    assert (await anna.register(headers=[("Allow", "INVITE, ACK, BYE, CANCEL")])).code == 200
    assert (await bert.register(headers=[("Allow", "INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,INFO")])).code == 200
    assert await told(bert) == ("terminated", "0/0")
    await hold(node, "anna", 2)
    await hold(node, "bert", 1)
    assert await told(bert) == ("terminated", "1/0")
    await wait_on_disk(node, ["anna", "bert"])
    await node.kill()
    await node.start()
    await hold(node, "anna", 3)
    await hold(node, "bert", 2)
    bert_told = [await told(bert)]
    while bert_told[-1] != ("terminated", "2/0"):
        bert_told.append(await told(bert))
    await quiet(node, anna, bert)
    assert not [m for m in anna.heard if isinstance(m, Request) and m.method == "NOTIFY"]
    subscription = await subscribed(node, anna)
    await hold(node, "anna", 4)
    assert await subscription.told() == ("active", "4/0")


async def test_other_devices_of_the_user_are_told_without_a_subscription(relay_socket: Path) -> None:
    first = 'soft_clients = [{ username = "anna"'
    both = first.replace("[{", '[{ username = "hall", password = "hall secret" }, {')
    text = company().replace(first, both)
    async with running_node(relay_socket, text) as node:
        anna, hall, again = await node.phone("anna"), await node.phone("hall"), await node.phone("anna")
        subscription = await subscribed(node, anna)
        await hold(node, "anna", 1)
        assert await subscription.told() == ("active", "1/0")
        assert await told(hall) == await told(again) == ("terminated", "1/0")
        await quiet(node, anna, hall, again)


async def test_options_and_invites_say_that_it_can_be_subscribed_to(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    anna.send(anna.build("OPTIONS", f"sip:{node.address}", call_id="o"))
    answer = await anna.response("200")
    assert answer.get("allow-events") == SUMMARY and "SUBSCRIBE" in answer.tokens("allow") | {"SUBSCRIBE"}
    assert "subscribe" in answer.tokens("allow")
    await anna.call("202")
    assert (await bert.request("INVITE")).get("allow-events") == SUMMARY


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("anna", 200),
        ("201", 200),
        ("1571", 200),
        ("%2A1571", 200),
        ("2-0-1", 200),
        ("201;phone-context=other.example", 403),
        ("bert", 403),
        ("202", 403),
        ("1572", 403),
        ("nobody", 403),
    ],
)
async def test_only_the_own_mailbox_can_be_subscribed_to(node: Node, target: str, code: int) -> None:
    anna = await node.phone("anna")
    assert (await Subscription(anna, target).ask()).code == code
    assert node.signalling.agent.subscriptions == (1 if code == 200 else 0)


@pytest.mark.parametrize("event", ["presence", "dialog", ""])
async def test_another_event_is_refused_before_anybody_is_asked_who_they_are(node: Node, event: str) -> None:
    stranger = await node.phone("stranger", registered=False)
    answer = await Subscription(stranger).ask(event=event)
    assert (answer.code, answer.get("allow-events")) == (489, SUMMARY)


async def test_who_does_not_prove_who_it_is_gets_nothing(node: Node) -> None:
    stranger = await node.phone("anna", registered=False)
    stranger.password = "wrong"
    assert (await Subscription(stranger).ask()).code == 401
    assert node.signalling.agent.subscriptions == 0


@pytest.mark.parametrize(
    ("asked", "code", "granted"), [(59, 423, None), (60, 200, "60"), (99999, 200, "3600")]
)
async def test_how_long_it_may_last(node: Node, asked: int, code: int, granted: str | None) -> None:
    answer = await Subscription(await node.phone("anna")).ask(expires=asked)
    assert (answer.code, answer.get("expires")) == (code, granted)
    assert answer.get("min-expires") == ("60" if code == 423 else None)


async def test_one_look_leaves_no_subscription(node: Node) -> None:
    anna = await node.phone("anna")
    await hold(node, "anna", 3)
    assert await told(anna) == ("terminated", "3/0")
    look = Subscription(anna)
    assert (await look.ask(expires=0)).get("expires") == "0"
    assert await look.told() == ("terminated", "3/0")
    await until(lambda: node.signalling.agent.subscriptions == 0, "the end")
    await hold(node, "anna", 4)
    assert await told(anna) == ("terminated", "4/0")


async def test_an_account_has_so_many_and_no_more(relay_socket: Path) -> None:
    async with running_node(relay_socket, sip={"max_contacts": 2}) as node:
        phones = [await node.phone("anna", registered=False) for _ in range(3)]
        for phone in phones[:2]:
            await subscribed(node, phone)
        with capture_logs() as logs:
            assert (await Subscription(phones[2]).ask()).code == 403
        assert [one["reason"] for one in logs if one["event"] == "subscription.refused"] == [
            "Too Many Subscriptions"
        ]
        # One look costs nothing, and who comes back takes its own place.
        look = Subscription(phones[2])
        assert (await look.ask(expires=0)).code == 200
        assert (await look.told())[0] == "terminated"
        await subscribed(node, phones[1])
        await until(lambda: node.signalling.agent.subscriptions == 2, "the end of the look")


# How it goes on and ends


async def test_a_refresh_is_challenged_and_told(node: Node) -> None:
    anna = await node.phone("anna")
    subscription = await subscribed(node, anna)
    assert (await subscription.ask(expires=900)).get("expires") == "900"
    assert await subscription.told() == ("active", "0/0")
    assert (await subscription.ask(expires=10)).code == 423
    before = subscription.phone.password
    subscription.phone.password = "wrong"
    assert (await subscription.ask()).code == 401
    subscription.phone.password = before
    assert (await subscription.ask(expires=900)).code == 200


async def test_nobody_else_can_move_or_end_it(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    subscription = await subscribed(node, anna)
    bert_takes = Subscription(bert, "bert")
    bert_takes.call_id, bert_takes.to, bert_takes.cseq = subscription.call_id, subscription.to, 10
    assert (await bert_takes.ask(expires=0)).code == 403
    await hold(node, "anna", 1)
    assert await subscription.told() == ("active", "1/0")


async def test_who_unsubscribes_is_told_without_a_subscription_from_then_on(node: Node) -> None:
    anna = await node.phone("anna")
    subscription = await subscribed(node, anna)
    with capture_logs() as logs:
        assert (await subscription.ask(expires=0)).code == 200
        assert await subscription.told() == ("terminated", "0/0")
        await until(lambda: node.signalling.agent.subscriptions == 0, "the end")
    assert [one["told"] for one in logs if one["event"] == "subscription.removed"] == [True]
    await quiet(node, anna)
    await hold(node, "anna", 1)
    assert await told(anna) == ("terminated", "1/0")
    assert (await subscription.ask()).code == 481


async def test_it_ends_in_time(relay_socket: Path) -> None:
    async with running_node(
        relay_socket, sip={"min_expires": 1, "default_expires": 1, "max_expires": 600}
    ) as node:
        anna = await node.phone("anna")
        subscription = Subscription(anna)
        await subscription.ask(expires=1)
        assert await subscription.told() == ("active", "0/0")
        assert await subscription.told() == ("terminated", "0/0")


@pytest.mark.parametrize("code", [481, 500])
async def test_a_device_that_knows_nothing_of_it_is_told_at_once_without_one(node: Node, code: int) -> None:
    anna = await node.phone("anna")
    subscription = await subscribed(node, anna)
    await hold(node, "anna", 1)
    assert await subscription.told(code) == ("active", "1/0")
    assert await told(anna) == ("terminated", "1/0")
    await hold(node, "anna", 2)
    assert await told(anna) == ("terminated", "2/0")
    assert node.signalling.agent.subscriptions == 0


async def test_a_device_that_was_switched_off_and_on_has_one_subscription(node: Node) -> None:
    anna = await node.phone("anna")
    await subscribed(node, anna)
    second = await subscribed(node, anna)
    await hold(node, "anna", 1)
    assert await second.told() == ("active", "1/0")
    await quiet(node, anna)
    assert node.signalling.agent.subscriptions == 1


async def test_an_account_that_is_gone_or_has_another_password_has_none(node: Node) -> None:
    anna, bert = await node.phone("anna"), await node.phone("bert")
    subscriptions = [await subscribed(node, anna), await subscribed(node, bert)]
    carl = await subscribed(node, await node.phone("carl"))
    await node.apply(company("anna", "carl").replace('"anna secret"', '"another secret"'))
    await node.signalling.reload()
    for subscription in subscriptions:
        assert (await subscription.told())[0] == "terminated"
    await quiet(node, carl.phone)
    assert node.signalling.agent.subscriptions == 1


# Restarts


async def test_after_a_restart_of_the_media_host_only_wrong_lamps_are_told(node: Node) -> None:
    assert node.media is not None
    for name, new in (("anna", 1), ("bert", 2), ("carl", 0)):
        await hold(node, name, new)
    anna, bert, carl = [await node.phone(name) for name in ("anna", "bert", "carl")]
    subscription = await subscribed(node, carl)
    node.media.die()
    # Anna's message was deleted meanwhile, and Carl has one.
    node.media.counts = {
        await user_id(node, "bert"): CountsChanged(await user_id(node, "bert"), 2, 0),
        await user_id(node, "carl"): CountsChanged(await user_id(node, "carl"), 1, 0),
    }
    await node.media.listen()
    assert await told(anna) == ("terminated", "0/0")
    assert await subscription.told() == ("active", "1/0")
    await quiet(node, anna, bert, carl)


async def test_while_the_media_host_is_away_what_was_known_holds(node: Node) -> None:
    assert node.media is not None
    await hold(node, "anna", 1)
    anna = await node.phone("anna")
    node.media.die()
    await asyncio.sleep(0)
    await anna.register(cseq=3)
    assert await told(anna) == ("terminated", "1/0")


async def test_after_a_restart_of_signalling_every_device_is_told_what_there_is(node: Node) -> None:
    assert node.media is not None
    await hold(node, "anna", 1)
    await hold(node, "bert", 1)
    anna, bert = await node.phone("anna"), await node.phone("bert")
    subscription = await subscribed(node, anna)
    await node.stop()
    del node.media.counts[await user_id(node, "bert")]
    await node.start()
    assert await told(anna) == ("terminated", "1/0")
    assert await told(bert) == ("terminated", "0/0")
    # The subscription is no more, which its device learns when it refreshes it.
    assert (await subscription.ask()).code == 481
    again = await subscribed(node, anna)
    await hold(node, "anna", 2)
    assert await again.told() == ("active", "2/0")
    await quiet(node, anna, bert)


async def test_figures_of_the_pool_that_come_later_change_nothing(node: Node) -> None:
    assert node.media is not None
    await hold(node, "anna", 1)
    anna = await node.phone("anna")
    node.media.tell(PoolStats(3, 2, 1))
    await until(lambda: node.signalling.media.pool.workers == 3, "the figures")
    await quiet(node, anna)
    await anna.register(cseq=3)
    assert await told(anna) == ("terminated", "1/0")
