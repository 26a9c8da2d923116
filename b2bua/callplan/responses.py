"""What a final response to an INVITE of ours means: the one table, which docs/response-codes.md prints.

A refusal is the carrier's word or the called person's. After the carrier's the next trunk may do better; after the
person's nobody else is asked. A trunk's settings may say otherwise of a code (`next_trunk_codes`, `final_codes`).
"""

from __future__ import annotations

from dataclasses import dataclass

from b2bua.callplan.causes import Cause
from b2bua.callplan.settings import Trunk


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one response code means."""

    why: str
    """What it says, in a few words."""
    next_trunk: bool = False
    """It is the carrier's word: another may do better."""
    cause: Cause = Cause.UNAVAILABLE
    """What becomes the cause of the call."""
    told: bool = True
    """The caller gets the same code; otherwise 480 where nobody answered, else 503."""
    outcome: str = "refused"
    """The word of the call log for a call that ended with this code."""


def _carrier(why: str, *, told: bool = False, outcome: str = "refused") -> Meaning:
    return Meaning(why, next_trunk=True, told=told, outcome=outcome)


def _busy(why: str) -> Meaning:
    return Meaning(why, cause=Cause.BUSY, outcome="busy")


_SILENT = Cause.NO_ANSWER
TABLE: dict[int, Meaning] = {
    300: _carrier("the carrier sends us elsewhere: a redirect by a trunk is never followed"),
    400: _carrier("it does not understand us"),
    401: _carrier("it does not take our password"),
    402: _carrier("our account is not paid"),
    403: _carrier("it will not carry this call, for this caller or to there", told=True),
    404: Meaning("nobody has this number", outcome="unknown"),
    407: _carrier("it does not take our password"),
    # Told on it would look as if we were silent ourselves (RFC 3261 §8.1.3.1).
    408: Meaning("the phone called cannot be reached", cause=_SILENT, told=False, outcome="no-answer"),
    410: Meaning("nobody has this number any more", outcome="unknown"),
    433: Meaning("the person called rejects anonymous calls"),
    480: Meaning("nobody is there", cause=_SILENT, outcome="no-answer"),
    482: Meaning("the call goes round in a circle", outcome="loop"),
    483: Meaning("the call goes round in a circle, or its way is too long", outcome="loop"),
    484: Meaning("the number is incomplete", outcome="unknown"),
    485: Meaning("the number means several people", outcome="unknown"),
    486: _busy("the line is busy"),
    487: Meaning("the attempt was ended there", cause=_SILENT, told=False, outcome="no-answer"),
    488: _carrier("it takes none of our codecs; RFC 3261 §21.4.26: another way may", told=True),
    500: _carrier("a fault of the carrier", outcome="unavailable"),
    503: _carrier("the carrier is overloaded, or has no free line", outcome="unavailable"),
    600: _busy("busy everywhere"),
    603: _busy("the person called declines"),
    604: Meaning("nobody has this number, anywhere", outcome="unknown"),
    606: _busy("the person called can take no such call"),
    607: _busy("the person called does not want this call (RFC 8197)"),
    608: _busy("the call was taken for unwanted on its way (RFC 8688)"),
}
"""A code that is not there means what the first of its hundred does (RFC 3261 §8.1.3.2)."""


def meaning(code: int) -> Meaning:
    """What a refusal means: a code from 300 to 699."""
    return TABLE.get(code) or TABLE[code // 100 * 100]


def asks_next(code: int, trunk: Trunk) -> bool:
    """Whether the next trunk is tried after this one said so."""
    if code in trunk.final_codes:
        return False
    return code in trunk.next_trunk_codes or meaning(code).next_trunk


def ends_search(code: int) -> bool:
    """Whether a device that says so speaks for all devices of its user: any 6xx (RFC 3261 §16.7 step 5)."""
    return code >= 600


def means_busy(code: int) -> bool:
    """Whether a device that says so makes the line busy, for one call (BEHAVIOUR N7)."""
    return code == 486 or ends_search(code)


def better(one: int | None, other: int | None) -> int | None:
    """Of what two trunks said of a call, what the caller is told: 6xx, else the lower class (RFC 3261 §16.7 step 6).

    Of one class it is what was said later. `None` stands for nothing that a caller is told.
    """
    if one is None or other is None:
        return other if one is None else one
    return min(other, one, key=lambda code: 0 if code >= 600 else code // 100)


def as_markdown() -> str:
    """docs/response-codes.md."""
    rows = []
    for code, each in TABLE.items():
        shown = f"{code}" if code % 100 else f"{code}, any other {code // 100}xx"
        whose = "carrier: next trunk" if each.next_trunk else "called person: final"
        told = "the same" if each.told else "480" if each.cause is Cause.NO_ANSWER else "503"
        cause = each.cause.name.lower().replace("_", " ")
        rows.append(f"| {shown} | {each.why} | {whose} | {cause} | {told} | {each.outcome} |")
    return _PAGE + "\n".join(rows) + "\n"


_PAGE = """\
# What a carrier's refusal means

<!-- Printed from b2bua/callplan/responses.py by `python -m scripts.write_docs` -->

A call that leaves by a trunk can be refused by the carrier or by the person called. If the carrier cannot, the next
trunk is tried. If the person called does not take the call, no other trunk is asked: the answer would be the same, or
a second phone would ring.

- Once a trunk has told us that it rings there, no other is tried, whatever follows.
- An emergency call is tried on every trunk, whatever a trunk says before it rings.
- A trunk that says nothing for `calls.trunk_silence` seconds is followed by the next one too.
- When no trunk is left, the caller gets the best of what was said: a 6xx, else the lower class (RFC 3261 §16.7).
- Carriers differ. `next_trunk_codes` of a [trunk](company-file.md) names codes by which this carrier says
  that it cannot: many send 404 for a destination without a route. `final_codes` names those that are the
  called person's word when they come from it: some send 503 for a busy line.

The column *caller* holds what the caller gets if this was the best answer. The column *then* holds the cause
with which a redirect goes on, and the last one the word of the call log for a call that ended with this code.

| Code | Says | Whose word | Then | Caller | Call log |
|---|---|---|---|---|---|
"""
