"""How a language turns counts, times and callers into phrases of its catalogue.

Each language is a module here, which satisfies `Language`, beside its folder of recordings in `media/prompts`. The
order of the words is the language's own: scripts join what these functions return and never words of their own.
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Protocol

from media.message import Caller
from media.scripts.spoken import en


class Language(Protocol):
    """The rules of one language. Every function is pure and returns ids of phrases, to be played in order."""

    def number(self, n: int) -> tuple[str, ...]:
        """A count from 0 to 999,999. Raises ValueError for others."""
        ...

    def digits(self, text: str) -> tuple[str, ...]:
        """Digits read one by one. Raises ValueError for anything else than 0 to 9."""
        ...

    def counts(self, new: int, saved: int) -> tuple[str, ...]:
        """A sentence: how many messages a mailbox holds."""
        ...

    def received(self, at: datetime, now: datetime, zone: tzinfo) -> tuple[str, ...]:
        """Part of a sentence, after the message's state: when it was received, by the clocks of `zone`.

        `at` and `now` are aware. Raises ValueError for a naive one.
        """
        ...

    def caller(self, caller: Caller, country: str) -> tuple[str, ...]:
        """Part of a sentence, at its end: from whom a message is, as its owner in `country` would dial them.

        `country` is ISO 3166-1 alpha-2. Of a withheld number (A3) nothing is said but that it is.
        """
        ...


LANGUAGES: dict[str, Language] = {"en": en}


def language(code: str) -> Language:
    """The rules for a code of `media.language`, such as `en` or `en-gb`: those of its first two letters.

    Raises KeyError for a language without rules.
    """
    return LANGUAGES[code[:2]]
