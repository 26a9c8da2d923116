"""All calls in progress, found by whatever names them; each becomes a record of the call log when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import structlog

from b2bua.call.call import Call
from b2bua.call.journal import Journal
from b2bua.callplan import explain
from b2bua.callplan.missed import missed
from b2bua.callplan.narrative import narrative
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.steps import Voicemail
from b2bua.runtime.clock import LoopTimers, WallClock
from b2bua.runtime.directory import LiveDevices
from b2bua.runtime.records.dialogs import Dialogs
from b2bua.runtime.records.trace import Trace, entries, legible
from b2bua.sip.transactions.timers import Alarm
from media.message import Caller
from media.protocol import MessageStored, SessionEnded
from provisioning.store.calllog import CallRecord, TraceEntry
from provisioning.store.outbox import CallMissed

log = structlog.get_logger()

# How long a finished call waits to hear what its mailbox session came to: storing a message takes milliseconds.
MAILBOX_TIMEOUT = 5.0
# How long its last messages, such as the answer to a BYE, have to arrive for the ladder.
LINGER = 0.5


@dataclass(slots=True)
class Entry:
    """What is known of a call besides what it knows itself."""

    call: Call
    called_user: int | None
    legs: dict[str, str]
    relay_session: str | None = None
    token: str | None = None
    message: MessageStored | None = None
    mailbox_ended: bool = False
    finished: bool = False
    record_at: Alarm | None = None


class CallBook:
    """The `Watcher` of every call."""

    def __init__(
        self,
        devices: LiveDevices,
        trace: Trace,
        queue: LoopTimers,
        write: Callable[[CallRecord, list[TraceEntry], list[CallMissed]], None],
        dialogs: Dialogs,
    ) -> None:
        self._devices = devices
        self._trace = trace
        self._queue = queue
        self._clock = WallClock(queue)
        self._write = write
        self._dialogs = dialogs
        self._entries: dict[Journal, Entry] = {}
        self._by_relay: dict[str, Entry] = {}
        self._by_token: dict[str, Entry] = {}
        self._by_marker: dict[str, Call] = {}
        self.ended: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(not entry.finished for entry in self._entries.values())

    def __iter__(self) -> Iterator[Call]:
        return (entry.call for entry in list(self._entries.values()) if not entry.finished)

    def add(self, call: Call, called_user: int | None) -> None:
        """A call begins."""
        journal = call.journal
        self._entries[journal] = Entry(call, called_user, {journal.call_id: "a"})
        self._by_marker[call.context.marker] = call
        self._trace.follow(journal.call_id)
        log.info(
            "call.started",
            call_id=journal.call_id,
            user=journal.user,
            dialled=journal.dialled,
            rule=call.plan.rule.value,
            called_user=called_user,
        )

    def restore(self, call: Call, called_user: int | None) -> None:
        """A call from before the start goes on."""
        assert call.bridge is not None
        journal = call.journal
        legs = {journal.call_id: "a"}
        legs |= {call_id: f"b{number}" for number, call_id in enumerate(journal.legs, 1)}
        self._entries[journal] = Entry(call, called_user, legs)
        for call_id in legs:
            self._trace.follow(call_id)
        visit = call.bridge.visit
        self.joined(journal, call.bridge.relay_session.name, None if visit is None else visit.token)
        log.info("call.restored", call_id=journal.call_id, user=journal.user)

    def called_user(self, call: Call) -> int | None:
        """The user that a call in progress was for."""
        return self._entries[call.journal].called_user

    def visited(self, marker: str | None) -> tuple[int, ...]:
        """The users that a call of ours has come to which comes back from outside with its marker (D7)."""
        call = None if marker is None else self._by_marker.get(marker)
        return () if call is None else call.itinerary.present.journey.visited

    def with_relay_session(self, session: str) -> Call | None:
        """The answered call whose sound goes through this relay session."""
        entry = self._by_relay.get(session)
        return entry.call if entry is not None else None

    def with_mailbox(self, token: str) -> Call | None:
        """The call that a mailbox knows by this token."""
        entry = self._by_token.get(token)
        return entry.call if entry is not None and not entry.finished else None

    def listed(self, now: float) -> list[dict[str, Any]]:
        """Every call in progress, for people; a withheld caller is not named (BEHAVIOUR A3)."""
        return [
            {
                "call_id": call.journal.call_id,
                "state": call.state,
                "from": None if call.calling.withheld else call.calling.number,
                "to": call.journal.dialled,
                "since": round(now - call.journal.began, 3),
            }
            for call in self
        ]

    # What calls tell

    def event(self, journal: Journal, name: str, **fields: object) -> None:
        """Write one line of the log."""
        log.info(name, call_id=journal.call_id, user=journal.user, **fields)

    def leg_added(self, journal: Journal, call_id: str, leg: str) -> None:
        """Another Call-ID belongs to this call."""
        self._entries[journal].legs[call_id] = leg
        self._trace.follow(call_id)

    def joined(self, journal: Journal, relay_session: str, token: str | None) -> None:
        """The call was answered."""
        entry = self._entries[journal]
        entry.relay_session, entry.token = relay_session, token
        self._by_relay[relay_session] = entry
        if token is not None:
            self._by_token[token] = entry
        self.changed(journal)

    def changed(self, journal: Journal) -> None:
        """What a restart must know of an answered call is not what it was."""
        entry = self._entries[journal]
        self._dialogs.changed(entry.call, entry.called_user)

    def finished(self, journal: Journal) -> None:
        """The call is over; one that a mailbox took waits for what came of it."""
        entry = self._entries[journal]
        entry.finished = True
        self._by_marker.pop(entry.call.context.marker, None)
        if entry.relay_session is not None:
            del self._by_relay[entry.relay_session]
            self._dialogs.over(entry.call)
        self.ended[journal.outcome] = self.ended.get(journal.outcome, 0) + 1
        log.info(
            "call.ended",
            call_id=journal.call_id,
            user=journal.user,
            outcome=journal.outcome,
            code=journal.code,
            hung_up_by=journal.hung_up_by,
            seconds=round((journal.ended or journal.began) - journal.began, 3),
        )
        entry.record_at = Alarm(self._queue, lambda now: self._record(entry))
        wait = LINGER if entry.token is None or entry.mailbox_ended else MAILBOX_TIMEOUT
        entry.record_at.at(self._queue.now() + wait)

    @property
    def mailboxes_pending(self) -> bool:
        """Whether a finished call still waits to hear from its mailbox."""
        return any(
            entry.finished and entry.token is not None and not entry.mailbox_ended
            for entry in self._entries.values()
        )

    def settle(self) -> None:
        """Record every finished call with what is known of it now: the process ends."""
        for entry in list(self._entries.values()):
            if entry.finished:
                self._record(entry)

    # What the mailboxes tell

    def message_stored(self, message: MessageStored) -> None:
        """The caller left a message."""
        if (entry := self._by_token.get(message.session)) is not None:
            entry.message = message

    def mailbox_ended(self, ended: SessionEnded) -> None:
        """A mailbox session is over, and its message, if any, was told before."""
        if (entry := self._by_token.get(ended.session)) is not None:
            entry.mailbox_ended = True
            if entry.record_at is not None:
                entry.record_at.at(self._queue.now() + LINGER)

    def _record(self, entry: Entry) -> None:
        call = entry.call
        if self._entries.pop(call.journal, None) is None:
            return
        # The alarm knows the entry: without it the call is freed now, not by the next collection.
        entry.record_at = None
        if entry.token is not None:
            del self._by_token[entry.token]
        users = self._devices.directory.numbering.users
        journal, who, onward = call.journal, call.calling, call.itinerary.onward
        steps = [
            replace(step, message=entry.message.seconds)
            if entry.message is not None and isinstance(step.step, Voicemail) and step.ended is Ended.ANSWERED
            else step
            for step in journal.steps
        ]
        record = CallRecord(
            call_id=legible(journal.call_id),
            started_at=self._clock.at(journal.began),
            answered_at=None if journal.answered is None else self._clock.at(journal.answered),
            ended_at=self._clock.at(journal.ended or journal.began),
            dialled=journal.dialled,
            rule=call.plan.rule.value,
            outcome=journal.outcome,
            leg_call_ids=tuple(journal.legs),
            caller_user=who.user,
            caller_number=who.number,
            caller_name=who.name,
            withheld=who.withheld,
            called_user=entry.called_user,
            plan=explain.to_json(call.plan, users, onward),
            steps=explain.results_to_json(steps, users),
            explanation=(explain.in_words(call.plan, users, onward), *narrative(steps, users)),
            code=journal.code,
            hung_up_by=journal.hung_up_by,
            rtp=journal.figures,
            message_id=entry.message.message if entry.message is not None else None,
            message_path=str(entry.message.path) if entry.message is not None else None,
        )
        sights = self._trace.take(list(entry.legs))
        self._write(
            record, entries(sights, entry.legs, who.withheld, self._clock), self._missed(call, record, steps)
        )

    @staticmethod
    def _missed(call: Call, record: CallRecord, steps: list[StepResult]) -> list[CallMissed]:
        """What those who missed the call are to be told; most calls are missed by nobody."""
        itinerary, hung_up = call.itinerary, call.journal.hung_up_by == "caller"
        return [
            CallMissed(
                user=by.user,
                call_id=record.call_id,
                at=record.started_at,
                caller=Caller(by.caller.number, by.caller.name or None, by.caller.withheld),
                dialled=itinerary.first.journey.dialled,
                how=by.how,
            )
            for by in missed(itinerary.hops, steps, hung_up=hung_up)
        ]
