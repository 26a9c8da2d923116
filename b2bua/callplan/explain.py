"""Plans in plain sentences and as JSON, and results as JSON.

The JSON of a plan is `{"rule", "considered": [{"rule", "applies", "why"}], "steps": [step]}`, where a step is
`{"do", "user", "number", "seconds", "on", "options", "plan"}` without the keys that do not concern it. `plan`
is that of the user to whom the step hands the call. A user is written by e-mail address in JSON and by name
in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from b2bua.callplan.causes import Cause
from b2bua.callplan.forecast import Prospect
from b2bua.callplan.outcome import StepResult
from b2bua.callplan.plan import Plan
from b2bua.callplan.question import Rule
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Portal, Reject, Ring, Step, Transfer, Voicemail
from b2bua.callplan.words import ANNOUNCED, devices, duration, known_as, name_of, possessive, sentence

Json = dict[str, object]
Onward = Mapping[Transfer, Prospect]

NOTHING: Onward = {}


def to_json(plan: Plan, users: Mapping[int, User], onward: Onward = NOTHING) -> Json:
    """Return a plan as JSON values, with the plans that it leads `onward` to, where they are known."""
    steps = []
    for step in plan.steps:
        value = step_to_json(step, users)
        if isinstance(step, Transfer) and (prospect := onward.get(step)) is not None:
            value["plan"] = to_json(prospect.hop.plan, users, prospect.onward)
        steps.append(value)
    return {
        "rule": plan.rule.value,
        "considered": [
            {"rule": one.rule.value, "applies": one.applies, "why": one.why} for one in plan.considered
        ],
        "steps": steps,
    }


def step_to_json(step: Step, users: Mapping[int, User]) -> Json:
    """Return one step as JSON values; causes are written by name, in the order of their values."""
    on = [cause.name.lower().replace("_", "-") for cause in sorted(step.on)]
    match step:
        case Ring(user, seconds, waits, queues):
            options: Json = {"waits": waits, "queues": queues}
            whose = known_as(user, users)
            return {"do": "ring", "user": whose, "seconds": seconds, "on": on, "options": options}
        case Transfer(_, user, number, present):
            value: Json = {"do": "user", "user": known_as(user, users), "on": on}
            if number is not None:
                value["number"] = number
            return value | {"options": {"present_dialled_number": present}}
        case Dial(number=number, seconds=seconds, emergency=emergency):
            options = {"emergency": emergency, "present_dialled_number": step.identity.dialled_shown}
            return {"do": "number", "number": number, "seconds": seconds, "on": on, "options": options}
        case Announce(announcement):
            return {"do": "announce", "on": on, "options": {"announcement": announcement.value}}
        case EngagedTone(seconds):
            return {"do": "engaged-tone", "seconds": seconds, "on": on}
        case Voicemail(user, occasion):
            whose = known_as(user, users)
            return {"do": "voicemail", "user": whose, "on": on, "options": {"occasion": occasion.value}}
        case Portal(user):
            return {"do": "portal", "user": known_as(user, users), "on": on}
        case Reject(code, reason, q850, _, as_elsewhere):
            options = {"code": code, "reason": reason, "q850": q850}
            if as_elsewhere:
                options["as_elsewhere"] = True
            return {"do": "reject", "on": on, "options": options}


def results_to_json(results: Iterable[StepResult], users: Mapping[int, User]) -> list[Json]:
    """Return what the steps of a call came to: each as `{"do", "user" or "number", "ended", "after", …}`, in order.

    `after` is seconds; `device`, `trunk`, `code` and `message` (seconds) are there where the result has them.
    """
    rows = []
    for result in results:
        step = step_to_json(result.step, users)
        row: Json = {key: step[key] for key in ("do", "user", "number") if key in step}
        row |= {"ended": result.ended.value, "after": round(result.seconds, 3)}
        for key, value in (("device", result.device), ("trunk", result.trunk), ("code", result.code)):
            if value is not None:
                row[key] = value
        if result.message is not None:
            row["message"] = round(result.message, 3)
        rows.append(row)
    return rows


def in_words(plan: Plan, users: Mapping[int, User], onward: Onward = NOTHING) -> str:
    """Say what will happen: the way of a call that nobody takes, then what differs if a device is busy.

    Sentences on each user whom the call may go `onward` to follow, where that is known.
    """
    return " ".join(sentence(text) for text in _all_ways(plan, users, onward))


def _all_ways(plan: Plan, users: Mapping[int, User], onward: Onward) -> list[str]:
    begun = _next(plan, 0, plan.cause)
    unanswered = Cause.NO_ANSWER if plan.cause is Cause.UNCONDITIONAL else plan.cause
    ways = [_way(plan, begun, unanswered, users)]
    if isinstance(plan.steps[begun], Ring):
        usual = _next(plan, begun + 1, unanswered)
        busy = _next(plan, begun + 1, Cause.BUSY)
        if busy != usual:
            ways.append(f"If a device is busy or declines the call, {_way(plan, busy, Cause.BUSY, users)}")
    for step in plan.steps:
        if isinstance(step, Transfer) and (prospect := onward.get(step)) is not None:
            first, *others = _all_ways(prospect.hop.plan, users, prospect.onward)
            stuck = prospect.hop.plan.rule in (Rule.LOOP, Rule.GONE)
            there = "there it cannot go on" if stuck else f"as {name_of(step.user, users)} has set it"
            ways += [f"{there}, {first}", *others]
    return ways


def _next(plan: Plan, position: int, cause: Cause) -> int:
    """Return the first position, from the one given on, whose step is tried on a cause."""
    return next(i for i in range(position, len(plan.steps)) if cause in plan.steps[i].on)


def _way(plan: Plan, position: int, cause: Cause, users: Mapping[int, User]) -> str:
    """Describe the steps from a position on, as far as an answer, a refusal or another user."""
    parts = [_future(plan.steps[position], users)]
    while not isinstance(plan.steps[position], Voicemail | Portal | Reject | Transfer):
        position = _next(plan, position + 1, cause)
        parts.append(_future(plan.steps[position], users))
    return "; then ".join(parts)


def _future(step: Step, users: Mapping[int, User]) -> str:
    match step:
        case Ring(user, seconds, queues=True):
            line = f"{possessive(user, users)} line"
            return (
                f"the caller waits for {line} for {duration(seconds)}, and the devices ring once it is free"
            )
        case Ring(user, seconds, waits):
            whose = devices(user, users)
            if waits:
                return f"{whose}, and any that registers meanwhile, ring for at most {duration(seconds)}"
            return f"{whose} ring for {duration(seconds)}"
        case Transfer(_, user, _, present):
            shown = ", who sees the dialled number instead of the caller’s" if present else ""
            return f"the call goes on to {name_of(user, users)}{shown}"
        case Dial(number=number, seconds=seconds, by=None):
            return f"the call goes out to {number} by a trunk and may ring for {duration(seconds)}"
        case Dial(number=number, seconds=seconds, identity=identity):
            shown = ", showing the dialled number instead of the caller’s" if identity.dialled_shown else ""
            return f"the call is redirected to {number}, where it may ring for {duration(seconds)}{shown}"
        case Announce(announcement):
            return f"the caller hears that {ANNOUNCED[announcement]}"
        case EngagedTone(seconds):
            return f"the caller hears the engaged tone for {duration(seconds)}"
        case Voicemail(user):
            return f"the caller hears the greeting of {name_of(user, users)} and may leave a message"
        case Portal(user):
            return f"the voice portal of {name_of(user, users)} answers and asks for the PIN"
        case Reject(code, reason, as_elsewhere=as_elsewhere):
            ended = f"the call ends with {code} {reason}"
            return f"{ended}, or with what was answered there" if as_elsewhere else ended
