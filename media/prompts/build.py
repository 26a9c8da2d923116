"""Makes the phrases of `catalogue.toml` from Debian's recordings: `python -m media.prompts.build`.

Needed only when the catalogue changes, since the WAV files it writes are part of the repository:
`apt-get install asterisk-core-sounds-en-wav`, run this, commit the result.
"""

from __future__ import annotations

import sys
import tomllib
import wave
from pathlib import Path

from media import wav

FOLDER = Path(__file__).parent


def samples_of(source: Path) -> bytes:
    """The samples of one source recording (8 kHz, 16-bit, mono; the header may carry extra chunks)."""
    with wave.open(str(source)) as file:
        if (file.getframerate(), file.getsampwidth(), file.getnchannels()) != (wav.RATE, 2, 1):
            raise wav.NotRecording(f"{source} is not 8 kHz 16-bit mono PCM")
        return bytes(file.readframes(file.getnframes()))


def build(language: str) -> list[Path]:
    """Write every phrase of the language; returns the files. Raises FileNotFoundError."""
    catalogue = tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))[language]
    source_folder = Path(catalogue["source_folder"])
    written = []
    for phrase, entry in catalogue["phrases"].items():
        path = FOLDER / language / f"{phrase}.wav"
        path.parent.mkdir(exist_ok=True)
        wav.write(path, b"".join(samples_of(source_folder / f"{name}.wav") for name in entry["sources"]))
        written.append(path)
    return written


if __name__ == "__main__":
    for language in sys.argv[1:] or ["en"]:
        for path in build(language):
            sys.stdout.write(f"{path.relative_to(FOLDER)}  {wav.seconds(path):.1f} s\n")
