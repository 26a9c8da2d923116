"""Calls whose messages carry more than a description of sound, in every place where one may stand."""

from __future__ import annotations

import pytest

from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uas import ServerSession
from b2bua.sip.text.body import Kind, Part
from b2bua.sip.text.flow import Flow, SocketAddress
from b2bua.sip.text.message import Request
from tests.call.stage import RELAY, SERVICE, Stage, answers, description, sdp
from tests.call.test_dial_trunk import leaving, outbound
from tests.sip.multiparts import LOCATION, TYPES, beside, mixed, part, with_body
from tests.sip.wire import Phone


def dressed(phone: Phone, *others: str) -> None:
    """Whatever this phone sends with a description carries parts of other kinds beside it."""
    send = phone.agent.wire.send

    def wrapped(data: bytes, flow: Flow, call_id: str) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        send(
            with_body(data, *beside(body, others)) if b"application/sdp\r\n" in head else data, flow, call_id
        )

    phone.agent.wire.send = wrapped  # type: ignore[method-assign]


@pytest.mark.behaviour("M6")
@pytest.mark.parametrize("plain", [False, True])
def test_a_carrier_sends_isup_beside_every_description(plain: bool) -> None:
    stage, caller, _ = leaving(0)
    trunk = stage.carrier("203.0.113.1")
    trunk.agent.wire.plain = plain  # type: ignore[attr-defined]
    dressed(trunk, "isup")

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        session.progress(183, now, sdp(trunk.host))
        stage.network.at(now + 1.0, lambda then: session.accept(sdp(trunk.host), then))

    trunk.when("invite", invited)
    stage.dial(caller)
    stage.run(0.9)
    (progress,) = {message.body for message in stage.from_service(caller, "183 INVITE")}
    assert b"m=audio" in progress and b"isup" not in progress.lower()
    stage.run(1.0)
    assert caller.names()[-1] == "answered" and trunk.session.active
    assert stage.relay.only.far[-1].address == trunk.host
    # In the dialog too: the carrier holds, and comes back.
    trunk.session.offer(sdp(trunk.host, direction="sendonly", version=2), stage.now)
    caller.when("offer", lambda session, now: session.answer_offer(sdp(caller.host, version=2), now))
    stage.run(1.0)
    assert "offer" in caller.names() and trunk.names()[-1] == "offer answered"
    trunk.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M6")
def test_a_phone_sends_its_location_beside_every_description() -> None:
    stage = Stage()
    device, caller = stage.device("192.0.2.11"), stage.caller()
    dressed(caller, "location", "isup")
    answers(device, after=1.0)
    stage.dial(caller)
    stage.run(2.0)
    assert device.session.active and caller.session.active
    assert description(stage.from_service(device, "INVITE")[0]).audio.address == RELAY
    caller.session.offer(sdp(caller.host, direction="sendonly", version=2), stage.now)
    device.when("offer", lambda session, now: session.answer_offer(sdp(device.host, version=2), now))
    stage.run(1.0)
    assert caller.names()[-1] == "offer answered"
    # To nobody but an emergency service does it go.
    assert not [p for p in stage.network.sent if p.source == SERVICE and b"pidf" in p.data]
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M6")
def test_a_caller_that_leaves_the_offer_to_us_answers_in_a_part_of_its_ack() -> None:
    stage = Stage()
    device, caller = stage.device("192.0.2.11"), stage.caller(plain=True)
    dressed(caller, "isup")
    answers(device, after=1.0)
    caller.when("answered", lambda session, now: session.acknowledge(sdp(caller.host), now))
    stage.dial(caller, b"")
    stage.run(2.0)
    assert stage.call.caller.heard is not None and stage.call.caller.heard.audio.address == caller.host
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M6")
def test_a_key_in_a_part_of_an_info() -> None:
    stage = Stage()
    device, caller = stage.device("192.0.2.11"), stage.caller()
    answers(device)
    stage.dial(caller)
    stage.run(1.0)
    content_type, body = mixed(part(b"x", "text/plain"), part(b"Signal=5\r\n", "application/dtmf-relay"))
    caller.session.send("INFO", (("Content-Type", content_type),), body, stage.now)
    stage.run(1.0)
    assert device.events[-1] == ("info", [("application/dtmf-relay", b"Signal=5\r\n")])
    caller.session.bye(stage.now)
    stage.finish()


# Where an emergency caller is


def emergency(trunks: int = 1) -> tuple[Stage, Phone, list[Phone]]:
    """A caller that says where it is, and has called for help."""
    stage, caller, carriers = leaving(trunks, outbound(emergency=True))
    located = part(LOCATION, TYPES["location"], f"Content-ID: <here@{caller.host}>")
    send = caller.agent.wire.send

    def wrapped(data: bytes, flow: Flow, call_id: str) -> None:
        sound = part(data.partition(b"\r\n\r\n")[2], TYPES["sdp"])
        send(with_body(data, *mixed(sound, located)) if data.startswith(b"INVITE") else data, flow, call_id)

    caller.agent.wire.send = wrapped  # type: ignore[method-assign]
    return stage, caller, carriers


def call_for_help(stage: Stage, caller: Phone) -> None:
    named = ("Geolocation", f"<cid:here@{caller.host}>, <https://where.example/anna>")
    stage.dial(caller, headers=(named, ("Geolocation-Routing", "yes")))
    stage.run(1.0)


def located(invite: Request) -> Part | None:
    return invite.content.first(Kind.LOCATION)


@pytest.mark.behaviour("E6", "M6")
def test_a_location_travels_on_to_the_emergency_trunk() -> None:
    stage, caller, (trunk,) = emergency()
    answers(trunk)
    call_for_help(stage, caller)
    assert caller.session.active and trunk.session.active
    (invite,) = stage.from_service(trunk, "INVITE")
    document = located(invite)
    assert document is not None and document.data == LOCATION
    assert invite.get("geolocation") == f"<cid:{document.content_id}>, <https://where.example/anna>"
    assert invite.get("geolocation-routing") == "yes"
    assert description(invite).audio.address == RELAY
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("E6")
def test_a_location_stays_here_when_it_is_no_emergency() -> None:
    stage, caller, (trunk,) = emergency()
    stage.plan = outbound()
    answers(trunk)
    call_for_help(stage, caller)
    (invite,) = stage.from_service(trunk, "INVITE")
    assert located(invite) is None and invite.get("geolocation") is None
    assert invite.get("content-type") == "application/sdp"
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("E3", "E6")
@pytest.mark.parametrize("code", [400, 415, 424, 500, 513])
def test_a_trunk_that_refuses_the_location_is_asked_again_without(code: int) -> None:
    stage, caller, (first, second) = emergency(2)

    def invited(session: Session, now: float) -> None:
        assert isinstance(session, ServerSession)
        if located(session.request) is None:
            session.accept(sdp(first.host), now)
        else:
            session.reject(code, now)

    first.when("invite", invited)
    call_for_help(stage, caller)
    assert caller.session.active and first.session.active
    assert [located(invite) is None for invite in stage.from_service(first, "INVITE")] == [False, True]
    assert stage.from_service(second) == []
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("E3", "E6")
def test_where_the_location_is_lost_on_its_way_the_other_trunks_come_first() -> None:
    stage, caller, (first, second) = emergency(2)
    loses = stage.network.carry

    def carry(data: bytes, source: SocketAddress, target: SocketAddress) -> None:
        if not (source == SERVICE and target in (first.hop, second.hop) and b"pidf+xml" in data):
            loses(data, source, target)

    stage.network.carry = carry  # type: ignore[method-assign]
    answers(first)
    call_for_help(stage, caller)
    stage.run(9.0)
    assert caller.session.active and first.session.active
    assert stage.from_service(second) == []
    caller.session.bye(stage.now)
    stage.finish()
