"""Reading the company file: TOML in, checked entries out, or every problem with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company import values
from provisioning.company.entries import CustomerEntry, TrunkEntry, UserEntry
from provisioning.company.hours import MIDNIGHT, WEEKDAYS
from provisioning.company.numbers import parse_e164
from provisioning.company.parts import (
    ACTIONS,
    BUSY,
    NOT_ANSWERED,
    OUT_OF_HOURS,
    DeskPhone,
    SoftClient,
    TreatmentEntry,
)
from provisioning.company.problems import Place, Problem
from provisioning.company.rules import check, in_file, trunks_in_file
from provisioning.company.switches import Switches
from provisioning.file.refusal import CompanyFileError
from provisioning.file.toml_lines import key_lines
from provisioning.file.toml_table import Table

Part = TypeVar("Part", SoftClient, DeskPhone)

MAX_VERSION = 2**63 - 1
_SYNTAX_ERROR = re.compile(r"(.*) \(at line (\d+), column \d+\)", re.DOTALL)
_AT_END = re.compile(r"(.*) \(at end of document\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CompanyFile:
    """A company file whose every value and rule that can be judged without the database is sound.

    `blocked_numbers` is `None` where the file leaves those of the platform as they are.
    """

    source: str
    customers: tuple[CustomerEntry, ...]
    trunks: tuple[TrunkEntry, ...]
    lines: Mapping[Place, int] = field(repr=False, compare=False)
    blocked_numbers: tuple[str, ...] | None = None
    switches: Switches | None = None
    """The partner's switches; None where the file leaves them as they are."""
    as_of: int = 0
    """The settings_version that it was exported at; 0 if it was not."""
    former: Mapping[Place, str] = field(default_factory=dict)
    """What a customer, user or trunk is known by in the database, by its place, where the file says so."""


def read_company_file(path: Path, codes: Codes = USUAL) -> CompanyFile:
    """Read and check the file at `path`. Raises CompanyFileError, and OSError where it cannot be read."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CompanyFileError(str(path), {(): line}, [Problem((), "file.utf8")]) from None
    return parse_company_file(text, str(path), codes)


def parse_company_file(text: str, source: str = "company file", codes: Codes = USUAL) -> CompanyFile:
    """Read and check a company file's text; `source` names it in errors. Raises CompanyFileError.

    `codes` are the platform's own, which are nobody's extension and no target of a redirect.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, source) from None
    lines = key_lines(text)
    problems: list[Problem] = []
    top = Table(document, (), problems)
    blocked = top.each("blocked_numbers", values.checked(parse_e164))
    as_of = top.read("as_of", values.whole(0, MAX_VERSION), 0)
    reading = Reading(codes)
    customers = tuple(reading.customer(table) for table in top.tables("customers"))
    trunks = tuple(reading.trunk(table) for table in top.tables("trunks"))
    switches = reading.switches(top.table("permissions"))
    top.finish()
    doubtful = {problem.place for problem in problems}
    problems += (
        broken
        for broken in check(in_file(customers), trunks_in_file(trunks), blocked=frozenset(blocked))
        if doubtful.isdisjoint({broken.place, (*broken.place[:-1], "action")})
    )
    if problems:
        raise CompanyFileError(source, lines, problems)
    numbers = blocked if "blocked_numbers" in document else None
    permissions = switches if top.has("permissions") else None
    return CompanyFile(source, customers, trunks, lines, numbers, permissions, as_of, reading.former)


def _syntax_error(told: str, text: str, source: str) -> CompanyFileError:
    line = text.count("\n") + 1
    if found := _SYNTAX_ERROR.fullmatch(told):
        told, line = found[1], int(found[2])
    elif ended := _AT_END.fullmatch(told):
        told = f"{ended[1]} at the end of the file"
    return CompanyFileError(source, {(): line}, [Problem((), "file.toml", {"told": told})])


class Reading:
    """Reads the tables of one file; `former` are the former names that it gives, by place."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.former: dict[Place, str] = {}

    def customer(self, table: Table) -> CustomerEntry:
        """A customer with its users."""
        settings = table.settings(CustomerEntry, self.codes)
        entry = CustomerEntry(**settings, users=tuple(map(self.user, table.tables("users"))))
        self._was(table, values.text)
        table.finish()
        return entry

    def switches(self, table: Table) -> Switches:
        """What the partner lets others change."""
        switches = Switches(**table.settings(Switches, self.codes))
        table.finish()
        return switches

    def trunk(self, table: Table) -> TrunkEntry:
        """A trunk."""
        entry = TrunkEntry(**table.settings(TrunkEntry, self.codes))
        self._was(table, values.text)
        table.finish()
        return entry

    def user(self, table: Table) -> UserEntry:
        """A user."""
        settings = table.settings(UserEntry, self.codes, "out_of_hours_enabled")
        if not table.has("default_number"):
            settings["default_number"] = next(iter(settings["numbers"]), None)
        notify, out_of_hours = table.table("notify"), table.table("out_of_hours")
        entry = UserEntry(
            **settings,
            notify=Notify(
                missed_call=notify.read("missed_call", values.flag, False),
                voicemail=notify.read("voicemail", values.flag, False),
            ),
            not_answered=self._treatment("not_answered", table.table("not_answered"), NOT_ANSWERED),
            busy=self._treatment("busy", table.table("busy"), BUSY),
            out_of_hours_enabled=out_of_hours.read("enabled", values.flag, False),
            unavailable=tuple(
                span for day, name in enumerate(WEEKDAYS) for span in _day(out_of_hours, day, name)
            ),
            out_of_hours=self._treatment("out_of_hours", out_of_hours, OUT_OF_HOURS),
            soft_clients=tuple(self._whole(SoftClient, each) for each in table.tables("soft_clients")),
            desk_phones=tuple(self._whole(DeskPhone, each) for each in table.tables("desk_phones")),
        )
        self._was(table, values.checked(values.user))
        notify.finish()
        table.finish()
        return entry

    def _treatment(self, occasion: str, table: Table, default: TreatmentEntry) -> TreatmentEntry:
        """The treatment of one occasion: `default` says what left-out keys mean."""
        action = table.read("action", values.choice(*ACTIONS[occasion]), str(default.action))
        never = () if occasion != "out_of_hours" else ("always",)
        settings = table.settings(TreatmentEntry, self.codes, *never, default=default)
        table.finish()
        return TreatmentEntry(Action(action), **settings)

    def _whole(self, kind: type[Part], table: Table) -> Part:
        """What is made of plain settings alone."""
        settings = table.settings(kind, self.codes)
        table.finish()
        return kind(**settings)

    def _was(self, table: Table, parse: Callable[[object], str]) -> None:
        """The name under which the database knows what the table describes, if that is another one."""
        if former := table.read("was", parse, None):
            self.former[table.place] = former


def _day(table: Table, weekday: int, name: str) -> tuple[Interval, ...]:
    """One day of the week: a word, or the spans in which the user is unavailable (BEHAVIOUR O1)."""
    value = table.read(name, values.day, "available")
    if value == "available":
        return ()
    if value == "unavailable":
        return (Interval(weekday, MIDNIGHT, MIDNIGHT),)
    return tuple(Interval(weekday, *span) for span in dict.fromkeys(table.each(name, values.clock_span)))
