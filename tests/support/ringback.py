"""Whether what was heard is British ringback (BEHAVIOUR M2, ITU-T E.180)."""

from __future__ import annotations

import pytest

from tests.support import meter

HERTZ = (400, 450)
BURST, REST, CYCLE = 0.4, 0.2, 3.0
"""Seconds: a cycle is two bursts with a rest between, and silence for what is left of it."""
JITTER = 0.05
"""Seconds that a burst may be early or late, or longer or shorter; a phone's own buffer makes it more."""


def check_ringback(heard: meter.Sound, *, begins: float = 0.1, jitter: float = JITTER) -> None:
    """Raise AssertionError unless the sound is ringback from its start to its end, wherever that cuts a cycle.

    `begins` is how many seconds the first burst may take to come.
    """
    spans = meter.sound_spans(heard)
    told = (
        f"sound at {[(round(span.start, 2), round(span.end, 2)) for span in spans]} of {heard.seconds:.2f} s"
    )
    assert spans and spans[0].start < begins, told
    first = spans[0].start
    due = [
        first + cycle * CYCLE + place
        for cycle in range(int(heard.seconds // CYCLE) + 1)
        for place in (0.0, BURST + REST)
    ]
    due = [start for start in due if start < heard.seconds]
    if len(spans) < len(due) and due[-1] + BURST > heard.seconds - jitter:
        # The end cuts this one, and what it leaves of it is too little to be seen.
        due.pop()
    assert [span.start for span in spans] == pytest.approx(due, abs=jitter), told
    lengths = [min(BURST, heard.seconds - start) for start in due]
    assert [span.seconds for span in spans] == pytest.approx(lengths, abs=jitter), told
    for span in spans:
        burst = heard.between(span.start + jitter, span.end - jitter)
        if burst.seconds > jitter:
            shares = [float(meter.purity(burst, hertz).mean()) for hertz in HERTZ]
            assert shares == pytest.approx([0.5, 0.5], abs=0.25), f"{told}, {HERTZ} Hz with {shares}"
            assert sum(shares) > 0.85, f"{told}, {HERTZ} Hz with {shares}"
