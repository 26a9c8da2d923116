"""A story as its folder tells it: what phones do in turn, and what must then be true.

`story.toml` holds the steps and the expectations, `company.toml` the users in the words of the company file,
and each `*.xml` one SIPp scenario; those that many stories use are in `sipp_scenarios/common`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

SCENARIOS = Path(__file__).parents[2] / "sipp_scenarios"
COMMON = SCENARIOS / "common"


@dataclass(frozen=True)
class Phone:
    """A phone of a story. Unless told otherwise its name is its SIP username.

    `tone` in Hz is what it sends, 0 silence. Behind NAT its messages name a `private` address that it does
    not have. With a `gateway` its sound has an address of its own, which says nothing before it hears something. Of
    what it sends and receives the share `loss` is dropped, chosen by `seed`. A `carrier` is what the trunks with its
    `address` lead to; it is performed at another address, which then stands in the company file.
    """

    name: str
    username: str
    tone: float = 0.0
    private: str = ""
    gateway: bool = False
    loss: float = 0.0
    seed: int = 0
    address: str = ""
    transport: str = "udp"
    carrier: bool = False


@dataclass(frozen=True)
class Step:
    """One thing a phone does, named by the key that it has in the file.

    `run` and `start` name a scenario, waited for or not; `finish` waits for the scenario's end; `waits_for`
    is how a message begins; `hears` waits for so many seconds of sound; `digits` are RFC 4733 events. `number` is
    whom a carrier shows as calling.
    """

    phone: str
    run: str = ""
    start: str = ""
    finish: bool = False
    waits_for: str = ""
    hears: float = 0.0
    digits: str = ""

    to: str = ""
    number: str = "441632960999"
    password: str = ""
    pause: float = 0.2
    calls: int = 1
    expires: int = 600
    meanwhile: str = "notify"
    count: int = 1
    rung: bool = True
    within: float = 15.0


@dataclass(frozen=True)
class Expect:
    """What must be true afterwards; each entry names the phone, user or mailbox it is about.

    `one_description` is the phones whose calls had one SDP answer, from the first provisional response on.
    """

    registered: dict[str, int] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    never: list[dict[str, Any]] = field(default_factory=list)
    one_description: list[str] = field(default_factory=list)
    sounds: list[dict[str, Any]] = field(default_factory=list)
    mailboxes: list[dict[str, Any]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """One folder of `sipp_scenarios`. `advertised` makes it a story of a service bound to the wildcard."""

    folder: Path
    title: str
    behaviour: tuple[str, ...]
    phones: dict[str, Phone]
    steps: tuple[Step, ...]
    expect: Expect
    advertised: str = ""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def company(self) -> str:
        """The company file."""
        return (self.folder / "company.toml").read_text()

    @property
    def trunked(self) -> bool:
        """Whether it has trunks: these are the whole platform's, so no other story may be performed meanwhile."""
        return any(phone.carrier for phone in self.phones.values())

    @property
    def quiet(self) -> bool:
        """Whether phrases are recognised in what a phone hears: on a busy machine some of them come broken."""
        return any("greeting" in sound for sound in self.expect.sounds)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """The password of every soft client, by username."""
        return {
            client["username"]: client["password"]
            for customer in tomllib.loads(self.company)["customers"]
            for user in customer["users"]
            for client in user.get("soft_clients", ())
        } | {
            trunk["username"]: trunk["password"]
            for trunk in tomllib.loads(self.company).get("trunks", ())
            if "password" in trunk
        }

    def scenario(self, name: str) -> Path:
        """A scenario of this story, or one that stories share."""
        own = self.folder / f"{name}.xml"
        return own if own.exists() else COMMON / f"{name}.xml"


def read_story(folder: Path) -> Story:
    """Read a story's folder. A key that nobody knows is a TypeError: a story never says what is not done."""
    told = tomllib.loads((folder / "story.toml").read_text())
    steps = tuple(Step(**step) for step in told.pop("steps"))
    described = told.pop("phones", {})
    phones = {
        name: Phone(**{"name": name, "username": name} | described.pop(name, {}))
        for name in dict.fromkeys(step.phone for step in steps)
    }
    if described:
        raise ValueError(f"{folder.name} describes phones without a step: {', '.join(described)}")
    expect = Expect(**told.pop("expect", {}))
    return Story(
        folder, behaviour=tuple(told.pop("behaviour")), phones=phones, steps=steps, expect=expect, **told
    )


def all_stories() -> list[Story]:
    """Every story, by name."""
    return [read_story(file.parent) for file in sorted(SCENARIOS.glob("*/story.toml"))]
