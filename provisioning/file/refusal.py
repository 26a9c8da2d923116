"""Why a company file is refused: every problem, with file, line and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from provisioning.company.problems import OtherUser, Place, Problem
from provisioning.company.sentences import WRITTEN, sentence
from provisioning.file.toml_lines import line_of

FILE = replace(WRITTEN, other=lambda name: f" (user {name}, who is not in this file, has it)")


class CompanyFileError(ValueError):
    """A company file that cannot be applied; the text has a line a problem: `FILE:LINE: key: sentence`."""

    def __init__(self, source: str, lines: Mapping[Place, int], problems: Iterable[Problem]) -> None:
        told = dict.fromkeys((line_of(lines, problem.place), _told(problem)) for problem in problems)
        self.problems = tuple(
            f"{source}:{line}: {sentence}" for line, sentence in sorted(told, key=lambda each: each[0])
        )
        super().__init__("\n".join(self.problems))


def _told(problem: Problem) -> str:
    """`not_answered.after: must be …`: the path from the customer, user or trunk that it is in."""
    parts: list[str] = []
    for part in problem.place:
        if isinstance(part, OtherUser):
            parts = [f"user {part.name}, who is not in this file"]
        elif isinstance(part, str):
            parts.append(part)
        elif parts and parts[-1] in ("customers", "users", "trunks"):
            parts.clear()
    key = ".".join(parts)
    told = sentence(problem, FILE)
    return f"{key}: {told}" if key else told
