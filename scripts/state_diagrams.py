"""docs/state-machines.md: every state machine as a picture, drawn from the table that the program runs.

The pictures are Mermaid state diagrams: code hosts draw them, and they can be read as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple, TypeVar

from b2bua.sip.dialogs import subscription
from b2bua.sip.transactions import transaction
from b2bua.trunks import registration
from media.scripts import menu

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)
A = TypeVar("A", bound=Enum)

INTRODUCTION = """\
# State machines

<!-- Printed from the tables in the code by `python -m scripts.write_docs` -->

A state machine is a table in one file, and one object carries it out. An arrow says what happens, and behind the
slash what is then done. What has no arrow in a state changes nothing there.
"""


class Arrow(NamedTuple):
    """One arrow: from a state to a state, and what is written on it."""

    source: str
    target: str
    label: str


class Machine(NamedTuple):
    """One machine as a page shows it. `first` names the state in which it begins, `ends` those without a way on."""

    title: str
    source: str
    about: str
    first: str
    arrows: tuple[Arrow, ...]
    ends: tuple[str, ...]


def state_name(state: Enum) -> str:
    """Return a state as the picture names it: `TELLING` is `Telling`. Mermaid takes no blank in a name."""
    return state.name.title().replace("_", "")


def words(member: Enum) -> str:
    """Return an event or action as the picture names it: `TIMED_OUT` is `timed out`."""
    return member.name.lower().replace("_", " ")


def arrows_of(table: Mapping[tuple[S, E], tuple[S, A | tuple[A, ...]]]) -> tuple[Arrow, ...]:
    """Return the arrows of a table of (state, event) to (next state, action or actions)."""
    found = []
    for (state, event), (target, done) in table.items():
        actions = done if isinstance(done, tuple) else (done,)
        doing = ", ".join(words(action) for action in actions if action.name != "NOTHING")
        label = words(event) + (f" / {doing}" if doing else "")
        found.append(Arrow(state_name(state), state_name(target), label))
    return tuple(found)


def machine_of(
    title: str,
    source: str,
    about: str,
    first: S,
    table: Mapping[tuple[S, E], tuple[S, A | tuple[A, ...]]],
) -> Machine:
    """Return the machine of such a table. It ends in the states that nothing leads out of."""
    arrows = arrows_of(table)
    sources = {arrow.source for arrow in arrows}
    ends = sorted({arrow.target for arrow in arrows} - sources)
    return Machine(title, source, about, state_name(first), arrows, tuple(ends))


def _transactions() -> Iterable[Machine]:
    about = {
        transaction.Kind.INVITE_CLIENT: "An INVITE that we send (RFC 3261 §17.1.1, RFC 6026 §7.2).",
        transaction.Kind.CLIENT: "Any other request that we send (RFC 3261 §17.1.2).",
        transaction.Kind.INVITE_SERVER: "An INVITE that we answer (RFC 3261 §17.2.1, RFC 6026 §7.1).",
        transaction.Kind.SERVER: "Any other request that we answer (RFC 3261 §17.2.2).",
    }
    titles = {
        transaction.Kind.INVITE_CLIENT: "INVITE client transaction",
        transaction.Kind.CLIENT: "Non-INVITE client transaction",
        transaction.Kind.INVITE_SERVER: "INVITE server transaction",
        transaction.Kind.SERVER: "Non-INVITE server transaction",
    }
    for kind, table in transaction.TABLES.items():
        yield machine_of(
            titles[kind],
            "b2bua/sip/transactions/transaction.py",
            about[kind],
            transaction.FIRST[kind],
            table,
        )


def _portal() -> Machine:
    """The menu has keys in place of events. Keys that lead the same way share an arrow."""
    shared: dict[tuple[str, str, str], list[str]] = {}
    for key in menu.TABLE:
        place = state_name(key.phase), state_name(key.then), key.do.value
        shared.setdefault(place, []).append("digit" if key.keys == menu.DIGITS else key.keys)
    arrows = tuple(
        Arrow(source, target, f"{', '.join(keys)} / {done}")
        for (source, target, done), keys in shared.items()
    )
    return Machine(
        "Voice portal",
        "media/scripts/menu.py",
        "What a key does (behaviour W5). Between two of these places something is played, looked up or written.",
        state_name(menu.Phase.PIN),
        arrows,
        (state_name(menu.Phase.LEAVING),),
    )


def machines() -> tuple[Machine, ...]:
    """Return all machines, in the order of the page."""
    return (
        *_transactions(),
        machine_of(
            "Subscription",
            "b2bua/sip/dialogs/subscription.py",
            "How much a subscriber knows of a mailbox (RFC 6665, the notifier's side).",
            subscription.State.TELLING,
            subscription.TABLE,
        ),
        machine_of(
            "Registration at a carrier",
            "b2bua/trunks/registration.py",
            "A trunk that registers (RFC 3261 §10.2).",
            registration.Phase.WAITING,
            registration.TABLE,
        ),
        _portal(),
    )


def picture(machine: Machine) -> str:
    """Return one machine as a Mermaid diagram in a fenced block."""
    lines = ["stateDiagram-v2", f"    [*] --> {machine.first}"]
    lines += [f"    {arrow.source} --> {arrow.target}: {arrow.label}" for arrow in machine.arrows]
    lines += [f"    {end} --> [*]" for end in machine.ends]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def as_markdown() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    parts += [
        f"\n## {machine.title}\n\n{machine.about} `{machine.source}`\n\n{picture(machine)}"
        for machine in machines()
    ]
    return "".join(parts)
