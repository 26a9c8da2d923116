"""What a step of a plan came to: the record that the call log keeps and `explain.happened` puts in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from b2bua.callplan.steps import Step


class Ended(StrEnum):
    """How a step ended.

    `ANSWERED`: a device or the mailbox took the call. `COMPLETED`: the sound was heard to its end, the refusal
    sent, or the call handed on. `DEFLECTED`: a device said who is to be called instead. `ABANDONED`: the caller
    hung up first. `FAILED`: the step could not be carried out.
    """

    ANSWERED = "answered"
    DEFLECTED = "deflected"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepResult:
    """A step that was begun, how it ended, and after how many `seconds`."""

    step: Step
    ended: Ended
    seconds: float
    device: str | None = None
    """The SIP username that answered a ring."""
    trunk: str | None = None
    """The name of the trunk that the call left by."""
    code: int | None = None
    """The SIP status with which it failed elsewhere; of a ring 488, where a device's answer could not be used."""
    message: float | None = None
    """The length in seconds of the message left in a mailbox."""
