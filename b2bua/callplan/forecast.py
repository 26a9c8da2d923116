"""What lies ahead of a call: every hop that its plan can lead to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from b2bua.callplan.causes import Cause
from b2bua.callplan.hops import Hop
from b2bua.callplan.plan import Plan
from b2bua.callplan.steps import Transfer

Follow = Callable[[Transfer, Cause, Hop], Hop]


@dataclass(frozen=True, slots=True)
class Prospect:
    """A hop, and what follows where it transfers the call. No user comes twice, so it has an end."""

    hop: Hop
    onward: Mapping[Transfer, Prospect]


def foresee(hop: Hop, follow: Follow) -> Prospect:
    """Look ahead from a hop; `follow` plans the one that a transfer leads to on a cause."""
    transfers = [step for step in hop.plan.steps if isinstance(step, Transfer)]
    return Prospect(
        hop, {step: foresee(follow(step, cause_of(step, hop.plan), hop), follow) for step in transfers}
    )


def cause_of(transfer: Transfer, plan: Plan) -> Cause:
    """The cause on which a transfer is likeliest to be tried."""
    likely = (plan.cause, Cause.NO_ANSWER, Cause.BUSY, Cause.UNAVAILABLE)
    return next(cause for cause in likely if cause in transfer.on)
