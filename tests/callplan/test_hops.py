"""From one user to the next: the journey, the caller as they are seen from then on, and who is shown outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.hops import Hop, deflect, follow
from b2bua.callplan.identity import Identity
from b2bua.callplan.journey import MOST_DIVERSIONS, Diversion, Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import Action, Customer, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Dial, Occasion, Reject, Transfer, Voicemail
from tests.callplan.company import (
    ACME,
    BLOCKED,
    FREE,
    KEEP_RINGING,
    OTHER,
    RECEPTION,
    SALES,
    TRUNK,
    VOICEMAIL,
    WORKSHOP,
)

LIMITS = Limits()
OUTSIDE = Caller("+441632960998", "Ms Outside", network="+441632960997")
OFFICE = replace(
    WORKSHOP, id=12, name="Back office", email="office@acme.example", extension="203", numbers=()
)
OFFICE = replace(OFFICE, default_number=None)
ENTRY = Diversion("+441632960101", Cause.NO_ANSWER)
EARLIER = Diversion("+441632960990", Cause.BUSY)
STEP = Transfer(10, 11, on=ANY)
PRESENTING = replace(STEP, number="+441632960103", present_dialled_number=True)
TO_NUMBER = Treatment(Action.NUMBER, number="+441632960555")


def tables(*users: User, customer: Customer = ACME) -> Numbering:
    known = {user.id: user for user in (RECEPTION, WORKSHOP, OFFICE, SALES, *users)}
    return Numbering.of((customer, OTHER), known.values(), (TRUNK,), (BLOCKED,))


def free(_: User) -> Situation:
    return FREE


def called(
    *users: User,
    dialled: str = "+441632960101",
    caller: Caller = OUTSIDE,
    diversions: tuple[Diversion, ...] = (),
) -> Hop:
    return route(dialled, caller, tables(*users), free, LIMITS, diversions)


def followed(
    hop: Hop, *users: User, step: Transfer = STEP, cause: Cause = Cause.NO_ANSWER, customer: Customer = ACME
) -> Hop:
    numbering = tables(*users, customer=customer)
    return follow(step, cause, hop.caller, hop.journey, numbering, free, LIMITS)


def test_the_first_hop() -> None:
    hop = called()
    assert hop.journey == Journey("+441632960101", (10,))
    assert (hop.user, hop.caller) == (10, OUTSIDE)
    assert called(diversions=(EARLIER,)).journey.diversions == (EARLIER,)


@pytest.mark.behaviour("I2")
@pytest.mark.parametrize(
    ("dialled", "number"), [("201", "202"), ("+441632960101", "202"), ("+441632960200", "+441632960102")]
)
def test_a_user_is_seen_by_extension_inside_and_by_number_outside(dialled: str, number: str) -> None:
    workshop = replace(WORKSHOP, presentation_number="+441632960102")
    hop = called(workshop, dialled=dialled, caller=Caller("202", user=11))
    assert hop.caller == Caller(number, "Workshop", user=11, customer=ACME.id, network="+441632960103")


@pytest.mark.behaviour("I4")
@pytest.mark.parametrize(
    ("switch", "dialled", "withheld"),
    [(False, "141201", True), (True, "1470201", False), (True, "201", True), (False, "201", False)],
)
def test_141_and_1470_act_for_one_call(switch: bool, dialled: str, withheld: bool) -> None:
    hop = called(dialled=dialled, caller=Caller("202", withheld=switch, user=11))
    assert hop.caller.withheld is withheld
    elsewhere = dialled.replace("201", "01632960555")
    (dial, *_) = called(dialled=elsewhere, caller=Caller("202", withheld=switch, user=11)).plan.steps
    assert isinstance(dial, Dial) and dial.identity.withheld is withheld


@pytest.mark.behaviour("I6")
def test_who_may_not_call_inside_does_not() -> None:
    barred = replace(ACME, allowed_classes=frozenset({"national"}))
    hop = route("201", Caller("202", user=11), tables(customer=barred), free, LIMITS)
    assert hop.plan.rule is Rule.INTERNAL
    assert hop.plan.steps == (Reject(403, "Forbidden", 21, on=ANY),)
    assert route("+441632960101", OUTSIDE, tables(customer=barred), free, LIMITS).user == 10
    # Another company's number is no internal one.
    assert route("+441632960200", Caller("202", user=11), tables(customer=barred), free, LIMITS).user == 20
    without_number = route("+441632960200", Caller("203", user=12), tables(), free, LIMITS)
    assert without_number.plan.rule is Rule.INTERNAL


@pytest.mark.behaviour("N3", "D5")
def test_a_redirect_goes_on_with_the_rules_of_the_other_user() -> None:
    workshop = replace(WORKSHOP, not_answered=VOICEMAIL)
    hop = followed(called(workshop, diversions=(EARLIER,)), workshop)
    assert hop.journey == Journey("+441632960101", (10, 11), (EARLIER, ENTRY))
    assert hop.caller == OUTSIDE
    assert hop.plan == called(workshop, dialled="+441632960103").plan
    assert Voicemail(11, Occasion.NO_ANSWER, on=frozenset({Cause.NO_ANSWER, Cause.UNAVAILABLE})) in (
        hop.plan.steps
    )


@pytest.mark.behaviour("D5")
def test_the_reason_of_a_redirect_without_condition_is_its_own() -> None:
    step = replace(STEP, reason=Cause.UNCONDITIONAL)
    assert followed(called(), step=step).journey.diversions == (
        Diversion("+441632960101", Cause.UNCONDITIONAL),
    )


@pytest.mark.behaviour("D2")
@pytest.mark.parametrize(
    ("dialled", "caller", "seen"),
    [
        ("+441632960101", OUTSIDE, "+441632960101"),
        ("+441632960101", replace(OUTSIDE, withheld=True), "+441632960101"),
        ("201", Caller("202", user=12), "+441632960101"),
    ],
)
def test_the_dialled_number_takes_the_callers_place_for_good(dialled: str, caller: Caller, seen: str) -> None:
    workshop = replace(WORKSHOP, not_answered=replace(TO_NUMBER, after=20))
    first = called(workshop, dialled=dialled, caller=caller, diversions=(EARLIER,))
    second = followed(first, workshop, step=PRESENTING)
    assert (second.caller.number, second.caller.name, second.caller.withheld) == (seen, "", False)
    assert second.caller.network is None
    assert second.journey.presented == seen
    assert second.journey.diversions == (ENTRY,), "earlier ones are scrubbed"
    # From then on, whatever the next redirect says.
    (dial,) = (step for step in second.plan.steps if isinstance(step, Dial))
    ours = Diversion("+441632960103", Cause.NO_ANSWER)
    assert dial.identity == Identity(
        seen,
        "+441632960103",
        redirecting="+441632960103",
        diversions=(ENTRY, ours),
        dialled_shown=True,
    )
    third = followed(second, workshop, step=Transfer(11, 12, on=ANY), cause=Cause.BUSY)
    assert third.caller.number == seen
    assert third.journey.diversions == (ENTRY, Diversion("+441632960103", Cause.BUSY))


@pytest.mark.behaviour("D2")
def test_without_any_number_the_extension_was_dialled() -> None:
    office = replace(OFFICE, not_answered=Treatment(Action.NUMBER, number="+441632960101"))
    first = called(office, dialled="203", caller=Caller("202", user=11))
    hop = followed(first, office, step=Transfer(12, 10, "+441632960101", True, on=ANY))
    assert hop.caller.number == "203"
    assert hop.journey.diversions == (Diversion("203", Cause.NO_ANSWER),)


@pytest.mark.behaviour("D4")
@pytest.mark.parametrize(
    ("caller", "present", "identity"),
    [
        (OUTSIDE, False, Identity("+441632960998", "+441632960997")),
        (replace(OUTSIDE, withheld=True), False, Identity("+441632960998", "+441632960997", withheld=True)),
        (Caller("202", user=11), False, Identity("+441632960103", "+441632960103")),
        (
            Caller("+441632960200", user=20, withheld=True),
            False,
            Identity("+441632960200", "+441632960200", withheld=True),
        ),
        (Caller("203", user=12), False, Identity()),
        (Caller(), False, Identity()),
        (OUTSIDE, True, Identity("+441632960101", "+441632960101", dialled_shown=True)),
        (
            replace(OUTSIDE, withheld=True),
            True,
            Identity("+441632960101", "+441632960101", dialled_shown=True),
        ),
    ],
)
def test_who_is_shown_where_a_redirect_leads_outside(
    caller: Caller, present: bool, identity: Identity
) -> None:
    user = replace(RECEPTION, not_answered=replace(TO_NUMBER, present_dialled_number=present))
    dialled = "201" if caller.user in (11, 12) else "+441632960101"
    (dial, *_) = called(user, dialled=dialled, caller=caller, diversions=(EARLIER,)).plan.steps
    assert isinstance(dial, Dial)
    assert dial.identity == replace(
        identity,
        redirecting="+441632960101",
        diversions=(ENTRY,) if present else (EARLIER, ENTRY),
    )
    assert (dial.seconds, dial.by) == (45.0, 10)


@pytest.mark.behaviour("D7")
@pytest.mark.parametrize(("mailbox", "code"), [(KEEP_RINGING, 482), (VOICEMAIL, None)])
def test_a_call_comes_to_nobody_twice(mailbox: Treatment, code: int | None) -> None:
    workshop = replace(WORKSHOP, not_answered=Treatment(Action.USER, user=10), busy=mailbox)
    second = followed(called(workshop), workshop)
    hop = followed(second, workshop, step=Transfer(11, 10, on=ANY), cause=Cause.BUSY)
    assert hop.plan.rule is Rule.LOOP
    assert "where this call has been before" in hop.plan.considered[0].why
    assert hop.journey == second.journey
    end = Reject(482, "Loop Detected", 25, on=ANY)
    assert hop.plan.steps == ((end,) if code else (Voicemail(11, Occasion.BUSY, on=ANY), end))
    assert hop.plan.cause is Cause.BUSY


@pytest.mark.behaviour("D7")
@pytest.mark.parametrize(
    "journey",
    [
        Journey("201", (10,), (EARLIER,) * MOST_DIVERSIONS),
        # A redirect that presents the dialled number scrubs the earlier ones, but not the way itself.
        Journey("201", (1, 2, 3, 4, 5, 10), (ENTRY,)),
    ],
)
def test_a_call_is_redirected_five_times_at_most(journey: Journey) -> None:
    hop = follow(STEP, Cause.BUSY, OUTSIDE, journey, tables(), free, LIMITS)
    assert hop.plan.rule is Rule.LOOP
    assert hop.plan.steps[-1] == Reject(482, "Loop Detected", 25, on=ANY)
    shorter = replace(journey, visited=journey.visited[1:], diversions=journey.diversions[1:])
    if journey.visited == (10,):
        shorter = replace(shorter, visited=(10,))
    assert follow(STEP, Cause.BUSY, OUTSIDE, shorter, tables(), free, LIMITS).plan.rule is Rule.RING


@pytest.mark.behaviour("D9")
@pytest.mark.parametrize("how", ["deleted", "suspended", "company"])
@pytest.mark.parametrize("mailbox", [True, False])
def test_a_target_that_is_gone_leads_to_the_first_users_voicemail(how: str, mailbox: bool) -> None:
    first = replace(RECEPTION, not_answered=VOICEMAIL if mailbox else KEEP_RINGING)
    office = replace(OFFICE, suspended=how == "suspended")
    step = Transfer(11, 99 if how == "deleted" else 12, on=ANY)
    second = followed(called(first), first)
    customer = replace(ACME, suspended=how == "company")
    hop = followed(second, first, office, step=step, customer=customer)
    assert hop.plan.rule is Rule.GONE
    assert hop.journey == second.journey
    end = Reject(480, "Temporarily Unavailable", 19, on=ANY)
    assert hop.plan.steps == ((Voicemail(10, Occasion.NO_ANSWER, on=ANY), end) if mailbox else (end,))


@pytest.mark.behaviour("R10")
def test_the_situation_is_asked_when_the_hop_begins_and_only_then() -> None:
    asked: list[int] = []

    def look(user: User) -> Situation:
        asked.append(user.id)
        return FREE

    first = route("201", Caller("203", user=12), tables(), look, LIMITS)
    assert asked == [10]
    follow(STEP, Cause.BUSY, first.caller, first.journey, tables(), look, LIMITS)
    assert asked == [10, 11]
    follow(replace(STEP, user=99), Cause.BUSY, first.caller, first.journey, tables(), look, LIMITS)
    assert asked == [10, 11]


@pytest.mark.behaviour("D8")
@pytest.mark.parametrize(
    ("target", "step"),
    [
        ("202", Transfer(10, 11, "202", reason=Cause.UNCONDITIONAL, on=ANY)),
        ("01632960103", Transfer(10, 11, "+441632960103", reason=Cause.UNCONDITIONAL, on=ANY)),
        ("01632960555", Dial("+441632960555", Identity(), 45.0, by=10, on=ANY)),
        ("999", None),
        ("+44999", None),
        ("101", None),
        ("201", None),
        ("+441632960101", None),
        (BLOCKED, None),
        ("09098790000", None),
        ("nobody", None),
    ],
)
def test_a_phone_may_redirect_where_its_user_may_call(target: str, step: Transfer | Dial | None) -> None:
    hop = called(caller=Caller())
    plan = deflect((target,), RECEPTION, hop.caller, hop.journey, tables(), FREE, LIMITS).plan
    assert plan.rule is Rule.DEFLECTED
    assert plan.cause is Cause.UNCONDITIONAL
    first = plan.steps[0]
    if isinstance(first, Dial):
        assert first.identity.diversions == (Diversion("+441632960101", Cause.UNCONDITIONAL),)
        first = replace(first, identity=Identity())
    # Whoever may not be called: voicemail, which is on.
    assert first == (step or Voicemail(10, Occasion.NO_ANSWER, on=ANY))
    assert ("the redirect fails" in plan.considered[0].why) is (step is None)


@pytest.mark.parametrize(
    ("targets", "steps"),
    [
        (("01632960555", "01632960556"), ["+441632960555", "+441632960556"]),
        (("01632960555", "01632960555"), ["+441632960555"]),
        (("999", "01632960555"), ["+441632960555"]),
        (("01632960555", "202", "01632960556"), ["+441632960555", "11"]),
        (("202", "01632960555"), ["11"]),
        (("nobody", "999"), ["voicemail"]),
    ],
)
def test_a_phone_may_name_several_in_turn(targets: tuple[str, ...], steps: list[str]) -> None:
    hop = called(caller=Caller())
    plan = deflect(targets, RECEPTION, hop.caller, hop.journey, tables(), FREE, LIMITS).plan
    tried = [
        step.number
        if isinstance(step, Dial)
        else str(step.user)
        if isinstance(step, Transfer)
        else "voicemail"
        for step in plan.steps[:-1]
    ]
    assert tried == steps
    assert ("the redirect fails" in plan.considered[0].why) is bool({"999", "nobody"} & set(targets))


@pytest.mark.behaviour("A3")
def test_a_withheld_number_stays_out_of_every_repr_and_reason() -> None:
    user = replace(RECEPTION, not_answered=TO_NUMBER, reject_anonymous=True)
    for hop in (
        called(user, caller=replace(OUTSIDE, withheld=True)),
        called(replace(user, reject_anonymous=False), caller=replace(OUTSIDE, withheld=True)),
    ):
        assert "96099" not in repr(hop)
