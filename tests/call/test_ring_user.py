"""All devices ring, the first answer wins, and every way in which none does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.situation import Caller, Limits
from b2bua.sip.text.flow import SocketAddress
from tests.call.stage import (
    CALLED,
    CALLING,
    PCMA,
    RELAY,
    Stage,
    answers,
    codecs_of,
    description,
    refuses,
    rings,
    sdp,
)
from tests.callplan.company import KEEP_RINGING, RECEPTION, VOICEMAIL, VOICEMAIL_AT_ONCE
from tests.sip.wire import Phone

VOICEMAIL_BUSY = replace(RECEPTION, busy=VOICEMAIL_AT_ONCE)


def ringing(*hosts: str, waits: bool = False) -> tuple[Stage, Phone, list[Phone]]:
    """A caller who hears two devices ring."""
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING if waits else VOICEMAIL)
    devices = [stage.device(host) for host in hosts or ("192.0.2.11", "192.0.2.12")]
    for device in devices:
        rings(device)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    return stage, caller, devices


@pytest.mark.behaviour("N6", "R9")
def test_all_devices_ring_at_once_and_the_first_answer_wins() -> None:
    stage = Stage()
    slow, quick, other = (stage.device(f"192.0.2.1{n}") for n in (1, 2, 3))
    rings(slow)
    rings(other)
    answers(quick, after=2.0)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert [stage.names_to(phone) for phone in (slow, quick, other)] == [["INVITE"]] * 3
    assert stage.call.state == "ringing"
    stage.run(3.0)
    assert caller.names() == ["progress", "answered"]
    assert quick.session.active
    for loser in (slow, other):
        (cancel,) = stage.from_service(loser, "CANCEL")
        assert cancel.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
        assert loser.names()[-1] == "cancelled"
    assert stage.call.state == "answered"
    assert stage.call.journal.steps[0].device == "device2"
    assert stage.relay.open_sessions == [stage.notes.joins[0][0]]
    caller.session.bye(stage.now)
    stage.finish()
    assert stage.call.journal.outcome == "answered"


@pytest.mark.behaviour("N6")
def test_a_late_answer_gets_ack_and_bye() -> None:
    stage = Stage()
    first, late = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    answers(first, after=2.0)
    answers(late, after=2.005)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(4.0)
    assert caller.session.active and first.session.active
    assert stage.names_to(late) == ["INVITE", "CANCEL", "ACK", "BYE"]
    assert late.names()[-1] == "ended"
    first.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M4")
def test_each_device_has_a_relay_session_and_its_early_media_does_not_pass() -> None:
    stage = Stage()
    devices = [stage.device("192.0.2.11"), stage.device("192.0.2.12")]
    for device in devices:
        device.when("invite", lambda session, now: session.progress(183, now, sdp("192.0.2.11")))
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    ports = {description(stage.from_service(device, "INVITE")[0]).audio.port for device in devices}
    assert len(ports) == 2 and len(stage.relay.sessions) == 2
    (ringing,) = stage.from_service(caller, "180 INVITE")
    assert ringing.sdp is None
    assert stage.from_service(caller, "183 INVITE") == []
    caller.outgoing.cancel(stage.now)
    stage.finish()


def test_devices_are_offered_what_the_caller_offers_at_the_relay() -> None:
    stage, caller, (device, _) = ringing()
    offer = description(stage.from_service(device, "INVITE")[0])
    assert (offer.audio.address, codecs_of(offer)) == (RELAY, ["PCMA", "PCMU", "telephone-event"])
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("N7", "B2", "B3")
@pytest.mark.parametrize("code", [600, 603, 604, 606, 607, 608, 699])
def test_declining_on_one_device_stops_all_and_takes_the_busy_action_at_once(code: int) -> None:
    stage = Stage()
    declines, other = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    refuses(declines, code, after=1.0)
    rings(other)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.5)
    assert other.names()[-1] == "cancelled"
    assert stage.from_service(other, "CANCEL")[0].get("reason") is None
    assert [s.tones for s in stage.relay.sessions.values()] == [[], [], [("engaged", 8)]]
    stage.run(6.0)
    assert caller.events[-1] == ("failed", 486)
    stage.finish()
    assert stage.call.journal.outcome == "busy"


@pytest.mark.behaviour("N7")
@pytest.mark.parametrize(
    ("codes", "mailbox"),
    [((486, 480), "busy"), ((480, 486), "busy"), ((480, 503), "no-answer"), ((486, 603), "busy")],
)
def test_when_all_devices_have_ended_any_486_means_busy(codes: tuple[int, int], mailbox: str) -> None:
    stage = Stage()
    stage.called = VOICEMAIL_BUSY
    for number, code in enumerate(codes, 1):
        refuses(stage.device(f"192.0.2.1{number}"), code, after=number)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.9)
    assert "answered" not in caller.names()
    stage.run(2.0)
    assert stage.mailboxes.only.occasion == mailbox
    assert caller.session.active
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("N7")
@pytest.mark.parametrize("code", [486, 480])
def test_one_device_that_is_busy_or_unavailable_does_not_stop_the_others(code: int) -> None:
    stage = Stage()
    refuses(stage.device("192.0.2.11"), code)
    other = stage.device("192.0.2.12")
    answers(other, after=5.0)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(6.0)
    assert caller.session.active and other.session.active
    caller.session.bye(stage.now)
    stage.finish()


UNFIT = [b"", b"hello", sdp("192.0.2.11", port=0), sdp("192.0.2.11", codecs=("18 G729/8000",))]
"""Answers that no sound can be had by."""


@pytest.mark.behaviour("M10")
@pytest.mark.parametrize("body", UNFIT)
def test_a_device_whose_answer_cannot_be_used_leaves_the_others_ringing(body: bytes) -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=VOICEMAIL)
    broken, other = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    answers(broken, after=1.0, body=body)
    answers(other, after=5.0)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(3.0)
    assert stage.names_to(broken) == ["INVITE", "ACK", "BYE"] and stage.names_to(other) == ["INVITE"]
    assert caller.names() == ["progress"]
    stage.run(3.0)
    assert caller.session.active and other.session.active
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("M10")
@pytest.mark.parametrize("body", UNFIT)
def test_where_no_device_answers_in_a_way_that_can_be_used_the_not_answered_action_follows(
    body: bytes,
) -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=VOICEMAIL)
    answers(stage.device("192.0.2.11"), after=2.0, body=body)
    refuses(stage.device("192.0.2.12"), 480, after=3.0)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(4.0)
    assert caller.session.active and stage.mailboxes.only.occasion == "no-answer"
    caller.session.bye(stage.now)
    stage.finish()
    (rang, _) = stage.call.journal.steps
    assert (rang.ended, round(rang.seconds), rang.code) == ("unavailable", 3, 488)


@pytest.mark.behaviour("M10", "N1")
def test_keep_ringing_rings_on_after_an_answer_that_cannot_be_used_and_ends_with_480() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    answers(stage.device("192.0.2.11"), after=2.0, body=b"")
    caller = stage.caller()
    stage.dial(caller)
    stage.run(170.0)
    assert caller.names() == ["progress"] * 3
    stage.run(15.0)
    assert caller.events[-1] == ("failed", 480)
    stage.finish()
    assert [(r.ended, r.code) for r in stage.call.journal.steps] == [("no-answer", 488), ("completed", 480)]


@pytest.mark.behaviour("N2", "N5", "R9")
def test_after_the_ring_time_all_devices_stop_and_the_mailbox_answers() -> None:
    stage, caller, devices = ringing()
    stage.run(18.9)
    assert caller.names() == ["progress"]
    stage.run(1.0)
    assert all(device.names()[-1] == "cancelled" for device in devices)
    assert stage.mailboxes.only.occasion == "no-answer"
    assert caller.names() == ["progress", "answered"]
    caller.session.bye(stage.now)
    stage.finish()
    assert [(r.ended, round(r.seconds)) for r in stage.call.journal.steps] == [
        ("no-answer", 20),
        ("answered", 0),
    ]


@pytest.mark.behaviour("R8")
def test_without_a_device_the_no_answer_action_is_taken_at_once() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.dial(caller)
    stage.run(0.5)
    assert caller.session.active
    assert stage.mailboxes.only.occasion == "no-answer"
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("R8", "N1")
def test_keep_ringing_rings_a_device_that_registers_meanwhile() -> None:
    stage, caller, _ = ringing("192.0.2.11", waits=True)
    stage.devices.by_user.clear()
    late = stage.phone("192.0.2.12")
    answers(late)
    stage.call.registered(stage.binding(late, "late"), stage.now)
    stage.run(1.0)
    assert caller.session.active and late.session.active
    caller.session.bye(stage.now)
    stage.finish()


@pytest.mark.behaviour("R8", "R11", "N1")
def test_keep_ringing_without_a_device_gives_ringback_and_ends_with_480() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(179.0)
    assert caller.events == [("progress", 180)] * 3
    assert stage.network.moments("180 INVITE") == [0.01, 60.01, 120.01]
    assert stage.call.ringing(CALLED) and not stage.call.ringing(CALLING)
    stage.run(2.0)
    assert caller.events[-1] == ("failed", 480)
    stage.finish()
    assert stage.call.journal.outcome == "no-answer"


@pytest.mark.behaviour("R8")
def test_keep_ringing_goes_on_with_ringback_when_the_last_device_is_lost() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    dead = stage.device("192.0.2.11")
    stage.network.dead.add(dead.hop)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(31.0)
    assert caller.names() == []
    stage.run(3.0)
    assert caller.names() == ["progress"]
    late = stage.phone("192.0.2.12")
    answers(late)
    stage.call.registered(stage.binding(late, "late"), stage.now)
    stage.run(1.0)
    assert caller.session.active
    late.session.bye(stage.now)
    stage.finish()


def test_a_device_that_registers_is_not_rung_where_the_plan_does_not_wait() -> None:
    stage, caller, _ = ringing()
    late = stage.phone("192.0.2.13")
    stage.call.registered(stage.binding(late, "late"), stage.now)
    stage.run(1.0)
    assert stage.names_to(late) == []
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("N7")
def test_no_device_rings_twice_for_one_call() -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING)
    phone = stage.phone("192.0.2.11")
    refuses(phone, 480)
    stage.devices.by_user[CALLED] = [stage.binding(phone, "desk", instance="urn:uuid:1")]
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    # It comes back, and with another address of its own.
    moved = f"sip:desk@{SocketAddress(phone.host, 5099)}"
    for again in (stage.binding(phone, "desk", moved, "urn:uuid:1"), *stage.devices.by_user[CALLED]):
        stage.call.registered(again, stage.now)
    stage.run(1.0)
    assert stage.names_to(phone).count("INVITE") == 1
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("R9")
def test_two_devices_that_have_the_same_contact_behind_two_nats_both_ring() -> None:
    stage = Stage()
    phones = [stage.phone("192.0.2.11"), stage.phone("192.0.2.12")]
    for number, phone in enumerate(phones):
        rings(phone)
        device = stage.binding(phone, f"device{number}", "sip:phone@192.168.1.10:5060")
        stage.devices.by_user.setdefault(CALLED, []).append(device)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert [stage.names_to(phone) for phone in phones] == [["INVITE"], ["INVITE"]]
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.parametrize("waits", [True, False])
def test_with_the_relay_full_nobody_rings_and_the_caller_is_refused(waits: bool) -> None:
    stage = Stage()
    stage.called = replace(RECEPTION, not_answered=KEEP_RINGING if waits else VOICEMAIL)
    stage.relay.mode = "full"
    device = stage.device("192.0.2.11")
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    assert caller.events == [("failed", 480)]
    assert stage.names_to(device) == []
    stage.finish()


@pytest.mark.parametrize(
    "body", [b"", b"v=0\r\nnonsense", sdp("192.0.2.11", codecs=()).replace(b"audio", b"video")]
)
def test_a_device_that_answers_without_usable_sound_is_hung_up_and_the_others_ring_on(body: bytes) -> None:
    stage = Stage()
    odd, good = stage.device("192.0.2.11"), stage.device("192.0.2.12")
    answers(odd, body=body)
    answers(good, after=2.0)
    caller = stage.caller()
    stage.dial(caller)
    stage.run(3.0)
    assert stage.names_to(odd) == ["INVITE", "ACK", "BYE"]
    assert caller.session.active and good.session.active
    caller.session.bye(stage.now)
    stage.finish()


def test_hops_are_counted_down_for_devices() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    caller = stage.caller()
    stage.dial(caller)
    stage.run(0.5)
    assert stage.from_service(device, "INVITE")[0].integer("max-forwards", 0) == 69
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("I4", "A3")
@pytest.mark.parametrize(
    ("who", "shown"),
    [
        (Caller("202", "Workshop", user=CALLING), '"Workshop" <sip:202@192.0.2.100:5060>'),
        (
            Caller("202", "Workshop", withheld=True, user=CALLING),
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
        ),
        (Caller(None, "Workshop"), '"Workshop" <sip:unavailable@unknown.invalid>'),
    ],
)
def test_what_a_device_is_shown_of_the_caller(who: Caller, shown: str) -> None:
    stage = Stage()
    stage.who = who
    device = stage.device("192.0.2.11", "reception")
    caller = stage.caller()
    stage.dial(caller)
    stage.run(0.5)
    (invite,) = stage.from_service(device, "INVITE")
    assert (invite.get("from") or "").partition(";")[0] == shown
    assert invite.get("to") == "<sip:reception@192.0.2.100:5060>"
    assert invite.uri_text == "sip:reception@192.0.2.11:5060"
    if who.withheld:
        assert b"Workshop" not in invite.body and not any(
            "Workshop" in str(v) for v in invite.headers.values()
        )
    caller.outgoing.cancel(stage.now)
    stage.finish()


def test_nothing_of_the_callers_headers_reaches_the_device() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    caller = stage.caller()
    names = (
        "Subject", "User-Agent", "P-Asserted-Identity", "Remote-Party-ID", "Diversion", "History-Info",
        "X-Anything", "Call-Info", "Alert-Info", "Organization", "Route", "Reply-To", "Geolocation",
    )  # fmt: skip
    stage.dial(caller, headers=tuple((name, f"<sip:{name.lower()}@leak.example>") for name in names))
    stage.run(0.5)
    (invite,) = stage.from_service(device, "INVITE")
    assert set(invite.headers) <= {
        "via", "max-forwards", "from", "to", "call-id", "cseq", "contact", "user-agent", "allow", "allow-events",
        "supported", "content-type", "content-length",
    }  # fmt: skip
    sent = b"".join(p.data for p in stage.network.sent if p.target == device.hop)
    assert b"leak.example" not in sent and b"call of" not in sent and b"candidate" not in sent
    assert invite.call_id != caller.session.call_id
    caller.outgoing.cancel(stage.now)
    stage.finish()


@pytest.mark.behaviour("R11")
def test_a_long_ring_time_ends_with_the_calls_unanswered_time() -> None:
    stage = Stage(limits=Limits(max_unanswered=15.0))
    rings(stage.device("192.0.2.11"))
    caller = stage.caller()
    stage.dial(caller)
    stage.run(14.9)
    assert caller.names() == ["progress"]
    stage.run(0.5)
    assert caller.session.active and stage.call.in_mailbox
    caller.session.bye(stage.now)
    stage.finish()


def test_a_caller_with_only_pcma_is_answered_with_pcma() -> None:
    stage = Stage()
    device = stage.device("192.0.2.11")
    answers(device, body=sdp(device.host, codecs=(PCMA,)))
    caller = stage.caller()
    stage.dial(caller)
    stage.run(1.0)
    reply = description(stage.from_service(caller, "200 INVITE")[0])
    assert (codecs_of(reply), reply.audio.address) == (["PCMA"], RELAY)
    caller.session.bye(stage.now)
    stage.finish()
