"""All plans in words: `python -m tests.callplan.plans` writes plans.txt anew, for a person to read what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

from b2bua.callplan.causes import ANY, Cause
from b2bua.callplan.explain import in_words
from b2bua.callplan.hops import deflect, follow
from b2bua.callplan.journey import Journey
from b2bua.callplan.numbering import Numbering
from b2bua.callplan.plan import Plan
from b2bua.callplan.route import route
from b2bua.callplan.settings import Action, Interval, OutOfHours, Treatment, User
from b2bua.callplan.situation import Caller, Limits, Situation
from b2bua.callplan.steps import Transfer
from tests.callplan.company import ACME, FREE, NOON, OTHER, RECEPTION, SALES, TRUNK, WORKSHOP

GOLDEN = Path(__file__).with_name("plans.txt")
NUMBER = "+441632960555"

VOICEMAIL = Treatment(Action.VOICEMAIL, after=20)
TO_USER = Treatment(Action.USER, after=20, user=WORKSHOP.id)
TO_NUMBER = Treatment(Action.NUMBER, after=20, number=NUMBER)
WITH_OPTIONS = replace(TO_NUMBER, announce=True, present_dialled_number=True)
TO_USERS_NUMBER = replace(WITH_OPTIONS, number="+441632960103")
REDIRECTS = (VOICEMAIL, TO_USER, TO_NUMBER, WITH_OPTIONS, TO_USERS_NUMBER)
NOT_ANSWERED = (Treatment(Action.KEEP_RINGING, after=20), *REDIRECTS)
BUSY = (Treatment(Action.ENGAGED_TONE), *REDIRECTS)
ALWAYS = (Interval(NOON.weekday(), NOON.time(), NOON.replace(hour=13).time()),)
SITUATIONS = (FREE, Situation(NOON, busy=True), Situation(NOON, registered=False))

OUTSIDE = Caller("+441632960998", network="+441632960998")
WITHHELD = replace(OUTSIDE, withheld=True)


def at_once(treatment: Treatment) -> Treatment:
    """The same without a delay."""
    return replace(treatment, after=0)


def users() -> Iterator[User]:
    """The reception with every kind of settings."""
    for not_answered, busy in product(NOT_ANSWERED, BUSY):
        yield replace(RECEPTION, not_answered=not_answered, busy=busy)
        yield replace(RECEPTION, not_answered=at_once(not_answered), busy=at_once(busy))
    for treatment in REDIRECTS:
        for one in (treatment, at_once(treatment)):
            yield replace(RECEPTION, out_of_hours=OutOfHours(True, ALWAYS, one))
        if treatment.action is Action.NUMBER:
            yield replace(RECEPTION, not_answered=replace(treatment, always=True))
    yield replace(RECEPTION, permanent_redirect=NUMBER)
    yield replace(RECEPTION, permanent_redirect=RECEPTION.numbers[0])
    yield replace(RECEPTION, suspended=True)
    yield replace(RECEPTION, reject_anonymous=True)


def plans() -> Iterator[Plan]:
    """Every plan there is, many of them more than once."""
    limits = Limits()
    for user in users():
        tables = Numbering.of((ACME, OTHER), (user, WORKSHOP, SALES), (TRUNK,))
        for situation in (*SITUATIONS, replace(FREE, called_back=True)):
            yield route("+441632960101", WITHHELD, tables, lambda _, now=situation: now, limits).plan
    tables = Numbering.of((ACME, OTHER), (RECEPTION, WORKSHOP, SALES), (TRUNK,))
    caller = Caller("202", user=WORKSHOP.id)
    for dialled in ("999", "101", "1571", "01632960999", "09098790000", "299"):
        yield route(dialled, caller, tables, lambda _: FREE, limits).plan
    for last, visited in ((WORKSHOP, (10, 11)), (RECEPTION, (11, 10))):
        journey = Journey("201", visited)
        for target in (visited[0], 99):
            step = Transfer(last.id, target, on=ANY)
            yield follow(step, Cause.BUSY, OUTSIDE, journey, tables, lambda _: FREE, limits).plan
    for target in ("202", "01632960999", "999", "1571"):
        yield deflect((target,), RECEPTION, OUTSIDE, Journey("201", (10,)), tables, FREE, limits).plan


def lines() -> list[str]:
    """Each plan that differs from all others, in words, with the rule that makes it."""
    names = {user.id: user for user in (RECEPTION, WORKSHOP, SALES)}
    return list(dict.fromkeys(f"{plan.rule}: {in_words(plan, names)}" for plan in plans()))


def text() -> str:
    """The golden file, sorted by rule as they come."""
    found = lines()
    rules = list(dict.fromkeys(line.partition(":")[0] for line in found))
    return "".join(f"{line}\n" for rule in rules for line in found if line.startswith(f"{rule}:"))


if __name__ == "__main__":
    GOLDEN.write_text(text(), "utf-8")
