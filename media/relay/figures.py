"""What the relay counted for one call: asked for just before its session is deleted (cf. RFC 3550 §6.4.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

FIELDS = "npkts_ina npkts_ino nrelayed ndropped longest_ipi rtpa_nlost rtpa_ndups rtpa_jmax rtpa_javg"
"""The counters asked for, in the order of the reply; rtp_io takes at most eleven a query."""

CLOCK_PER_MS = 8
"""Jitter is counted in units of the RTP clock, 8 kHz for G.711."""


class LegStats(NamedTuple):
    """One side of a call. `packets_in` came from this side, `packets_out` came from the other one for it."""

    packets_in: int
    packets_out: int
    lost: int
    duplicates: int
    jitter_ms: float
    """Mean interarrival jitter of what this side sent."""
    max_jitter_ms: float
    longest_gap_ms: float
    """Longest time between two packets of this side."""


class Stats(NamedTuple):
    """Both sides of a call; `relayed` and `dropped` count packets of both directions."""

    near: LegStats
    far: LegStats
    relayed: int
    dropped: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return self._asdict() | {"near": self.near._asdict(), "far": self.far._asdict()}


def parse_stats(near: str, far: str) -> Stats:
    """The figures from the two replies to a query for FIELDS, one a side."""
    leg, relayed, dropped = _parse_leg(near)
    return Stats(near=leg, far=_parse_leg(far)[0], relayed=relayed, dropped=dropped)


def _parse_leg(reply: str) -> tuple[LegStats, int, int]:
    came, went, relayed, dropped, gap, lost, duplicates, highest, mean = reply.split()
    leg = LegStats(
        packets_in=int(came),
        packets_out=int(went),
        lost=int(lost),
        duplicates=int(duplicates),
        jitter_ms=float(mean) / CLOCK_PER_MS,
        max_jitter_ms=float(highest) / CLOCK_PER_MS,
        longest_gap_ms=float(gap) * 1000,
    )
    return leg, int(relayed), int(dropped)
