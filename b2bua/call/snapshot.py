"""An answered call as data: what the process after this one must know to go on with it.

A call has a snapshot from the moment when both sides know that it was answered. Until then it dies with the process.
Times are Unix time, because monotonic seconds mean nothing to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from b2bua.call.call import Call
from b2bua.call.context import CallContext
from b2bua.call.itinerary import Itinerary
from b2bua.call.journal import Journal
from b2bua.call.leg import Leg
from b2bua.call.ports import Ports
from b2bua.call.relay_session import RelaySession
from b2bua.call.services import Services
from b2bua.call.visit import MailboxStep, Visit
from b2bua.callplan.hops import Hop
from b2bua.callplan.identity import Identity
from b2bua.callplan.outcome import StepResult
from b2bua.callplan.situation import Caller
from b2bua.callplan.steps import Dial, Step
from b2bua.sip.auth.challenge import Credential
from b2bua.sip.dialogs.dialog import Dialog
from b2bua.sip.sdp.description import Sdp
from b2bua.sip.sdp.nat import Nat
from b2bua.sip.text.address import Address
from b2bua.sip.text.anonymity import ANONYMOUS
from b2bua.sip.text.transport import Transport

VERSION = 3
GAP = 100
"""What is added to our sequence and version numbers: some may have been used after the snapshot was taken."""


@dataclass(frozen=True, slots=True)
class LegSnapshot:
    """One side."""

    name: str
    owns_call_id: bool
    origin: int
    nat: Nat
    dialog: Dialog
    heard: Sdp
    """The remote description."""
    said: Sdp
    """The local description."""


@dataclass(frozen=True, slots=True)
class MailboxSnapshot:
    """The visit to the mailbox that took a call."""

    token: str
    """The media host's name for the visit."""
    step: MailboxStep


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A whole call."""

    relay_session: str
    ports: Ports
    caller: LegSnapshot
    callee: LegSnapshot
    mailbox: MailboxSnapshot | None
    dialled: str
    hops: tuple[Hop, ...]
    """Where it went; at least one."""
    occupied: tuple[int, ...]
    """The users whose lines it takes."""
    began: float
    answered: float
    outcome: str
    legs: tuple[str, ...]
    """The Call-IDs of our INVITEs."""
    results: tuple[StepResult, ...]
    version: int = VERSION

    @property
    def transports(self) -> frozenset[Transport]:
        """What carries its signalling."""
        return frozenset(leg.dialog.flow.transport for leg in (self.caller, self.callee))


def take(call: Call, now: float, wall_now: float) -> CallSnapshot | None:
    """Return the snapshot of a call, or `None` while an ACK or an answer is missing, and once it is over."""
    bridge, journal = call.bridge, call.journal
    if bridge is None or bridge.relay_session.ports is None or journal.answered is None:
        return None
    caller, callee = _leg_snapshot(bridge.caller), _leg_snapshot(bridge.callee)
    if caller is None or callee is None:
        return None
    hops, results = call.itinerary.hops, journal.steps
    if call.calling.withheld:
        # It must not reach the disk (BEHAVIOUR A3). A dialog is known by its tags, whatever its URIs say.
        caller = replace(caller, dialog=replace(caller.dialog, remote=_nameless(caller.dialog.remote)))
        hops = tuple(map(_anonymous, hops))
        results = [replace(result, step=_unsigned(result.step)) for result in results]
    visit = bridge.visit
    return CallSnapshot(
        bridge.relay_session.name,
        bridge.relay_session.ports,
        caller,
        callee,
        None if visit is None else MailboxSnapshot(visit.token, visit.step),
        journal.dialled,
        hops,
        tuple(call.context.occupied),
        wall_now - (now - journal.began),
        wall_now - (now - journal.answered),
        journal.outcome,
        tuple(journal.legs),
        tuple(results),
    )


def restore(
    services: Services,
    snapshot: CallSnapshot,
    itinerary: Callable[[tuple[Hop, ...]], Itinerary],
    credentials: Mapping[str, Credential],
    now: float,
    wall_now: float,
) -> Call:
    """Make the call again, as it was. It takes requests and lines; `Call.resume` does the rest.

    `itinerary` makes one of these hops; an answered call goes to no other. `credentials` are the trunks', by name:
    secrets are not in a snapshot.
    """
    trunk = snapshot.results[-1].trunk if snapshot.results else None
    caller = _leg(services, snapshot.caller, None)
    callee = _leg(services, snapshot.callee, credentials.get(trunk or ""))
    assert caller.session is not None
    where = itinerary(snapshot.hops)
    journal = Journal(
        caller.session.call_id,
        where.first.caller.user,
        snapshot.dialled,
        began=now - (wall_now - snapshot.began),
        answered=now - (wall_now - snapshot.answered),
        outcome=snapshot.outcome,
        legs=list(snapshot.legs),
        steps=list(snapshot.results),
    )
    context = CallContext(services, where, journal)
    for user in snapshot.occupied:
        context.occupy(user)
    relay_session = RelaySession(services.relay, snapshot.relay_session, snapshot.ports)
    visit = None
    if (held := snapshot.mailbox) is not None:
        visit = Visit(context, caller, relay_session, held.step, held.token, callee)
    call = Call(context, caller)
    call.join(callee, relay_session, visit)
    relay_session.place(caller, callee)
    return call


def _nameless(address: Address) -> Address:
    return ANONYMOUS._replace(params=address.params)


def _anonymous(hop: Hop) -> Hop:
    """Return a hop without the caller's number, also where it is to see another one in its place (D2)."""
    who = hop.caller
    if who.withheld:
        who = Caller(None, "", True, who.user, who.customer)
    plan = replace(hop.plan, steps=tuple(map(_unsigned, hop.plan.steps)))
    return replace(hop, journey=replace(hop.journey, diversions=()), caller=who, plan=plan)


def _unsigned(step: Step) -> Step:
    return replace(step, identity=Identity(withheld=True)) if isinstance(step, Dial) else step


def _leg_snapshot(leg: Leg) -> LegSnapshot | None:
    session, heard, said = leg.session, leg.heard, leg.said
    if session is None or session.dialog is None or heard is None or said is None or not session.confirmed:
        return None
    return LegSnapshot(
        leg.name, session.owns_call_id, leg.origin, leg.nat, replace(session.dialog), heard, said
    )


def _leg(services: Services, snapshot: LegSnapshot, credential: Credential | None) -> Leg:
    dialog = snapshot.dialog
    flow = dialog.flow._replace(connection=0)
    if flow.reliable:
        # The connection has gone with its process.
        flow = flow.reopened(dialog.target) or flow
    dialog = replace(dialog, flow=flow, local_cseq=dialog.local_cseq + GAP)
    leg = Leg(snapshot.name, flow, snapshot.origin, snapshot.nat)
    leg.session = services.agent.resume(dialog, credential, owns_call_id=snapshot.owns_call_id)
    leg.heard = snapshot.heard
    leg.said = replace(snapshot.said, version=snapshot.said.version + GAP)
    return leg
