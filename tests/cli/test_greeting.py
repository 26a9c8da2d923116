"""`ringplan greeting`: users' own greetings, set from files; whatever is refused leaves the old one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from b2bua.cli.schema import GreetingList
from media import wav
from media.greetings import Greetings
from media.message import Occasion
from tests.cli.conftest import Run
from tests.media.conversion.files import greeting_mp3, greeting_wav

BEN, BENS_ID = "ben@acme.example", 2
OLD = b"\x00\x20\x00\xe0" * 16000


@pytest.fixture
def greetings(company: Path) -> Greetings:
    return Greetings(company / "mailbox")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "hello.mp3"
    path.write_bytes(greeting_mp3())
    return path


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize("occasion", tuple(Occasion))
@pytest.mark.parametrize("kind", ["mp3", "wav"])
def test_a_file_becomes_the_greeting(
    ringplan: Run, greetings: Greetings, tmp_path: Path, occasion: str, kind: str
) -> None:
    upload = tmp_path / "upload.bin"
    upload.write_bytes(greeting_mp3() if kind == "mp3" else greeting_wav())
    ran = ringplan("greeting", "set", "Ben@acme.example", str(upload), "--for", occasion)
    assert ran.code == 0, ran.err
    assert "callers hear upload.bin (3." in ran.out
    path = greetings.of(BENS_ID, occasion)
    assert path is not None and wav.is_complete(path)
    assert wav.seconds(path) == pytest.approx(3.0, abs=0.2)
    assert [one for one in tuple(Occasion) if greetings.of(BENS_ID, one)] == [occasion]


@pytest.mark.behaviour("V1")
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no sound at all", "neither MP3 nor WAV"),
        (greeting_wav()[:10000], "incomplete"),
        (greeting_wav(121.0, 8000), "longer than 120 seconds; shorten it"),
        (bytes(5 * 1024 * 1024 + 1), "larger than 5 MB"),
    ],
)
@pytest.mark.parametrize("had", [True, False])
def test_what_is_refused_leaves_the_old_greeting(
    ringplan: Run, greetings: Greetings, tmp_path: Path, content: bytes, why: str, had: bool
) -> None:
    if had:
        greetings.put(BENS_ID, "busy", OLD)
    upload = tmp_path / "upload.mp3"
    upload.write_bytes(content)
    ran = ringplan("greeting", "set", BEN, str(upload), "--for", "busy")
    assert ran.code == 1
    first, second = ran.err.splitlines()
    assert first.startswith(f"ringplan: {upload} was refused. The ") and why in first
    stays = "'s greeting stays as it was." if had else " goes on without a greeting of their own."
    assert second == f"ringplan: {BEN}{stays}"
    path = greetings.of(BENS_ID, "busy")
    assert (path is not None and wav.read_samples(path) == OLD) is had


def test_a_full_disk_leaves_the_old_greeting(
    ringplan: Run, greetings: Greetings, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greetings.put(BENS_ID, "busy", OLD)

    def full(path: Path, samples: bytes) -> None:
        path.write_bytes(samples[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(wav, "write", full)
    ran = ringplan("greeting", "set", BEN, str(upload), "--for", "busy")
    assert (ran.code, "No space left on device" in ran.err) == (1, True)
    assert f"{BEN}'s greeting stays as it was." in ran.err
    path = greetings.path(BENS_ID, "busy")
    assert wav.read_samples(path) == OLD
    assert [file.name for file in path.parent.iterdir()] == ["busy.wav"]


def test_greetings_are_listed(ringplan: Run, greetings: Greetings) -> None:
    assert ringplan("greeting", "list").out == "No greetings: callers hear the system's.\n"
    greetings.put(BENS_ID, "busy", OLD)
    greetings.put(1, "out-of-hours", OLD)
    greetings.put(77, "no-answer", OLD)
    found = GreetingList.model_validate(ringplan("greeting", "list", "--json").json).greetings
    assert [(one.user, one.mailbox, one.occasion, one.seconds) for one in found] == [
        ("ann@acme.example", 1, "out-of-hours", 4.0),
        (BEN, BENS_ID, "busy", 4.0),
        (None, 77, "no-answer", 4.0),
    ]
    assert all(one.set_at.tzinfo and Path(one.path).exists() for one in found)
    only = ringplan("greeting", "list", "--user", "BEN@acme.example", "--json").json["greetings"]
    assert [one["user"] for one in only] == [BEN]
    words = ringplan("greeting", "list").out
    assert "(deleted, 77)" in words and "4.0 s" in words


def test_a_greeting_is_copied_out_and_nothing_is_overwritten(
    ringplan: Run, greetings: Greetings, tmp_path: Path
) -> None:
    greetings.put(BENS_ID, "busy", OLD)
    copy = tmp_path / "copy.wav"
    assert ringplan("greeting", "get", BEN, str(copy), "--for", "busy").out == f"{copy}\n"
    assert wav.read_samples(copy) == OLD
    again = ringplan("greeting", "get", BEN, str(copy), "--for", "busy")
    assert (again.code, again.err) == (1, f"ringplan: {copy} is already there.\n")
    nowhere = ringplan("greeting", "get", BEN, str(tmp_path / "no" / "copy.wav"), "--for", "busy")
    assert (nowhere.code, "No such file or directory" in nowhere.err) == (1, True)


@pytest.mark.behaviour("O2", "V1")
def test_without_it_callers_hear_what_is_said_then(ringplan: Run, greetings: Greetings) -> None:
    for occasion in ("no-answer", "out-of-hours"):
        greetings.put(BENS_ID, occasion, OLD)
    said = [ringplan("greeting", "remove", BEN, "--for", one).out for one in ("out-of-hours", "no-answer")]
    assert said == [
        f"{BEN}: callers hear the greeting for no-answer out of hours.\n",
        f"{BEN}: callers hear the system's greeting when nobody answers.\n",
    ]
    assert greetings.of(BENS_ID, "no-answer") is None


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("set", "x@acme.example", "f.wav", "--for", "busy"), "There is no user x@acme.example."),
        (("list", "--user", "x@acme.example"), "There is no user x@acme.example."),
        (("get", BEN, "f.wav", "--for", "busy"), f"{BEN} has no greeting for busy."),
        (("remove", BEN, "--for", "busy"), f"{BEN} has no greeting for busy."),
    ],
)
def test_what_is_not_there_is_an_error(ringplan: Run, arguments: tuple[str, ...], says: str) -> None:
    ran = ringplan("greeting", *arguments)
    assert (ran.code, ran.err) == (1, f"ringplan: {says}\n")


@pytest.mark.usefixtures("company")
def test_a_file_that_is_not_there_is_named(ringplan: Run, tmp_path: Path) -> None:
    ran = ringplan("greeting", "set", BEN, str(tmp_path / "none.wav"), "--for", "busy")
    assert ran.code == 1
    assert f"ringplan: {tmp_path / 'none.wav'}: No such file or directory." in ran.err


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("arguments", [(), ("--for", "lunch")])
def test_only_the_three_occasions(ringplan: Run, upload: Path, arguments: tuple[str, ...]) -> None:
    ran = ringplan("greeting", "set", BEN, str(upload), *arguments)
    assert (ran.code, "--for" in ran.err) == (2, True)
