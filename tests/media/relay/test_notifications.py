"""Notifications of silence, however they are cut."""

from __future__ import annotations

from media.relay.notifications import Notifications


def test_only_whole_notifications_count() -> None:
    silent: list[str] = []
    notifications = Notifications(silent.append, lambda: None)
    for piece in (b"r1\n", b"silence:r2\nsil", b"ence:r3", b"\n"):  # the first line's start went elsewhere
        notifications.data_received(piece)
    assert silent == ["r2", "r3"]
