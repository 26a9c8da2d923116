"""What is held shows, and what was given back does not, whatever the allocators keep."""

from __future__ import annotations

from b2bua.runtime.heap import blocks_in_use, bytes_in_use


def test_small_objects_count_while_they_are_held() -> None:
    before = blocks_in_use()
    held = [object() for _ in range(50_000)]
    assert blocks_in_use() - before >= 50_000
    del held
    assert blocks_in_use() - before < 1_000


def test_large_objects_count_in_bytes_while_they_are_held() -> None:
    before = bytes_in_use()
    held = [bytes(4096) for _ in range(1_000)]
    assert bytes_in_use() - before >= 4_096_000
    del held
    assert bytes_in_use() - before < 500_000
