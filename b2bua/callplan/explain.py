"""Plans and what became of them, in plain sentences and as JSON.

The JSON of a plan is `{"rule", "considered": [{"rule", "applies", "why"}], "steps": [step]}`, where a step is
`{"do", "user", "number", "seconds", "on", "options"}` without the keys that do not concern it. A user is written by
e-mail address in JSON and by name in sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from b2bua.callplan.causes import Cause
from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.plan import Plan
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Dial, EngagedTone, Reject, Ring, Step, Voicemail

Json = dict[str, object]

_FORMER = "a former user"


def to_json(plan: Plan, users: Mapping[int, User]) -> Json:
    """Return a plan as JSON values."""
    return {
        "rule": plan.rule.value,
        "considered": [
            {"rule": one.rule.value, "applies": one.applies, "why": one.why} for one in plan.considered
        ],
        "steps": [step_to_json(step, users) for step in plan.steps],
    }


def step_to_json(step: Step, users: Mapping[int, User]) -> Json:
    """Return one step as JSON values; causes are written by name, in the order of their values."""
    on = [cause.name.lower().replace("_", "-") for cause in sorted(step.on)]
    match step:
        case Ring(user, seconds, waits):
            return {
                "do": "ring",
                "user": _email(user, users),
                "seconds": seconds,
                "on": on,
                "options": {"waits": waits},
            }
        case Dial(number=number, seconds=seconds, emergency=emergency):
            return {
                "do": "number",
                "number": number,
                "seconds": seconds,
                "on": on,
                "options": {"emergency": emergency},
            }
        case EngagedTone(seconds):
            return {"do": "engaged-tone", "seconds": seconds, "on": on}
        case Voicemail(user, occasion):
            return {
                "do": "voicemail",
                "user": _email(user, users),
                "on": on,
                "options": {"occasion": occasion.value},
            }
        case Reject(code, reason, q850, _, as_elsewhere):
            options: Json = {"code": code, "reason": reason, "q850": q850}
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


def in_words(plan: Plan, users: Mapping[int, User]) -> str:
    """Say what will happen: the way of a call that nobody takes, then what differs if a device is busy."""
    begun = _next(plan, 0, plan.cause)
    unanswered = Cause.NO_ANSWER if plan.cause is Cause.UNCONDITIONAL else plan.cause
    sentences = [_way(plan, begun, unanswered, users)]
    if any(isinstance(step, Ring) for step in plan.steps):
        busy = _way(plan, _next(plan, begun + 1, Cause.BUSY), Cause.BUSY, users)
        sentences.append(f"If a device is busy or declines the call, {busy}")
    return " ".join(_sentence(text) for text in sentences)


def happened(results: Iterable[StepResult], users: Mapping[int, User]) -> tuple[str, ...]:
    """Say what each step of a call came to, one sentence a step."""
    return tuple(_sentence(_past(result, users)) for result in results)


def _next(plan: Plan, position: int, cause: Cause) -> int:
    """Return the first position, from the one given on, whose step is tried on a cause."""
    return next(i for i in range(position, len(plan.steps)) if cause in plan.steps[i].on)


def _way(plan: Plan, position: int, cause: Cause, users: Mapping[int, User]) -> str:
    """Describe the steps from a position on, as far as an answer or a refusal."""
    parts = [_future(plan.steps[position], users)]
    while not isinstance(plan.steps[position], Voicemail | Reject):
        position = _next(plan, position + 1, cause)
        parts.append(_future(plan.steps[position], users))
    return "; then ".join(parts)


def _future(step: Step, users: Mapping[int, User]) -> str:
    match step:
        case Ring(user, seconds, waits):
            whose = _devices(user, users)
            if waits:
                return f"{whose}, and any that registers meanwhile, ring for at most {_duration(seconds)}"
            return f"{whose} ring for {_duration(seconds)}"
        case Dial(number=number, seconds=seconds):
            return f"the call goes out to {number} by a trunk and may ring for {_duration(seconds)}"
        case EngagedTone(seconds):
            return f"the caller hears the engaged tone for {_duration(seconds)}"
        case Voicemail(user):
            return f"the caller hears the greeting of {_name(user, users)} and may leave a message"
        case Reject(code, reason, as_elsewhere=as_elsewhere):
            ended = f"the call ends with {code} {reason}"
            return f"{ended}, or with what was answered there" if as_elsewhere else ended


def _past(result: StepResult, users: Mapping[int, User]) -> str:
    time = _duration(result.seconds)
    if result.ended is Ended.ABANDONED:
        return f"{_begun(result.step, users)} hung up after {time}"
    match result.step:
        case Ring(user):
            return _rang(result, _devices(user, users), time)
        case Dial(number=number):
            return _went_out(result, number, time)
        case EngagedTone():
            if result.ended is Ended.COMPLETED:
                return f"the caller heard the engaged tone for {time}"
            return "the engaged tone could not be played"
        case Voicemail(user):
            if result.ended is not Ended.ANSWERED:
                return f"the voicemail of {_name(user, users)} could not take the call"
            if result.message is None:
                return f"the voicemail of {_name(user, users)} answered, and the caller left no message"
            return f"the caller left {_name(user, users)} a message of {_duration(result.message)}"
        case Reject(code, reason):
            return f"the call ended with {result.code or f'{code} {reason}'}"


def _went_out(result: StepResult, number: str, time: str) -> str:
    if result.trunk is None:
        return f"no trunk could carry the call to {number}"
    out = f"the call went out to {number} by {result.trunk}"
    match result.ended:
        case Ended.ANSWERED:
            return f"{out} and was answered after {time}"
        case Ended.NO_ANSWER if result.code is None:
            return f"{out} and was not answered for {time}"
        case _:
            return f"{out} and failed there after {time}" + (f" with {result.code}" if result.code else "")


def _rang(result: StepResult, devices: str, time: str) -> str:
    match result.ended:
        case Ended.ANSWERED:
            device = f"; {result.device} answered" if result.device else "; one answered"
            return f"{devices} rang{device} after {time}"
        case Ended.BUSY:
            return f"{devices} rang; after {time} the call was declined as busy"
        case Ended.NO_ANSWER:
            return f"{devices} rang for {time} and nobody answered"
        case _:
            return f"{devices} could not be reached"


def _begun(step: Step, users: Mapping[int, User]) -> str:
    match step:
        case Ring(user):
            return f"{_devices(user, users)} rang, and the caller"
        case Dial(number=number):
            return f"the call went out to {number}, and the caller"
        case EngagedTone():
            return "the caller heard the engaged tone and"
        case Voicemail(user):
            return f"the caller heard the greeting of {_name(user, users)} and"
        case Reject(code, reason):
            return f"before the call could end with {code} {reason}, the caller"


def _devices(user: int, users: Mapping[int, User]) -> str:
    name = _name(user, users)
    return f"{name}{'’' if name.endswith('s') else '’s'} devices"


def _name(user: int, users: Mapping[int, User]) -> str:
    return users[user].name if user in users else _FORMER


def _email(user: int, users: Mapping[int, User]) -> str | None:
    return users[user].email if user in users else None


def _duration(seconds: float) -> str:
    text = f"{seconds:.1f}".removesuffix(".0")
    return f"{text} second" if text == "1" else f"{text} seconds"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
