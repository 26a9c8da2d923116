"""Going through messages one after the other: which is heard now, how far, and what has become of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from media.message import Message
from media.scripts.script import Delete, Restore, Save


class Part(StrEnum):
    """What is heard of a message: when and from whom it is, its sound, what can be done with it."""

    HEAD = "head"
    SOUND = "sound"
    MENU = "menu"


@dataclass(frozen=True, slots=True)
class MessageWalk:
    """A walk through `messages`. `heard` are the ids of those heard to their end, `deleted` what can be restored."""

    messages: tuple[Message, ...] = ()
    index: int = 0
    part: Part = Part.HEAD
    heard: frozenset[str] = frozenset()
    deleted: tuple[Message, ...] = ()

    @property
    def current(self) -> Message | None:
        """The message that is heard now; `None` before the first walk and after its end."""
        return self.messages[self.index] if self.index < len(self.messages) else None

    def through(self, messages: tuple[Message, ...]) -> MessageWalk:
        """A walk through others, which begins at the first; what was deleted can still be restored."""
        return replace(self, messages=messages, index=0, part=Part.HEAD)

    def at(self, part: Part) -> MessageWalk:
        """On, or back, to another part of the message."""
        return replace(self, part=part)

    def heard_to_end(self) -> MessageWalk:
        """The sound of the message is over."""
        heard = self.heard | {self.current.id} if self.current is not None else self.heard
        return replace(self, heard=heard, part=Part.MENU)

    def leave(self) -> tuple[MessageWalk, tuple[Save, ...]]:
        """What leaving the message brings about: a new one that was heard to its end becomes a saved one."""
        message = self.current
        if message is None or message.id not in self.heard or message.state != "new":
            return self, ()
        if message in self.deleted:
            return self, ()
        return self.save()

    def save(self) -> tuple[MessageWalk, tuple[Save, ...]]:
        """The message becomes a saved one."""
        message = self.current
        if message is None:
            return self, ()
        saved = replace(message, state="saved")
        messages = (*self.messages[: self.index], saved, *self.messages[self.index + 1 :])
        return replace(self, messages=messages), (Save(message.id),)

    def delete(self) -> tuple[MessageWalk, tuple[Delete, ...]]:
        """The message is deleted."""
        message = self.current
        if message is None:
            return self, ()
        return replace(self, deleted=(*self.deleted, message)), (Delete(message.id),)

    def restore(self) -> tuple[MessageWalk, tuple[Save | Restore, ...]]:
        """The message deleted last comes back, and the walk goes to it if it belongs to this walk."""
        *others, message = self.deleted
        left, saving = self.leave()
        restored = replace(left, deleted=tuple(others))
        actions: tuple[Save | Restore, ...] = (*saving, Restore(message.id, message.state))
        if self.current is None or message not in left.messages:
            return restored, actions
        return replace(restored, index=left.messages.index(message), part=Part.HEAD), actions

    def next(self) -> MessageWalk:
        """On to the next message, or to the end. What is deleted lies behind: it comes back last first."""
        return replace(self, index=self.index + 1, part=Part.HEAD)

    def end(self) -> MessageWalk:
        """No message any more."""
        return replace(self, index=len(self.messages), part=Part.HEAD)
