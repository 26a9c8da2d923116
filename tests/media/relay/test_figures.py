"""rtp_io's counters as figures of a call."""

from __future__ import annotations

from media.relay.figures import FIELDS, LegStats, Stats, parse_stats


def test_each_field_finds_its_place() -> None:
    assert len(FIELDS.split()) <= 11
    near = "7 3 10 1 0.108607 4 5 111.892213 16.000000"
    far = "3 7 10 1 0.000000 0 0 0.000000 0.000000"
    assert parse_stats(near, far) == Stats(
        near=LegStats(7, 3, 4, 5, 2.0, 111.892213 / 8, 108.607),
        far=LegStats(3, 7, 0, 0, 0.0, 0.0, 0.0),
        relayed=10,
        dropped=1,
    )
