from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.notifier import recording
from provisioning.notifier.recording import Recording, read_recording
from tests.provisioning.notifier.entries import SOUND, record


def test_a_recording_is_found_where_it_was_stored_and_where_it_was_saved(tmp_path: Path) -> None:
    stored = record(tmp_path)
    assert read_recording(stored.parents[1], stored.stem) == SOUND
    saved = stored.parents[1] / "saved" / stored.name
    saved.parent.mkdir()
    stored.rename(saved)
    assert read_recording(stored.parents[1], stored.stem) == SOUND


def test_one_that_was_deleted_is_none(tmp_path: Path) -> None:
    assert read_recording(tmp_path / "1", "m") == Recording(None)


def test_one_that_is_too_large_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = record(tmp_path)
    monkeypatch.setattr(recording, "LARGEST", stored.stat().st_size)
    assert read_recording(stored.parents[1], stored.stem) == SOUND
    monkeypatch.setattr(recording, "LARGEST", stored.stat().st_size - 1)
    assert read_recording(stored.parents[1], stored.stem) == Recording(None, too_large=True)


def test_one_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "1" / "new" / "m.wav").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        read_recording(tmp_path / "1", "m")
