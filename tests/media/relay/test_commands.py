"""The lines sent to rtp_io, and its replies."""

from __future__ import annotations

import pytest

from media.relay import commands
from media.relay.errors import NoSession, RelayError, RelayFull
from media.relay.peer import Address, Ports

PHONE = Address("192.0.2.1", 4000)


def test_lines() -> None:
    assert commands.open_session("r1", PHONE, "fd:6", 240) == (
        "Ua r1 192.0.2.1 4000 n f fd:6 silence:r1 && La 127.255.255.254 9 && S ttl=240"
    )
    assert commands.set_near("r1", PHONE, "fd:6") == "Ua r1 192.0.2.1 4000 n f fd:6 silence:r1"
    assert commands.connect_far("r1", PHONE, 60) == "La r1 192.0.2.1 4000 n f && S ttl=60"
    assert commands.play("r1", "near", "tones/engaged", 8, -1) == "P-1 r1 tones/engaged 8 n f"
    assert commands.stop_play("r1", "far") == "S r1 f n"
    assert commands.delete("r1") == "D r1 n f"


def test_every_line_that_names_a_peer_hears_that_peer_alone() -> None:
    """Without `a` rtp_io takes the first sender's address as the peer's, and never lets go of it."""
    for line in (
        commands.open_session("r1", PHONE, "fd:6", 1),
        commands.set_near("r1", PHONE, "fd:6"),
        commands.set_far("r1", PHONE),
        commands.connect_far("r1", PHONE, 1),
    ):
        for part in line.split(" && "):
            assert part.split()[0] in ("Ua", "La", "S")


@pytest.mark.parametrize("file", ["", "our data/engaged", "a\nX", "tön"])
def test_a_file_must_stay_one_word(file: str) -> None:
    with pytest.raises(ValueError, match="cannot be played"):
        commands.play("r1", "near", file, 8, 1)


@pytest.mark.parametrize(
    ("line", "reply", "kind"),
    [
        ("La r1 192.0.2.1 4 n f", "0", NoSession),
        ("Q r1 n f ttl", "E50", NoSession),
        ("Ua r1 192.0.2.1 4 n f", "E72", RelayFull),
        ("La r1 192.0.2.1 4 n f", "E71", RelayFull),
        ("P1 r1 x 8 n f", "E60", RelayError),
    ],
)
def test_failures(line: str, reply: str, kind: type[RelayError]) -> None:
    assert type(commands.failure(line, reply)) is kind


@pytest.mark.parametrize(
    ("line", "reply"), [("D r1 n f", "0"), ("S r1 n f", "0"), ("La r1 192.0.2.1 4 n f", "2004")]
)
def test_successes(line: str, reply: str) -> None:
    assert commands.failure(line, reply) is None


@pytest.mark.parametrize(
    ("reply", "ports"),
    [
        ("20002 && 20010", Ports(near=20010, far=20002)),
        ("20002 127.0.0.1 && 20010 127.0.0.1", Ports(near=20010, far=20002)),
        ("20002 127.0.0.1 && -1", None),
    ],
)
def test_ports(reply: str, ports: Ports | None) -> None:
    assert commands.parse_ports(reply) == ports
