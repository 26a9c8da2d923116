"""Every combination of settings, walked along every course of events: what must hold for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import pytest

from b2bua.call.walk import Walk, advance, begin
from b2bua.callplan.causes import Cause
from b2bua.callplan.hops import Hop, follow
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.question import Rule
from b2bua.callplan.route import route
from b2bua.callplan.settings import Action, OutOfHours, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Portal, Reject, Ring, Step, Transfer, Voicemail
from tests.callplan.company import ACME, FREE, NOON, RECEPTION, TRUNK, WORKSHOP
from tests.callplan.plans import ALWAYS, GOLDEN, NUMBER, OUTSIDE, WITHHELD, text

LIMITS = Limits()
BACK_OFFICE = replace(
    WORKSHOP,
    id=12,
    name="Back office",
    email="office@acme.example",
    extension="203",
    numbers=("+441632960102",),
    default_number="+441632960102",
)
LINES = (
    Situation(NOON),
    Situation(NOON, busy=True),
    Situation(NOON, registered=False),
    Situation(NOON, busy=True, registered=False),
)


def redirects(user: int, after: float) -> tuple[Treatment, ...]:
    return (
        Treatment(Action.VOICEMAIL, after=after),
        Treatment(Action.USER, after=after, user=user),
        Treatment(Action.NUMBER, after=after, number=NUMBER, announce=True, present_dialled_number=True),
    )


@dataclass(frozen=True)
class Kind:
    """One user's settings, and how the line is."""

    user: User
    line: Situation


def kinds(user: User, target: int) -> Iterator[User]:
    """The user with every kind of setting, redirecting to another one."""
    others = redirects(target, 90)
    for not_answered, busy in product(
        (Treatment(Action.KEEP_RINGING), *others, replace(others[2], always=True)),
        (Treatment(Action.ENGAGED_TONE), *others),
    ):
        plain = replace(user, not_answered=not_answered, busy=busy)
        yield from (plain, replace(plain, reject_anonymous=True), replace(plain, suspended=True))
        yield replace(plain, permanent_redirect=NUMBER)
        yield replace(plain, permanent_redirect="+441632960103")
        for treatment in others:
            yield replace(plain, out_of_hours=OutOfHours(True, ALWAYS, treatment))


def some(user: User, *targets: int) -> tuple[User, ...]:
    """A few kinds of a user who is reached by a redirect, those that lead in a circle among them."""
    return (
        replace(user, not_answered=Treatment(Action.KEEP_RINGING)),
        replace(user, suspended=True),
        *(
            replace(user, not_answered=replace(to, after=90), busy=replace(to, after=90))
            for target in targets
            for to in redirects(target, 90)[:2]
        ),
    )


@dataclass
class Course:
    """One course of events so far."""

    hop: Hop
    walk: Walk
    now: float = 0.0
    rang: tuple[int, ...] = ()
    kept_ringing: bool = False


def results(step: Step, walk: Walk) -> Iterator[tuple[float, Cause | None]]:
    """How a step can end unanswered: after how long, and the cause that it gives the call."""
    whole = max(walk.deadline - walk.entered, 0.0)
    match step:
        case Ring(queues=True):
            yield whole, Cause.BUSY
        case Ring(waits=True):
            yield from ((whole, Cause.NO_ANSWER), (0, Cause.BUSY))
        case Ring() | Dial():
            yield from ((whole, Cause.NO_ANSWER), (0, Cause.BUSY), (0, Cause.UNAVAILABLE))
        case EngagedTone():
            yield from ((whole, None), (0, None))
        case Announce() | Voicemail():
            yield 0, None


def follow_all(company: tuple[Kind, ...], caller: Caller) -> int:
    """Walk along every course of events of a call to the first of the company; return how many there were."""
    tables = Numbering.of((ACME,), [kind.user for kind in company], (TRUNK,))
    lines = {kind.user.id: kind.line for kind in company}
    first = route("+441632960101", caller, tables, lambda user: lines[user.id], LIMITS)
    open_ = [Course(first, begin(first.plan, LIMITS, 0.0))]
    ended = 0
    while open_:
        course = open_.pop()
        hop, walk, step = course.hop, course.walk, course.walk.step
        assert len(set(hop.journey.visited)) == len(hop.journey.visited), "nobody is visited twice"
        if isinstance(step, Reject | Voicemail):
            ended += 1
            assert course.now <= (LIMITS.keep_ringing if course.kept_ringing else LIMITS.max_unanswered)
        if isinstance(step, Reject):
            continue
        if isinstance(step, Transfer):
            onward = follow(
                step, walk.cause, hop.caller, hop.journey, tables, lambda user: lines[user.id], LIMITS
            )
            moved = begin(onward.plan, LIMITS, course.now, walk.began)
            open_.append(Course(onward, moved, course.now, course.rang, course.kept_ringing))
            continue
        rang = course.rang
        if isinstance(step, Ring):
            user = tables.users[step.user]
            assert not user.suspended, "who is suspended never rings"
            assert hop.plan.rule not in (Rule.ALWAYS_REDIRECT, Rule.PERMANENT_REDIRECT), "always never rings"
            assert step.user not in rang, "nobody rings twice"
            rang = (*rang, step.user)
        waits = course.kept_ringing or (isinstance(step, Ring) and step.waits)
        for seconds, cause in results(step, walk):
            later = course.now + seconds
            after = advance(walk, later, cause)
            if isinstance(step, Dial):
                assert isinstance(after.step, Reject) and after.step.as_elsewhere, (
                    "the call ends as it did there"
                )
            open_.append(Course(hop, after, later, rang, waits))
    return ended


FIRST = tuple(kinds(replace(RECEPTION, reject_anonymous=False), WORKSHOP.id))
SECOND = some(WORKSHOP, BACK_OFFICE.id, RECEPTION.id)
THIRD = some(BACK_OFFICE, WORKSHOP.id)


@pytest.mark.behaviour("R2", "R11", "D3", "D7")
@pytest.mark.parametrize("line", range(len(LINES)))
@pytest.mark.parametrize("second", range(len(SECOND)))
def test_every_call_ends_in_time_and_visits_nobody_twice(line: int, second: int) -> None:
    calls = 0
    for first, third in product(FIRST, THIRD):
        company = (
            Kind(first, LINES[line]),
            Kind(SECOND[second], LINES[(line + second) % len(LINES)]),
            Kind(third, LINES[second % len(LINES)]),
        )
        assert follow_all(company, OUTSIDE if line % 2 else WITHHELD) >= 1
        calls += 1
    assert calls == len(FIRST) * len(THIRD) == 640


@pytest.mark.behaviour("E1", "R1")
def test_an_emergency_call_goes_out_whatever_is_set() -> None:
    for user in FIRST:
        customer = replace(ACME, suspended=user.suspended, allowed_classes=frozenset())
        tables = Numbering.of((customer,), (replace(user, default_number=None), WORKSHOP), (TRUNK,))
        caller = Caller("201", withheld=True, user=user.id)
        plan = route("141999", caller, tables, lambda _: FREE, LIMITS).plan
        assert plan.rule is Rule.EMERGENCY
        assert isinstance(plan.steps[0], Dial) and plan.steps[0].emergency
        assert not plan.steps[0].identity.withheld


@pytest.mark.behaviour("W1", "P5")
def test_an_access_code_leads_to_the_own_portal_whatever_is_set_unless_suspended() -> None:
    for user in FIRST:
        tables = Numbering.of((replace(ACME, allowed_classes=frozenset()),), (user, WORKSHOP), (TRUNK,))
        for dialled in ("1571", "*1571", "1411571", "1470*1571"):
            plan = route(dialled, Caller("201", withheld=True, user=user.id), tables, nobody, LIMITS).plan
            if user.suspended:
                assert plan.rule is Rule.SUSPENDED
            else:
                assert plan.rule is Rule.PORTAL
                assert plan.steps[0] == Portal(user.id)
                assert [type(begin(plan, LIMITS, 0.0).step), type(plan.steps[-1])] == [Portal, Reject]


def nobody(_: User) -> Situation:
    """Whether a line is busy or registered plays no part."""
    raise AssertionError("nobody was called")


def test_the_plans_in_words_are_those_in_the_golden_file() -> None:
    """After a wanted change: `python -m tests.callplan.plans`, and read the difference."""
    assert text() == GOLDEN.read_text("utf-8")
