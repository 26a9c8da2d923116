"""What became of a call, collected while it lasts: the source of the call log and of explanations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from b2bua.callplan.outcome import StepResult

Figures = Mapping[str, Any]
"""What the relay counted of a call's sound."""


@dataclass(slots=True, eq=False)
class Journal:
    """The record of a call in the making, and what others know the call by. Times are monotonic seconds."""

    call_id: str
    """The Call-ID of the caller's leg, by which operators know the call."""
    user: int | None
    """The user who calls, if it is one of ours."""
    dialled: str
    """What the caller dialled."""
    began: float
    answered: float | None = None
    ended: float | None = None
    outcome: str = ""
    """The last word: answered, voicemail, busy, no-answer, …"""
    code: int | None = None
    """What an unanswered call was refused with."""
    hung_up_by: str | None = None
    legs: list[str] = field(default_factory=list)
    """The Call-IDs of our INVITEs."""
    steps: list[StepResult] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)
