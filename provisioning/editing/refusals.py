"""Why an edit was not made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from provisioning.company.problems import Problem
from provisioning.company.sentences import sentence

if TYPE_CHECKING:
    from provisioning.editing.audit import AuditEntry


class EditError(Exception):
    """Nothing was changed."""


class ThereIsNone(EditError):
    """There is none with this id, or the actor is not to know that there is."""


class NotAllowed(EditError):
    """The actor may see it, and may not do that with it."""


class Refused(EditError):
    """The edit would break rules; the text has a line a problem, with its JSON pointer."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{each.pointer() or '/'}: {sentence(each)}" for each in self.problems))


class TakesBack(EditError):
    """A company file would undo what others changed since it was last applied or exported: `elsewhere`."""

    def __init__(self, elsewhere: Iterable[AuditEntry]) -> None:
        self.elsewhere = tuple(elsewhere)
        super().__init__("Changed elsewhere:\n" + "\n".join(map(str, self.elsewhere)))


class Stale(EditError):
    """Others changed it since the version that the edit began with; `meanwhile` says what and who."""

    def __init__(self, meanwhile: Iterable[AuditEntry]) -> None:
        self.meanwhile = tuple(meanwhile)
        super().__init__("Changed meanwhile:\n" + "\n".join(map(str, self.meanwhile)))
