"""Wrong passwords by where they came from: answers are held back longer and longer, then there are none (pure)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

LONGEST_PAUSE = 32.0  # seconds
MAX_SOURCES = 10_000


@dataclass(frozen=True, slots=True)
class BackOff:
    """What one source may do: `failures` within `window` seconds end in silence, from half of them on in pauses.

    The first silence lasts `silence` seconds, each further one twice as long, up to `longest`.
    """

    failures: int = 10
    window: float = 60.0
    silence: float = 60.0
    longest: float = 3600.0


@dataclass(slots=True)
class _Entry:
    since: float  # when the window began
    count: int = 0  # failures in it
    pause_until: float = 0.0
    silent_until: float = 0.0
    silences: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A source that is not heard for so many seconds, after so many failures."""

    seconds: float
    failures: int


class Failures:
    """The book of failures. A source is whatever text names it; every `now` is in monotonic seconds.

    Only a wrong password or an unknown user is a failure; no credentials and an old nonce are none. What was
    silent is remembered for `longest` seconds more, and of many sources only the latest.
    """

    def __init__(self, back_off: BackOff, most: int = MAX_SOURCES) -> None:
        self._back_off = back_off
        self._most = most
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def silent(self, source: str, now: float) -> bool:
        """Whether nothing from this source is heard at the moment."""
        entry = self._entries.get(source)
        return entry is not None and entry.silent_until > now

    def pause(self, source: str, now: float) -> float:
        """How many seconds credentials from this source are still left unchecked; 0 where they are checked."""
        entry = self._entries.get(source)
        return 0.0 if entry is None else max(entry.pause_until - now, 0.0)

    def failed(self, source: str, now: float, *, silence: bool = True, grows: bool = True) -> Blocked | None:
        """Note a failure, and return the silence that begins with it, if one does.

        `silence`: whether this source may be silenced at all, or only has to pause. `grows`: whether it is
        silenced for longer each time.
        """
        back_off = self._back_off
        entry = self._entries.get(source)
        if entry is None or self._forgiven(entry, now):
            entry = self._entries[source] = _Entry(now)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)
        elif now - entry.since > back_off.window:
            entry.since, entry.count = now, 0
        self._entries.move_to_end(source)
        # The first is the one that failed longest ago; whoever failed just now is not forgiven.
        while self._forgiven(self._entries[first := next(iter(self._entries))], now):
            del self._entries[first]
        entry.count += 1
        held_back = entry.count - max(back_off.failures // 2, 1)
        if held_back >= 0:
            entry.pause_until = now + min(2.0**held_back, LONGEST_PAUSE)
        if not silence or entry.count < back_off.failures:
            return None
        seconds = min(back_off.silence * 2**entry.silences, back_off.longest) if grows else back_off.silence
        blocked = Blocked(seconds, entry.count)
        entry.silences = min(entry.silences + 1, 32)
        entry.silent_until = entry.since = now + seconds
        entry.count = 0
        entry.pause_until = 0.0
        return blocked

    def _forgiven(self, entry: _Entry, now: float) -> bool:
        quiet = self._back_off.longest if entry.silences else self._back_off.window
        return now - max(entry.since, entry.silent_until, entry.pause_until) > quiet
