"""What became of a call, collected while it lasts: the source of the call log and of explanations."""

from __future__ import annotations

from dataclasses import dataclass, field

from b2bua.call.ports import Figures
from b2bua.callplan.outcome import StepResult


@dataclass(slots=True)
class Journal:
    """Times are monotonic seconds. `outcome` is the last word: answered, voicemail, busy, no-answer, …"""

    began: float
    answered: float | None = None
    ended: float | None = None
    outcome: str = ""
    code: int | None = None
    hung_up_by: str | None = None
    legs: list[str] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
