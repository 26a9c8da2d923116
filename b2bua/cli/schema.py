"""What the commands print with `--json`, as types; docs/json.md is printed from them.

`python -m scripts.write_docs` does it. A key is never removed or given another meaning within a major
version; new keys may come. Times are ISO 8601 with their offset from UTC; durations are seconds.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from b2bua.callplan.settings import TransportName
from media.message import Occasion


class Shape(BaseModel):
    """A JSON object with exactly these keys, each always there; null where there is nothing to say."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def said(meaning: str) -> Any:
    """A key with its meaning for the page."""
    return Field(description=meaning)


class LiveCall(Shape):
    """A call in progress."""

    call_id: str = said("the Call-ID of the caller's leg")
    state: str = said("what it is doing: ringing, answered, recording, portal, …")
    from_: str | None = Field(alias="from", description="the caller's number or extension; null if withheld")
    to: str = said("what was dialled")
    since: float = said("seconds since it began")


class Party(Shape):
    """A side of a finished call."""

    email: str | None = said("the user, if it was one of ours and was not deleted since")
    number: str | None = said("the number or extension; null if withheld or unknown")
    name: str | None = said("the name; null if withheld or unknown")


class Call(Shape):
    """A finished call, in short."""

    call_id: str = said("the Call-ID of the caller's leg")
    started_at: datetime = said("when the INVITE came")
    answered_at: datetime | None = said(
        "when it was answered, by a person, by voicemail or by the voice portal"
    )
    ended_at: datetime = said("when it ended")
    caller: Party = said("who called")
    withheld: bool = said("whether the caller withheld the number")
    dialled: str = said("what was dialled")
    called: str | None = said("the e-mail of the called user")
    rule: str = said("the rule that decided (docs/behaviour.md, R)")
    outcome: str = said("answered, voicemail, portal, busy, no-answer, cancelled, …")
    code: int | None = said("the SIP status that the caller got")
    hung_up_by: str | None = said("caller, callee, or null")


class Calls(Shape):
    """`ringplan calls --json`."""

    live: list[LiveCall] | None = said("calls in progress; null if the service is not running")
    calls: list[Call] = said("finished calls, newest first")


class LadderEntry(Shape):
    """A SIP message of a call."""

    time: datetime = said("when it was received or sent")
    direction: Literal["in", "out"] = said("seen from Ringplan")
    leg: str = said("which leg: `a` is the caller's")
    peer: str = said("the other side, ip:port")
    first_line: str = said("the request line or status line")
    headers: dict[str, str] = said("key headers, by name as they were written")


class Recording(Shape):
    """A voice message that a call left."""

    message: str = said("its id")
    path: str = said("the WAV file")
    seconds: float = said("its length")
    dbfs: float | None = said("its loudness, RMS in dB of full scale; null for silence")


class CallDetail(Shape):
    """`ringplan call ID --json`."""

    call: Call = said("the call in short")
    legs: list[str] = said("the Call-IDs of the legs that Ringplan made")
    explanation: list[str] = said("what was to happen, then what each step came to, in sentences")
    plan: dict[str, Any] = said("the call plan: `rule`, `considered` and `steps`, as in `explain`")
    steps: list[dict[str, Any]] = said("the steps that were tried, with their results")
    rtp: dict[str, Any] = said("figures of the sound")
    ladder: list[LadderEntry] = said("the messages in order; empty if `trace.enabled` was off")
    recording: Recording | None = said("the voice message, if one was left and is still there")


class Considered(Shape):
    """A rule that was looked at."""

    rule: str = said("its name")
    applies: bool = said("whether it decided the call")
    why: str = said("the reason in words")


class Explanation(Shape):
    """`ringplan explain --json`."""

    dialled: str = said("--to")
    from_: str | None = Field(alias="from", description="--from, or null for a caller without a number")
    at: datetime = said("the moment that was asked about")
    user: str | None = said(
        "the e-mail of the user who would be called, or the extension without one, or null"
    )
    explanation: str = said("what would happen, in sentences")
    rule: str = said("the rule that decides")
    considered: list[Considered] = said("every rule that was looked at, in order")
    steps: list[dict[str, Any]] = said(
        "the call plan: `do`, `user`, `number`, `seconds`, `on`, `options`, and `plan` of the user it goes on to"
    )


class Registration(Shape):
    """A registered device."""

    user: str | None = said("the user's e-mail, or the extension without one")
    username: str = said("the SIP username")
    contact: str = said("the URI it wants to be reached at")
    source: str = said("where its registration came from, ip:port")
    user_agent: str | None = said("what it calls itself")
    expires_in: float = said("seconds until its registration ends")


class Registrations(Shape):
    """`ringplan registrations --json`."""

    registrations: list[Registration] = said("all live bindings")


class Identity(Shape):
    """`ringplan identity --json`."""

    username: str = said("the SIP username")
    number: str | None = said("what people see who are called by this client, unless it is withheld")
    picked: bool = said("whether the user picked it for as long as the client is registered")
    numbers: list[str] = said("the user's own numbers")


class TrunkAddress(Shape):
    """An address of a trunk."""

    address: str = said("ip:port")
    state: Literal["up", "suspect", "down"] = said("as the trunk's")


class TrunkState(Shape):
    """A trunk as it fares."""

    name: str = said("its name in the company file")
    host: str = said("its host in the company file")
    transport: TransportName = said("how it is reached")
    state: Literal["up", "suspect", "down"] = said(
        "its best address: answers; a call met silence there; does not answer, or there is none"
    )
    addresses: list[TrunkAddress] = said("in the order in which calls try them when all are up")
    register_: bool = Field(alias="register", description="whether Ringplan is to register there")
    registered_for: float | None = said("seconds until its registration ends; null if there is none")
    problem: str | None = said("what is wrong with its name or its registration, or null")


class Trunks(Shape):
    """`ringplan trunks --json`."""

    trunks: list[TrunkState] = said("all trunks, in their order")


class VoiceMessage(Shape):
    """A message in a mailbox."""

    user: str | None = said("the mailbox's user, by the shortest name that is nobody else's; null if deleted")
    mailbox: int = said("the mailbox's number")
    message: str = said("its id; ids sort by time")
    state: Literal["new", "saved"] = said("not heard yet, or kept")
    received: datetime = said("when it was left")
    number: str | None = said("the caller's number; null if withheld or unknown")
    name: str | None = said("the caller's name; null if withheld or unknown")
    withheld: bool = said("whether the caller withheld the number")
    occasion: str = said("why the caller came to voicemail: no-answer, busy, out-of-hours")
    seconds: float = said("its length")
    incomplete: bool = said("whether a full disk cut it off")
    call_id: str = said("the call that left it")
    path: str = said("the WAV file")


class VoiceMessages(Shape):
    """`ringplan voicemail list --json`."""

    messages: list[VoiceMessage] = said("oldest first in each mailbox")


class Greeting(Shape):
    """A user's own greeting."""

    user: str | None = said("the user, by the shortest name that is nobody else's; null if deleted")
    mailbox: int = said("the mailbox's number")
    occasion: Occasion = said("when callers hear it")
    seconds: float = said("its length")
    set_at: datetime = said("when it was set")
    path: str = said("the WAV file")


class GreetingList(Shape):
    """`ringplan greeting list --json`."""

    greetings: list[Greeting] = said("by mailbox; for other occasions callers hear the system's greeting")


ROOTS = (Calls, CallDetail, Explanation, GreetingList, Identity, Registrations, Trunks, VoiceMessages)
PARTS = (
    LiveCall,
    Call,
    Party,
    LadderEntry,
    Recording,
    Considered,
    Greeting,
    Registration,
    TrunkState,
    TrunkAddress,
    VoiceMessage,
)


def as_markdown() -> str:
    """docs/json.md."""
    lines = [
        "# JSON of the commands",
        "",
        "<!-- Printed from b2bua/cli/schema.py by `python -m scripts.write_docs` -->",
        "",
        "With `--json` a command prints one JSON object with exactly the keys shown here. Times are ISO 8601",
        "with their offset from UTC, durations are seconds. A key keeps its meaning; new ones may be added.",
    ]
    for shape in (*ROOTS, *PARTS):
        heading = (shape.__doc__ or "").rstrip(".")
        title = heading if shape in ROOTS else f"{shape.__name__}: {heading[0].lower()}{heading[1:]}"
        lines += ["", f"## {title}", "", "| Key | Type | Meaning |", "|---|---|---|"]
        for name, field in shape.model_fields.items():
            lines.append(
                f"| `{field.alias or name}` | {type_words(field.annotation)} | {field.description} |"
            )
    return "\n".join(lines) + "\n"


WORDS = (
    (r"\bb2bua\.cli\.schema\.", ""),
    (r"\bdatetime(\.datetime)?\b", "time"),
    (r"\b(typing\.)?Literal\b", "one of "),
    (r"\bdict\[str, (typing\.)?Any\]", "object"),
    (r"\bdict\[str, str\]", "object of texts"),
    (r"\bstr\b", "text"),
    (r"\bint\b", "whole number"),
    (r"\bfloat\b", "number"),
    (r"\bbool\b", "true or false"),
    (r"\blist\[(.*)\]", r"list of \1"),
    (r" \| None", " or null"),
)


def type_words(annotation: Any) -> str:
    """A type as a reader of JSON knows it."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return f"one of {[member.value for member in annotation]}"
    plain = isinstance(annotation, type) and not get_args(annotation)
    words = annotation.__name__ if plain else str(annotation)
    for pattern, text in WORDS:
        words = re.sub(pattern, text, words)
    return words
