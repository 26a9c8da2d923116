"""A caller who listens for phrases, one after the other, and presses keys."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np

from tests.media.support import DEADLINE, RATE, Caller, Samples, find, wav_samples

OPENING = 0.6
"""Seconds of a phrase by which it is told from others."""
ALIKE = 0.95


def opening(samples: Samples) -> Samples:
    """The first of the sound in it, without silence in front, which is like any silence."""
    loud = np.flatnonzero(np.abs(samples) > 500)
    begin = int(loud[0]) if len(loud) else 0
    return samples[begin : begin + round(OPENING * RATE)]


class Visitor:
    """Follows what a caller hears: each phrase is looked for behind the one before."""

    def __init__(self, caller: Caller, prompts: Path) -> None:
        self.caller = caller
        self.prompts = prompts
        self._position = 0

    async def hears(self, *phrases: str, within: float = DEADLINE) -> None:
        """Wait until these phrases have begun, one after the other."""
        for phrase in phrases:
            await self.hears_sound(wav_samples(self.prompts / f"{phrase}.wav"), phrase, within)

    async def hears_sound(self, samples: Samples, name: str = "the sound", within: float = DEADLINE) -> None:
        """Wait until the opening of this sound was heard."""
        wanted = opening(samples)
        try:
            async with asyncio.timeout(within):
                while not self._find(wanted):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{name} was not heard") from None

    def _find(self, wanted: Samples) -> bool:
        heard = self.caller.heard()[self._position :]
        alike, at = find(heard[:-160], wanted)
        if alike < ALIKE:
            return False
        self._position += at + len(wanted)
        return True

    def press(self, keys: str) -> None:
        """Press keys, one after the other, by RFC 4733."""
        for key in keys:
            self.caller.press(key)
