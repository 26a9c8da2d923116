"""The one table of sentences that say why something is not saved, and the styles in which they are said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from media.owners import PIN_DIGITS
from provisioning.company.problems import OtherUser, Problem

SENTENCES: Mapping[str, str] = {
    # Values, whatever they are of
    "password.length": "must be {shortest!s} to {longest!s} printable characters",
    "base32.form": "must be at least 23 characters of base32",
    "text.kind": "must be text{quotes}, not {value}",
    "text.empty": "must not be empty",
    "text.long": "is longer than {longest!s} characters",
    "text.lines": "must be on one line, without control characters",
    "secret.kind": "must be text{quotes}, 1 to {longest!s} printable characters",
    "flag.kind": "must be true or false, not {value}",
    "whole.range": "must be a whole number from {low!s} to {high!s}, not {value}",
    "seconds.range": "must be 0 to {longest!s} seconds, not {value}",
    "choice.unknown": "must be one of {allowed}, not {value}",
    "list.kind": "must be a list in [ ]",
    "table.kind": "must be a table of keys and values",
    "key.missing": "{key} is missing",
    "key.unknown": "is not a known key; {hint!s}",
    "email.form": "{value} is not an e-mail address",
    "user.form": "{value} is neither an e-mail address nor an extension",
    "user.nameless": "is missing, and there is no extension: a user is known by one of them",
    "username.form": "{value} is not a username: 1 to 64 letters, digits and . _ ~ + -, beginning with a letter "
    "or digit",
    "vendor.form": '{value} must be one word, such as "yealink"',
    "country.unknown": '{value} is not a country code of two capital letters, such as "GB"',
    "timezone.unknown": '{value} is not a time zone of the IANA list, such as "Europe/London"',
    "host.port": "{value} has no port from 1 to 65535 after the colon",
    "host.form": '{value} must be a host name or IPv4 address, such as "sip.carrier.example" or "192.0.2.1:5060"',
    "source.inside": "{value} names a host inside the network; write {network!s}",
    "source.form": "{value} must be an IPv4 address, a network or ip:port, such as "
    '"192.0.2.0/24" or "192.0.2.1:5060"',
    "day.kind": 'must be "available", "unavailable" or spans such as ["12:30-13:30"], not {value}',
    "span.form": 'must be "from-to" on the 24-hour clock, such as "12:30-13:30", not {value}',
    "span.empty": '{value} ends when it starts; for the whole day write "unavailable" for the day',
    "span.minutes": "{value} must begin and end at whole minutes, without seconds or a time zone",
    "span.whole-day": "{value} stands beside the whole day; give one of them",
    "span.overlap": "{value} overlaps {other}; make one span of the two",
    "number.form": '{value} must be a number with plus and country code, such as "+441632960101"',
    "number.length": "{value} has a length that its country does not use",
    "number.not-allotted": "{value} is a number that no numbering plan allots",
    "number.emergency": "{value} is an emergency number: calls are never redirected to one",
    "extension.form": '{value} must be 1 to 8 digits{quotes}, such as "201"',
    "extension.emergency": "{value} is an emergency number; choose another extension",
    "extension.access": "{value} is the access code of the voice portal; choose another extension",
    "extension.service": "{value} is a service code; choose another extension",
    "mac.form": '{value} must be a MAC address, such as "00:15:65:aa:bb:cc"',
    "mac.zero": "{value} is the all-zero address; the phone's own is on its label",
    "mac.multicast": "{value} is a multicast address; the phone's own is on its label",
    "pin.length": f"must be exactly {PIN_DIGITS} digits{{quotes}}",
    "pin.same-digit": "is the same digit six times; choose another",
    "pin.run": "is a run of digits; choose another",
    "pin.own-number": "is the end of one of the user's own numbers; choose another",
    # What is unique
    "customer.name-twice": "{value} is the name of two customers",
    "number.twice": "{value} is given twice; a number belongs to one customer",
    "device.twice": "{value} is given to two devices; each has its own{holder}",
    "platform.in-use": "{value} is already in use on this platform; choose another",
    "email.twice": "{value} is the e-mail of two users of this customer{holder}",
    "extension.twice": "{value} is the extension of two users of this customer{holder}",
    "number.assigned-twice": "{value} is assigned twice; a number belongs to at most one user{holder}",
    "trunk.name-twice": "{value} is the name of two trunks",
    "source.twice": "{value} is given twice; calls from there belong to one trunk",
    "source.in-use": "{value} belongs to another trunk already",
    # What goes with what
    "number.not-customers": "{value} is not among the numbers of {customer!s}",
    "number.add-first": "{value} is not among the numbers of {customer!s}; add it there first",
    "number.not-users": "{value} is not among the numbers of this user",
    "number.never-presented": "{value} may not be presented: 09, 118, 070, 084 and 087 never are",
    "customer.hardware-only": "{customer!s} is hardware-only: its users have no soft clients",
    "customer.max-users": "{customer!s} may have {most!s} users, and would have {value}",
    "customer.max-numbers": "{customer!s} may have {most!s} numbers, and would have {value}",
    "account.hardware-only": "is of a hardware-only customer, whose users and administrators do not sign in",
    "after.no-delay": "must be 0 or left out with {setting}",
    "option.missing": "is missing: {setting} needs it",
    "option.elsewhere": "goes with {setting} only, and the action is {action}",
    "option.never": "is not for this occasion",
    "redirect.oneself": "is this user; calls cannot be redirected to oneself",
    "redirect.own-number": "{value} is a number of this user; calls cannot be redirected to oneself",
    "redirect.no-user": "{value} is no user of {customer!s}; a redirect to a user stays inside the customer",
    "redirect.barred": "the users of {customer!s} may not call each other; change allowed_classes",
    "redirect.blocked": "{value} is blocked as a target of redirects; choose another",
    "redirect.class": "{value} is a destination of the class {kind}, which {customer!s} may not call; "
    "change the number or allowed_classes",
    "trunk.register": "needs a username to register with",
    "trunk.username": "{value} is the username of a device; a carrier may use it towards us, and the two must be "
    "told apart",
    "trunk.two-meanings": "{value} is among next_trunk_codes too; it is either the carrier's word or the called "
    "person's",
    "trunk.password": "needs a username beside it",
    # Who may
    "access.setting": "may be changed by {role!s} only",
    # A whole file
    "file.utf8": "must be UTF-8 text",
    "file.toml": "this is not valid TOML: {told!s}",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a way of editing names things. The words of a sentence are the same in all of them."""

    quotes: str
    """What is said of text where one can also write what is not text."""
    setting: Callable[[str, str], str]
    """A setting with its value, by name and value."""
    other: Callable[[str], str]
    """Who holds what is wanted, by name: appended to a sentence."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting with its value, for a sentence."""

    name: str
    value: str


WRITTEN = Style(" in quotes", lambda name, value: f'{name} = "{value}"', lambda name: f" ({name} has it)")
"""For what is written as text: JSON, the command line."""
FORM = Style("", lambda name, value: f"{name} “{value}”", lambda name: f" ({name} has it)")
"""For a page, where every field is text."""


def say(code: str, values: Mapping[str, object], style: Style = WRITTEN) -> str:
    """The sentence of a code, without its place. Values that it repeats are shortened."""
    words = {name: _Word(value, style) for name, value in values.items()}
    return SENTENCES[code].format_map({"holder": "", "quotes": style.quotes, **words})


def sentence(problem: Problem, style: Style = WRITTEN) -> str:
    """What is wrong, without its place."""
    return say(problem.code, problem.values, style)


def shown(value: object) -> str:
    """A value as one writes it, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
        case int() | float():
            return str(value)
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


@dataclass(frozen=True, slots=True)
class _Word:
    """A value in a sentence: `{name}` as one writes it, `{name!s}` as it is."""

    value: object
    style: Style

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        match self.value:
            case None:
                return ""
            case OtherUser(name):
                return self.style.other(name)
            case Option(name, value):
                return self.style.setting(name, value)
            case tuple():
                return ", ".join(shown(each) for each in self.value)
        return shown(self.value)
