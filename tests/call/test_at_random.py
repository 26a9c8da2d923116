"""Calls in which anything happens at any moment over a network that loses packets: nothing may be left over."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from b2bua.callplan.situation import Caller, Limits
from b2bua.sip.dialogs.session import Session
from b2bua.sip.dialogs.uac import ClientSession
from b2bua.sip.dialogs.uas import ServerSession
from tests.call.stage import CALLED, CALLING, EVENTS, G722, PCMA, PCMU, Stage, follows, sdp
from tests.callplan.company import ENGAGED_TONE, KEEP_RINGING, RECEPTION, VOICEMAIL, VOICEMAIL_AT_ONCE
from tests.sip.wire import Faults, Phone

SECONDS = 30.0


class Chaos:
    """One seed: a company, its phones, and what each of them does when."""

    def __init__(self, seed: int) -> None:
        self.random = chance = random.Random(seed)
        self.happened: Counter[str] = Counter()
        loss = chance.choice((0.0, 0.0, 0.1, 0.3))
        self.stage = stage = Stage(
            Faults(seed, loss, duplication=loss / 2, delay=(0.001, 0.03), most_losses=4),
            Limits(max_unanswered=12.0, keep_ringing=15.0, engaged_tone=1.0),
        )
        stage.called = replace(
            RECEPTION,
            max_calls=chance.choice((1, 2)),
            not_answered=replace(chance.choice((KEEP_RINGING, VOICEMAIL)), after=chance.choice((0, 1, 5))),
            busy=chance.choice((ENGAGED_TONE, VOICEMAIL_AT_ONCE)),
        )
        stage.who = Caller("202", "Workshop", chance.random() < 0.2, CALLING)
        self.devices = [stage.device(f"192.0.2.{11 + n}") for n in range(chance.randint(0, 3))]
        for device in self.devices:
            self._behave(device)
        for number in range(chance.randint(1, 3)):
            caller = stage.caller(f"192.0.2.{1 + number}", plain=chance.random() < 0.5)
            follows(caller)
            self._at(chance.uniform(0, 3.0), lambda now, caller=caller: self._dial(caller))
        for _ in range(chance.randint(3, 25)):
            self._at(chance.uniform(0.0, SECONDS), self._something)

    def play(self) -> None:
        """Let it happen, hang everything up that is still there, and look."""
        stage = self.stage
        stage.run(SECONDS)
        for phone in [*stage.phones, *stage.mailboxes.workers]:
            for session in phone.sessions:
                if session.active:
                    session.bye(stage.now)
        stage.relay.mode = stage.mailboxes.mode = "works"
        stage.run(100.0)
        stage.relay.answer_all()
        stage.mailboxes.answer_all()
        for call in stage.calls:
            call.hang_up(stage.now, "service")
        stage.finish()
        assert not any(session.active for device in self.devices for session in device.sessions)

    def _at(self, when: float, action) -> None:  # type: ignore[no-untyped-def]
        self.stage.network.at(when, action)

    def _dial(self, caller: Phone) -> None:
        chance = self.random
        if chance.random() < 0.3:
            body = sdp(caller.host, codecs=chance.choice(((PCMA,), (G722,), (PCMU, EVENTS))))
            reply = chance.choice((body, body, b""))
            caller.when("answered", lambda session, now: session.acknowledge(reply, now))
            self.stage.dial(caller, b"")
        else:
            self.stage.dial(
                caller, sdp(caller.host, codecs=chance.choice(((PCMA, EVENTS), (PCMU, PCMA), (G722,))))
            )

    def _behave(self, device: Phone) -> None:
        chance = self.random

        def invited(session: Session, now: float) -> None:
            assert isinstance(session, ServerSession)
            if chance.random() < 0.8:
                session.progress(chance.choice((180, 183)), now)
            later = now + chance.choice((0.0, 0.1, 1.0, 4.0))
            what = chance.random()
            if what < 0.5:
                body = sdp(device.host, codecs=chance.choice(((PCMA, PCMU, G722, EVENTS), (PCMA,), (G722,))))
                self._at(later, lambda then: session.accept(body, then))
            elif what < 0.8:
                code = chance.choice((302, 404, 480, 486, 488, 503, 600, 603))
                self._at(later, lambda then: session.reject(code, then))

        device.when("invite", invited)
        follows(device)

    def _something(self, now: float) -> None:
        stage, chance = self.stage, self.random
        name, action = chance.choice(
            (
                ("hang up", self._hang_up),
                ("re-invite", self._offer),
                ("re-invite", self._offer),
                ("info", self._info),
                ("worker lost", self._lose_worker),
                ("worker lost", self._lose_worker),
                ("register", self._register),
                ("relay", self._change_relay),
                ("mailboxes", self._change_mailboxes),
            )
        )
        if stage.calls:
            self.happened[name] += bool(action(now))

    def _active(self) -> list[Session]:
        phones = [*self.stage.phones, *self.stage.mailboxes.workers]
        return [session for phone in phones for session in phone.sessions if session.active]

    def _hang_up(self, now: float) -> bool:
        calls = [s for p in self.stage.phones for s in p.sessions if isinstance(s, ClientSession)]
        if self.random.random() < 0.2:
            self.random.choice(self.stage.calls).hang_up(now, "operator")
        elif active := self._active():
            self.random.choice(active).bye(now)
        elif calls:
            self.random.choice(calls).cancel(now)
        return True

    def _offer(self, now: float) -> bool:
        active = self._active()
        if not active:
            return False
        session = self.random.choice(active)
        phone = session.user
        assert isinstance(phone, Phone)
        direction = self.random.choice(("sendrecv", "sendonly", "inactive"))
        body = self.random.choice((None, sdp(phone.host, codecs=(PCMA, PCMU), direction=direction)))
        if body is None:
            phone.when(
                "offer answered",
                lambda asked, then: asked.acknowledge(sdp(phone.host, codecs=(PCMA,)), then),
            )
        return session.offer(body, now)

    def _info(self, now: float) -> bool:
        for session in self._active():
            session.send("INFO", (("Content-Type", "application/dtmf"),), b"1", now)
        return True

    def _lose_worker(self, now: float) -> bool:
        stage = self.stage
        recording = [call for call in stage.calls if call.in_mailbox and not call.over]
        if not recording or stage.mailboxes.waiting:
            return False
        call = self.random.choice(recording)
        stage.mailboxes.kill(stage.mailboxes.worker)
        call.mailbox_lost(now)
        return True

    def _register(self, now: float) -> bool:
        stage = self.stage
        device = stage.phone(f"192.0.2.{40 + len(stage.phones)}")
        self._behave(device)
        self.devices.append(device)
        bound = stage.binding(device, f"late{len(stage.phones)}")
        stage.devices.by_user.setdefault(CALLED, []).append(bound)
        for call in stage.calls:
            if not call.over and call.ringing(CALLED):
                call.registered(bound, now)
        return True

    def _change_relay(self, now: float) -> bool:
        self.stage.relay.answer_all()
        self.stage.relay.mode = self.random.choice(("works", "works", "full", "waits"))
        return True

    def _change_mailboxes(self, now: float) -> bool:
        mailboxes = self.stage.mailboxes
        mailboxes.answer_all()
        mailboxes.mode = self.random.choice(("works", "works", "full", "waits"))
        mailboxes.worker_mode = self.random.choice(("answers", "answers", "refuses", "silent"))
        return True


@pytest.mark.parametrize("block", range(8))
def test_nothing_is_left_over_whatever_happens(block: int) -> None:
    happened: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for seed in range(block * 25, block * 25 + 25):
        chaos = Chaos(seed)
        try:
            chaos.play()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        happened.update(chaos.happened)
        outcomes.update(call.journal.outcome for call in chaos.stage.calls)
    assert happened["re-invite"] > 3
    assert len(outcomes) >= 3
