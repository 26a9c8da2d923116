"""The tones a caller hears before anybody answers, made to be played in a loop.

The United Kingdom's, as ITU-T E.180 lists them: engaged 400 Hz, 0.375 s on, 0.375 s off. Ringing is 400 + 450
Hz, 0.4 s on, 0.2 s off, 0.4 s on, 2.0 s off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

RATE = 8000
LEVEL_DBM0 = -13.0
"""Of the whole tone while it sounds; two frequencies share it."""


@dataclass(frozen=True, slots=True)
class Tone:
    """Frequencies in Hz sounding together, and its cadence: seconds on, off, on, off … over and over.

    Each stretch must hold whole cycles of each frequency, so that nothing clicks, and the cadence whole
    packets of 10 ms, so that the loop has no seam.
    """

    name: str
    frequencies: tuple[int, ...]
    cadence: tuple[float, ...]

    def samples(self, full_scale_dbm0: float) -> list[int]:
        """One cadence as 16-bit samples at 8 kHz, for a codec whose loudest sine has this level."""
        power = 10 ** ((LEVEL_DBM0 - full_scale_dbm0) / 10) / len(self.frequencies)
        amplitude = 32767 * math.sqrt(power)
        rendered: list[int] = []
        for index, seconds in enumerate(self.cadence):
            length = round(seconds * RATE)
            if index % 2:
                rendered.extend([0] * length)
            else:
                rendered.extend(round(amplitude * self._wave(moment)) for moment in range(length))
        return rendered

    def _wave(self, moment: int) -> float:
        return sum(math.sin(2 * math.pi * hertz * moment / RATE) for hertz in self.frequencies)


ENGAGED = Tone("engaged", (400,), (0.375, 0.375))
RINGBACK = Tone("ringback", (400, 450), (0.4, 0.2, 0.4, 2.0))
