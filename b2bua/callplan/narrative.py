"""What became of a call, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from b2bua.callplan.outcome import Ended, StepResult
from b2bua.callplan.settings import User
from b2bua.callplan.steps import Announce, Dial, EngagedTone, Portal, Reject, Ring, Step, Transfer, Voicemail
from b2bua.callplan.words import ANNOUNCED, devices, duration, name_of, possessive, sentence


def narrative(results: Iterable[StepResult], users: Mapping[int, User]) -> tuple[str, ...]:
    """Say what each step of a call came to, one sentence a step."""
    return tuple(sentence(_past(result, users)) for result in results)


def _past(result: StepResult, users: Mapping[int, User]) -> str:
    time = duration(result.seconds)
    if result.ended is Ended.ABANDONED:
        return f"{_begun(result.step, users)} hung up after {time}"
    match result.step:
        case Ring(user, queues=True):
            return _waited(result, f"{possessive(user, users)} line", time)
        case Ring(user):
            return _rang(result, devices(user, users), time)
        case Transfer(_, user):
            return f"the call went on to {name_of(user, users)}"
        case Announce(announcement):
            if result.ended is Ended.COMPLETED:
                return f"the caller heard that {ANNOUNCED[announcement]}"
            return f"the caller could not be told that {ANNOUNCED[announcement]}"
        case Dial(number=number):
            return _went_out(result, number, time)
        case EngagedTone():
            if result.ended is Ended.COMPLETED:
                return f"the caller heard the engaged tone for {time}"
            return "the engaged tone could not be played"
        case Voicemail(user):
            if result.ended is not Ended.ANSWERED:
                return f"the voicemail of {name_of(user, users)} could not take the call"
            if result.message is None:
                return f"the voicemail of {name_of(user, users)} answered, and the caller left no message"
            return f"the caller left {name_of(user, users)} a message of {duration(result.message)}"
        case Portal(user):
            answered = "answered" if result.ended is Ended.ANSWERED else "could not take the call"
            return f"the voice portal of {name_of(user, users)} {answered}"
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


def _waited(result: StepResult, line: str, time: str) -> str:
    if result.ended is Ended.ANSWERED:
        by = f"; {result.device} answered" if result.device else "; a device answered"
        return f"the caller waited for {line}{by} after {time}"
    return f"the caller waited for {line} for {time}"


def _rang(result: StepResult, devices: str, time: str) -> str:
    match result.ended:
        case Ended.ANSWERED:
            device = f"; {result.device} answered" if result.device else "; one answered"
            return f"{devices} rang{device} after {time}"
        case Ended.BUSY:
            return f"{devices} rang; after {time} the call was declined as busy"
        case Ended.NO_ANSWER if result.code is not None:
            return f"{devices} rang for {time} and nobody answered with sound that can be used here"
        case Ended.NO_ANSWER:
            return f"{devices} rang for {time} and nobody answered"
        case _ if result.code is not None:
            return f"{devices} rang; within {time} one answered, but with no sound that can be used here"
        case _:
            return f"{devices} could not be reached"


def _begun(step: Step, users: Mapping[int, User]) -> str:
    match step:
        case Ring(user, queues=True):
            return f"the caller waited for {possessive(user, users)} line and"
        case Ring(user):
            return f"{devices(user, users)} rang, and the caller"
        case Transfer(_, user):
            return f"before the call could go on to {name_of(user, users)}, the caller"
        case Announce(announcement):
            return f"the caller heard that {ANNOUNCED[announcement]}, and"
        case Dial(number=number):
            return f"the call went out to {number}, and the caller"
        case EngagedTone():
            return "the caller heard the engaged tone and"
        case Voicemail(user):
            return f"the caller heard the greeting of {name_of(user, users)} and"
        case Portal(user):
            return f"before the voice portal of {name_of(user, users)} could answer, the caller"
        case Reject(code, reason):
            return f"before the call could end with {code} {reason}, the caller"
