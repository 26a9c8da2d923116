"""Whether a recording still reaches the disk, without a worker."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media.worker import recording
from media.worker.recording import STUCK_AFTER, Recording, has_room


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_disk_is_asked_by_writing(tmp_path: Path) -> None:
    assert has_room(tmp_path)
    with no_room():
        assert not has_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_grows_is_not_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "has_room", lambda folder: False)
    part = tmp_path / "part-0.wav"
    running = Recording(None, part, 10.0, 10.0)
    for step in range(8):
        part.write_bytes(bytes(44 + 4096 * step))
        assert not running.is_stuck(10.0 + step)
    assert not running.is_stuck(17.0 + STUCK_AFTER - 0.1)
    assert running.is_stuck(17.0 + STUCK_AFTER)


def test_a_machine_that_was_held_up_is_no_full_disk(tmp_path: Path) -> None:
    part = tmp_path / "part-0.wav"
    part.write_bytes(bytes(4096))
    running = Recording(None, part, 10.0, 10.0)
    assert not running.is_stuck(10.0)
    assert not running.is_stuck(60.0)
    with no_room():
        assert running.is_stuck(60.0)
