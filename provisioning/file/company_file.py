"""Reading the company file: TOML in, checked entries out, or every problem with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from functools import partial
from pathlib import Path

from b2bua.callplan.classes import CLASSES
from b2bua.callplan.codes import USUAL, Codes
from b2bua.callplan.settings import Action, Interval, Notify
from provisioning.company import values
from provisioning.company.entries import (
    BUSY,
    DEFAULT_CLASSES,
    NOT_ANSWERED,
    OUT_OF_HOURS,
    CustomerEntry,
    DeskPhone,
    SoftClient,
    TreatmentEntry,
    TrunkEntry,
    UserEntry,
)
from provisioning.company.mac_address import parse_mac
from provisioning.company.numbers import parse_e164, parse_extension, parse_target
from provisioning.company.rules import check, in_file
from provisioning.file.toml_lines import KeyPath, key_lines, line_of
from provisioning.file.toml_table import Problem, Table

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SYNTAX_ERROR = re.compile(r"(.*) \(at line (\d+), column \d+\)", re.DOTALL)
_NAT = values.choice("auto", "always", "never")
_AT_END = re.compile(r"(.*) \(at end of document\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CompanyFile:
    """A company file whose every value and rule that can be judged without the database is sound.

    `blocked_numbers` is `None` where the file leaves those of the platform as they are.
    """

    source: str
    customers: tuple[CustomerEntry, ...]
    trunks: tuple[TrunkEntry, ...]
    lines: Mapping[KeyPath, int] = field(repr=False, compare=False)
    blocked_numbers: tuple[str, ...] | None = None

    def customer_names(self) -> set[str]:
        """The names of its customers, case-folded, as they are told apart."""
        return {customer.name.casefold() for customer in self.customers}


class CompanyFileError(ValueError):
    """A company file that cannot be applied; the text has a line a problem: `FILE:LINE: key: sentence`."""

    def __init__(self, source: str, lines: Mapping[KeyPath, int], problems: Iterable[Problem]) -> None:
        told = dict.fromkeys((line_of(lines, problem.path), _told(problem)) for problem in problems)
        self.problems = tuple(
            f"{source}:{line}: {sentence}" for line, sentence in sorted(told, key=lambda each: each[0])
        )
        super().__init__("\n".join(self.problems))


def read_company_file(path: Path, codes: Codes = USUAL) -> CompanyFile:
    """Read and check the file at `path`. Raises CompanyFileError, and OSError where it cannot be read."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise CompanyFileError(str(path), {(): line}, [Problem((), "must be UTF-8 text")]) from None
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
    customers = tuple(_customer(table, codes) for table in top.tables("customers"))
    trunks = tuple(_trunk(table) for table in top.tables("trunks"))
    top.finish()
    doubtful = {problem.path for problem in problems}
    problems += (
        broken
        for broken in check(in_file(customers), trunks, blocked=frozenset(blocked))
        if doubtful.isdisjoint({broken.path, (*broken.path[:-1], "action")})
    )
    if problems:
        raise CompanyFileError(source, lines, problems)
    return CompanyFile(source, customers, trunks, lines, blocked if "blocked_numbers" in document else None)


def _syntax_error(told: str, text: str, source: str) -> CompanyFileError:
    line = text.count("\n") + 1
    if found := _SYNTAX_ERROR.fullmatch(told):
        told, line = found[1], int(found[2])
    elif ended := _AT_END.fullmatch(told):
        told = f"{ended[1]} at the end of the file"
    return CompanyFileError(source, {(): line}, [Problem((), f"this is not valid TOML: {told}")])


def _told(problem: Problem) -> str:
    """`not_answered.after: must be …`: the path from the customer, user or trunk that it is in."""
    parts: list[str] = []
    for part in problem.path:
        if isinstance(part, str):
            parts.append(part)
        elif parts and parts[-1] in ("customers", "users", "trunks"):
            parts.clear()
    key = ".".join(parts)
    return f"{key}: {problem.sentence}" if key else problem.sentence


def _customer(table: Table, codes: Codes) -> CustomerEntry:
    entry = CustomerEntry(
        name=table.need("name", values.text, ""),
        country=table.read("country", values.checked(values.country), "GB"),
        timezone=table.read("timezone", values.checked(values.timezone), "Europe/London"),
        numbers=table.each("numbers", values.checked(parse_e164)),
        hardware_only=table.read("hardware_only", values.flag, False),
        suspended=table.read("suspended", values.flag, False),
        allowed_classes=table.each("allowed_classes", values.choice(*CLASSES), DEFAULT_CLASSES),
        users_override=table.read("users_override", values.flag, True),
        emergency_number=table.read("emergency_number", values.checked(parse_e164), None),
        users=tuple(_user(user, codes) for user in table.tables("users")),
    )
    table.finish()
    return entry


def _user(table: Table, codes: Codes) -> UserEntry:
    target = values.checked(partial(parse_target, codes=codes))
    extension = values.checked(partial(parse_extension, codes=codes))
    numbers = table.each("numbers", values.checked(parse_e164))
    notify = table.table("notify")
    out_of_hours = table.table("out_of_hours")
    entry = UserEntry(
        name=table.need("name", values.text, ""),
        email=table.need("email", values.checked(values.email), ""),
        extension=table.read("extension", extension, None),
        numbers=numbers,
        default_number=table.read("default_number", values.checked(parse_e164), next(iter(numbers), None)),
        presentation_number=table.read("presentation_number", values.checked(parse_e164), None),
        timezone=table.read("timezone", values.checked(values.timezone), None),
        suspended=table.read("suspended", values.flag, False),
        pin=table.read("voice_portal_pin", values.pin, None),
        reject_anonymous=table.read("reject_anonymous", values.flag, False),
        withhold_number=table.read("withhold_number", values.flag, False),
        permanent_redirect=table.read("permanent_redirect", target, None),
        max_calls=table.read("max_calls", values.whole(1, values.MAX_CALLS), 1),
        notify=Notify(
            missed_call=notify.read("missed_call", values.flag, False),
            voicemail=notify.read("voicemail", values.flag, False),
        ),
        not_answered=_treatment(table.table("not_answered"), NOT_ANSWERED, target),
        busy=_treatment(table.table("busy"), BUSY, target),
        out_of_hours_enabled=out_of_hours.read("enabled", values.flag, False),
        unavailable=tuple(
            span for day, name in enumerate(WEEKDAYS) for span in _day(out_of_hours, day, name)
        ),
        out_of_hours=_treatment(out_of_hours, OUT_OF_HOURS, target),
        soft_clients=tuple(_soft_client(client) for client in table.tables("soft_clients")),
        desk_phones=tuple(_desk_phone(phone) for phone in table.tables("desk_phones")),
    )
    notify.finish()
    table.finish()
    return entry


def _treatment(table: Table, default: TreatmentEntry, target: Callable[[object], str]) -> TreatmentEntry:
    """The treatment of one occasion: `default` says which, and what left-out keys mean."""
    own = () if default is OUT_OF_HOURS else (default.action,)
    redirects = tuple(
        action for action in (Action.VOICEMAIL, Action.USER, Action.NUMBER) if action not in own
    )
    entry = TreatmentEntry(
        action=Action(table.read("action", values.choice(*own, *redirects), str(default.action))),
        after=table.read("after", values.seconds, default.after),
        user=table.read("user", values.checked(values.email), None),
        number=table.read("number", target, None),
        announce=table.read("announce", values.flag, False),
        present_dialled_number=table.read("present_dialled_number", values.flag, False),
        always=default is not OUT_OF_HOURS and table.read("always", values.flag, False),
    )
    table.finish()
    return entry


def _day(table: Table, weekday: int, name: str) -> tuple[Interval, ...]:
    """One day of the week: a word, or the spans in which the user is unavailable (BEHAVIOUR O1)."""
    value = table.read(name, values.day, "available")
    if value == "available":
        return ()
    if value == "unavailable":
        return (Interval(weekday, time(0), time(0)),)
    return tuple(Interval(weekday, *span) for span in dict.fromkeys(table.each(name, values.clock_span)))


def _soft_client(table: Table) -> SoftClient:
    entry = SoftClient(
        username=table.need("username", values.checked(values.username), ""),
        password=table.read("password", values.secret, None),
        nat=table.read("nat", _NAT, "auto"),
    )
    table.finish()
    return entry


def _desk_phone(table: Table) -> DeskPhone:
    entry = DeskPhone(
        mac=table.need("mac", values.checked(parse_mac), ""),
        vendor=table.read("vendor", values.checked(values.vendor), ""),
        nat=table.read("nat", _NAT, "auto"),
    )
    table.finish()
    return entry


def _trunk(table: Table) -> TrunkEntry:
    entry = TrunkEntry(
        name=table.need("name", values.text, ""),
        host=table.need("host", values.checked(values.host), ""),
        transport=table.read("transport", values.choice("udp", "tcp"), "udp"),
        order=table.read("order", values.whole(1, 1000), 1),
        register=table.read("register", values.flag, False),
        username=table.read("username", values.text, None),
        password=table.read("password", values.secret, None),
        allow_from=table.each("allow_from", values.checked(values.source)),
        country=table.read("country", values.checked(values.country), "GB"),
        number_format=table.read("number_format", values.choice("e164", "plus", "national"), "e164"),
        identity=table.read("identity", values.choice("screened", "interconnect", "passthrough"), "screened"),
        answer_first=table.read("answer_first", values.flag, False),
        early_media=table.read("early_media", values.flag, True),
        trusted=table.read("trusted", values.flag, False),
        anonymous_code=table.read("anonymous_code", values.whole(400, 699), 433),
        caller_from=table.read("caller_from", values.choice("from", "asserted"), "from"),
        next_trunk_codes=table.each("next_trunk_codes", values.whole(300, 699)),
        final_codes=table.each("final_codes", values.whole(300, 699)),
        nat=table.read("nat", _NAT, "auto"),
    )
    table.finish()
    return entry
