"""The catalogue of phrases: what each phrase of a language says, and what its sound is made of."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase: the `text` that is heard, and the recordings joined or the seconds of silence it consists of."""

    text: str
    sources: tuple[str, ...] = ()
    silence: float = 0.0

    @property
    def synthetic(self) -> bool:
        """Whether Piper speaks it, for want of a recording."""
        return not self.sources and not self.silence


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A language: where its recordings lie, the Python package of its Piper voice, its phrases by their ids."""

    name: str
    source_folder: Path
    voice: str
    phrases: dict[str, Phrase]


def read(folder: Path = FOLDER) -> dict[str, Catalogue]:
    """Every language of `catalogue.toml` in `folder`. Raises KeyError, and what `open` and `tomllib` raise."""
    languages = tomllib.loads((folder / "catalogue.toml").read_text("utf-8"))
    return {
        code: Catalogue(
            entry["name"],
            Path(entry["source_folder"]),
            entry["voice"],
            {name: _phrase(values) for name, values in entry["phrases"].items()},
        )
        for code, entry in languages.items()
    }


def _phrase(values: dict[str, Any]) -> Phrase:
    return Phrase(values["text"], tuple(values.get("sources", ())), values.get("silence", 0.0))
