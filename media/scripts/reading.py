"""The messages of a mailbox as its owner goes through them: announced, heard, kept, deleted and restored (W5).

What was decided stands. A message is saved or deleted at once. A new one that was heard to its end becomes a saved one
when the caller goes on from it, or leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self
from zoneinfo import ZoneInfo

from media.scripts.menu import JUMP_SECONDS, Do, Phase
from media.scripts.place import MenuPlace, Moved
from media.scripts.script import Opened, Sound, Stored, Wait, Why
from media.scripts.walk import Part


@dataclass(frozen=True, slots=True)
class MessageReading(MenuPlace):
    """A visit as a walk through messages."""

    def _opened(self, opened: Opened) -> Moved[Self]:
        if self.wanted is None:
            new = sum(message.state == "new" for message in opened.messages)
            counts = self.language.counts(new, len(opened.messages) - new)
            return self._prompt(Phase.MAIN, *counts)
        messages = tuple(message for message in opened.messages if message.state == self.wanted)
        if not messages:
            return replace(self, ahead="")._prompt(Phase.MAIN, f"no-{self.wanted}-messages")
        return replace(self, walk=self.walk.through(messages), now=opened.now)._begin_message()

    def _with_message(self, do: Do, at: float) -> Moved[Self]:
        """What a key does with the message that is heard; `at` is how far its sound had come, if that was heard."""
        message = self.walk.current
        match do:
            case Do.RESTORE if not self.walk.deleted:
                return self._prompt(self.phase, "nothing-to-restore")
            case Do.RESTORE:
                walk, changes = self.walk.restore()
                portal = replace(self, walk=walk)
                portal, actions = (
                    portal._begin_message("message-restored")
                    if walk.current == self.walk.deleted[-1]
                    else portal._prompt(self.phase, "message-restored")
                )
                return portal, (*changes, *actions)
            case Do.SAVE:
                walk, saves = self.walk.save()
                portal, actions = replace(self, walk=walk)._next("message-saved")
                return portal, (*saves, *actions)
            case Do.DELETE:
                walk, deletes = self.walk.delete()
                portal, actions = replace(self, walk=walk)._next("message-deleted")
                return portal, (*deletes, *actions)
            case Do.SKIP:
                return self._next()
            case Do.REPEAT:
                return self._sound(0.0)
            case _:
                length = message.seconds if message is not None else 0.0
                reached = {Part.HEAD: 0.0, Part.SOUND: at, Part.MENU: length}[self.walk.part]
                return self._sound(reached + (JUMP_SECONDS if do is Do.FORWARD else -JUMP_SECONDS))

    def _begin_message(self, *first: Sound) -> Moved[Self]:
        """Say whose message it is and when it came, after what is to be said `first`."""
        message = self.walk.current
        if message is None:
            return self._prompt(Phase.MAIN, *first, "no-more-messages")
        assert self.owner is not None
        assert self.now is not None
        envelope, zone = message.envelope, ZoneInfo(self.owner.timezone)
        head = (
            "message-new" if message.state == "new" else "message-saved-one",
            *self.language.received(envelope.received, self.now, zone),
            *self.language.caller(envelope.caller, self.owner.country),
        )
        return replace(self, walk=self.walk.at(Part.HEAD))._say(Phase.MESSAGE, *first, *head)

    def _sound(self, start: float) -> Moved[Self]:
        """Play the message from there on; behind its end it has been heard."""
        message = self.walk.current
        assert message is not None
        if start >= message.seconds:
            return replace(self, walk=self.walk.heard_to_end())._prompt()
        portal = replace(self, walk=self.walk.at(Part.SOUND))
        return portal._say(Phase.MESSAGE, Stored(message.id), start=max(0.0, start))

    def _heard_part(self) -> Moved[Self]:
        """A part of the message is over: on to the next one."""
        match self.walk.part:
            case Part.HEAD:
                return self._sound(0.0)
            case Part.SOUND:
                return replace(self, walk=self.walk.heard_to_end())._prompt()
            case Part.MENU:
                return self, (Wait(self.limits.wait),)

    def _next(self, *first: Sound) -> Moved[Self]:
        """Leave the message for the next one."""
        portal, saves = self._left_message()
        portal, actions = replace(portal, walk=portal.walk.next())._begin_message(*first)
        return portal, (*saves, *actions)

    def _left_message(self) -> Moved[Self]:
        if self.phase is not Phase.MESSAGE:
            return self, ()
        walk, saves = self.walk.leave()
        return replace(self, walk=walk), saves

    def _leave(self, farewell: str, why: Why) -> Moved[Self]:
        portal, saves = self._left_message()
        portal, actions = replace(portal, why=why)._say(Phase.LEAVING, farewell)
        return portal, (*saves, *actions)
