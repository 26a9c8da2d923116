"""The portal's menu as data: what each key does wherever the caller is, and what is said there (W5).

    arriving --> pin --> checking --> opening --> main --1, 2--> opening --> message (one after the other)
                                                       --3--> greetings --> greeting --> instruction --> beep -->
                                                              recording --> closing --> review --> changing
                                                       --4--> new PIN --> repeat PIN --> setting
    from everywhere --> leaving --> left

`media.scripts.portal` carries this table out. A key that it does not list is answered with *not-possible* where
there is a prompt, and ignored where there is none. Keys that come on the way to a prompt (`AHEAD`) are kept for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from media.owners import PinProblem


class Phase(StrEnum):
    """Where the caller is."""

    ARRIVING = "arriving"
    PIN = "pin"
    CHECKING = "checking"
    OPENING = "opening"
    MAIN = "main"
    MESSAGE = "message"
    GREETINGS = "greetings"
    GREETING = "greeting"
    INSTRUCTION = "instruction"
    BEEP = "beep"
    RECORDING = "recording"
    CLOSING = "closing"
    REVIEW = "review"
    CHANGING = "changing"
    NEW_PIN = "new-pin"
    REPEAT_PIN = "repeat-pin"
    SETTING = "setting"
    LEAVING = "leaving"
    LEFT = "left"


class Do(StrEnum):
    """What a key does."""

    GO = "go"
    TYPE = "type"
    CLEAR = "clear"
    SUBMIT = "submit"
    NEW_MESSAGES = "new messages"
    SAVED_MESSAGES = "saved messages"
    LEAVE = "leave"
    REPEAT = "repeat"
    SAVE = "save"
    DELETE = "delete"
    RESTORE = "restore"
    BACK = "back"
    FORWARD = "forward"
    SKIP = "skip"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    OUT_OF_HOURS = "out-of-hours"
    HEAR = "hear"
    STANDARD = "standard"
    STOP = "stop"
    HEAR_NEW = "hear new"
    USE = "use"


class Key(NamedTuple):
    """One line of the table: where the caller is, the keys, what they do, and where that leads."""

    phase: Phase
    keys: str
    do: Do
    then: Phase


DIGITS = "0123456789"

# fmt: off
TABLE = (
    #   Where               Key     Does                Leads to
    Key(Phase.PIN,          DIGITS, Do.TYPE,            Phase.PIN),         # the sixth submits
    Key(Phase.PIN,          "#",    Do.SUBMIT,          Phase.CHECKING),
    Key(Phase.PIN,          "*",    Do.CLEAR,           Phase.PIN),

    Key(Phase.MAIN,         "1",    Do.NEW_MESSAGES,    Phase.OPENING),
    Key(Phase.MAIN,         "2",    Do.SAVED_MESSAGES,  Phase.OPENING),
    Key(Phase.MAIN,         "3",    Do.GO,              Phase.GREETINGS),
    Key(Phase.MAIN,         "4",    Do.GO,              Phase.NEW_PIN),
    Key(Phase.MAIN,         "5",    Do.RESTORE,         Phase.MAIN),        # one deleted before
    Key(Phase.MAIN,         "*",    Do.GO,              Phase.MAIN),
    Key(Phase.MAIN,         "#",    Do.LEAVE,           Phase.LEAVING),

    Key(Phase.MESSAGE,      "1",    Do.REPEAT,          Phase.MESSAGE),
    Key(Phase.MESSAGE,      "2",    Do.SAVE,            Phase.MESSAGE),     # the next; after the last: main
    Key(Phase.MESSAGE,      "3",    Do.DELETE,          Phase.MESSAGE),     # the next; after the last: main
    Key(Phase.MESSAGE,      "4",    Do.BACK,            Phase.MESSAGE),
    Key(Phase.MESSAGE,      "5",    Do.RESTORE,         Phase.MESSAGE),     # the one restored
    Key(Phase.MESSAGE,      "6",    Do.FORWARD,         Phase.MESSAGE),
    Key(Phase.MESSAGE,      "#",    Do.SKIP,            Phase.MESSAGE),     # the next; after the last: main
    Key(Phase.MESSAGE,      "*",    Do.GO,              Phase.MAIN),

    Key(Phase.GREETINGS,    "1",    Do.NO_ANSWER,       Phase.GREETING),
    Key(Phase.GREETINGS,    "2",    Do.BUSY,            Phase.GREETING),
    Key(Phase.GREETINGS,    "3",    Do.OUT_OF_HOURS,    Phase.GREETING),
    Key(Phase.GREETINGS,    "*",    Do.GO,              Phase.MAIN),

    Key(Phase.GREETING,     "1",    Do.HEAR,            Phase.GREETING),
    Key(Phase.GREETING,     "2",    Do.GO,              Phase.INSTRUCTION),
    Key(Phase.GREETING,     "3",    Do.STANDARD,        Phase.CHANGING),
    Key(Phase.GREETING,     "*",    Do.GO,              Phase.GREETINGS),

    Key(Phase.INSTRUCTION,  "#",    Do.GO,              Phase.BEEP),
    Key(Phase.INSTRUCTION,  "*",    Do.GO,              Phase.GREETING),
    Key(Phase.RECORDING,    "#",    Do.STOP,            Phase.CLOSING),

    Key(Phase.REVIEW,       "1",    Do.USE,             Phase.CHANGING),
    Key(Phase.REVIEW,       "2",    Do.HEAR_NEW,        Phase.REVIEW),
    Key(Phase.REVIEW,       "3",    Do.GO,              Phase.INSTRUCTION),
    Key(Phase.REVIEW,       "*",    Do.GO,              Phase.GREETING),

    Key(Phase.NEW_PIN,      DIGITS, Do.TYPE,            Phase.NEW_PIN),     # the sixth submits
    Key(Phase.NEW_PIN,      "#",    Do.SUBMIT,          Phase.REPEAT_PIN),
    Key(Phase.NEW_PIN,      "*",    Do.GO,              Phase.MAIN),
    Key(Phase.REPEAT_PIN,   DIGITS, Do.TYPE,            Phase.REPEAT_PIN),  # the sixth submits
    Key(Phase.REPEAT_PIN,   "#",    Do.SUBMIT,          Phase.SETTING),
    Key(Phase.REPEAT_PIN,   "*",    Do.GO,              Phase.MAIN),
)
# fmt: on

KEYS = {(line.phase, key): line for line in TABLE for key in line.keys}

PROMPTS = {
    Phase.PIN: "enter-pin",
    Phase.MAIN: "main-menu",
    Phase.MESSAGE: "message-menu",
    Phase.GREETINGS: "greetings-menu",
    Phase.GREETING: "greeting-menu",
    Phase.REVIEW: "greeting-review",
    Phase.NEW_PIN: "new-pin",
    Phase.REPEAT_PIN: "repeat-pin",
}
"""What is said where a key is waited for; said again as help when none comes."""

AHEAD = frozenset({Phase.ARRIVING, Phase.CHECKING, Phase.OPENING})
"""Where keys are kept for the prompt to come: phones that dial a PIN by themselves do not listen first."""
AHEAD_KEYS = 20
"""So many are kept."""

REFUSALS = {
    PinProblem.LENGTH: "pin-length",
    PinProblem.SAME_DIGIT: "pin-too-simple",
    PinProblem.RUN: "pin-too-simple",
    PinProblem.OWN_NUMBER: "pin-own-number",
}
"""Why a new PIN is refused (W3)."""

TRIES = 3
"""PINs that one call may try (W4), wrong lengths included; and new ones that it may propose."""
HELPS = 3
"""The so-manyth silence in a row ends the call."""
JUMP_SECONDS = 5.0


class PortalLimits(NamedTuple):
    """Times in seconds: how long a key is waited for, and the next digit of a PIN; what ends a greeting's recording."""

    wait: float = 6.0
    wait_digit: float = 10.0
    greeting_seconds: float = 120.0
    greeting_silence: float = 10.0
    greeting_min_seconds: float = 1.0
