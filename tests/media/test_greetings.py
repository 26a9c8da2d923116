from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from media import wav
from media.greetings import Greetings
from media.message import Occasion

USER = 7
SOUND = b"\x01\x00" * 800


@pytest.fixture
def greetings(tmp_path: Path) -> Greetings:
    return Greetings(tmp_path)


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("occasion", tuple(Occasion))
def test_a_greeting_is_kept_for_its_occasion(greetings: Greetings, occasion: str) -> None:
    assert greetings.of(USER, occasion) is None
    greetings.put(USER, occasion, SOUND)
    path = greetings.of(USER, occasion)
    assert path is not None and wav.read_samples(path) == SOUND
    assert [other for other in tuple(Occasion) if greetings.of(USER, other)] == [occasion]
    assert greetings.of(USER + 1, occasion) is None


@pytest.mark.behaviour("O2", "V1")
@pytest.mark.parametrize(
    ("there", "occasion", "heard"),
    [
        ((), "out-of-hours", None),
        (("no-answer",), "out-of-hours", "no-answer"),
        (("no-answer", "out-of-hours"), "out-of-hours", "out-of-hours"),
        (("busy",), "out-of-hours", None),
        (("no-answer",), "busy", None),
        (("out-of-hours",), "no-answer", None),
    ],
)
def test_which_greeting_is_heard(
    greetings: Greetings, there: tuple[str, ...], occasion: str, heard: str | None
) -> None:
    for one in there:
        greetings.put(USER, one, SOUND)
    expected = None if heard is None else greetings.path(USER, heard)
    assert greetings.heard(USER, occasion) == expected


def test_a_new_greeting_takes_the_old_ones_place(greetings: Greetings) -> None:
    greetings.put(USER, "busy", SOUND)
    path = greetings.path(USER, "busy")
    with path.open("rb") as being_played:
        greetings.put(USER, "busy", SOUND * 2)
        assert len(being_played.read()) == wav.HEADER_BYTES + len(SOUND)
    assert wav.read_samples(path) == SOUND * 2
    assert [file.name for file in path.parent.iterdir()] == ["busy.wav"]


HAMMER = """
import sys
from pathlib import Path
from media.greetings import Greetings
greetings = Greetings(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for length in (40_000, 400_000):
        greetings.put(7, "busy", b"\\1\\0" * length)
"""


def test_whoever_opens_it_meanwhile_gets_the_old_or_the_new_one_whole(
    greetings: Greetings, tmp_path: Path
) -> None:
    writer = subprocess.Popen([sys.executable, "-c", HAMMER, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout and writer.stdout.readline() == b"ready\n"
        path, lengths = greetings.path(USER, "busy"), set[int]()
        while not path.exists():
            assert writer.poll() is None
        for _ in range(2000):
            assert wav.is_complete(path)
            lengths.add(len(wav.read_samples(path)) // 2)
            if len(lengths) > 1:
                break
        assert lengths == {40_000, 400_000}
    finally:
        writer.kill()
        writer.wait()
        assert writer.stdout
        writer.stdout.close()
    assert wav.is_complete(path), "killed in the midst of it"


def test_what_cannot_be_written_leaves_the_old_one(
    greetings: Greetings, monkeypatch: pytest.MonkeyPatch
) -> None:
    greetings.put(USER, "busy", SOUND)

    def fail(path: Path, samples: bytes) -> None:
        path.write_bytes(b"half")
        raise OSError("no space")

    monkeypatch.setattr(wav, "write", fail)
    with pytest.raises(OSError, match="no space"):
        greetings.put(USER, "busy", SOUND * 2)
    path = greetings.path(USER, "busy")
    assert wav.read_samples(path) == SOUND
    assert [file.name for file in path.parent.iterdir()] == ["busy.wav"]


def test_back_to_the_systems(greetings: Greetings) -> None:
    assert not greetings.remove(USER, "busy")
    greetings.put(USER, "busy", SOUND)
    assert greetings.remove(USER, "busy")
    assert greetings.of(USER, "busy") is None


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("damage", [b"", b"RIFF", b"no sound at all" * 10, wav.header(1600) + SOUND[:100]])
def test_what_cannot_be_played_is_no_greeting(greetings: Greetings, damage: bytes) -> None:
    greetings.put(USER, "no-answer", SOUND)
    greetings.put(USER, "out-of-hours", SOUND)
    greetings.path(USER, "out-of-hours").write_bytes(damage)
    assert greetings.of(USER, "out-of-hours") is None
    assert greetings.heard(USER, "out-of-hours") == greetings.path(USER, "no-answer")
    assert greetings.remove(USER, "out-of-hours")


def test_no_other_occasions(greetings: Greetings) -> None:
    with pytest.raises(ValueError, match="lunch"):
        greetings.of(USER, "lunch")
