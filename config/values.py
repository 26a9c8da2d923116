"""The kinds of value a setting may have: addresses, port ranges and times, each parsed with a plain refusal.

A refusal is a `ValueError` whose text says what is allowed; `config.settings` adds the key and its source.
"""

from __future__ import annotations

import json
import re
from email.errors import MessageError
from email.headerregistry import AddressHeader, HeaderRegistry
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode


class HostPort(NamedTuple):
    """An IPv4 address in dotted form, the wildcard 0.0.0.0 included, and a port from 1 to 65535."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class PortRange(NamedTuple):
    """The UDP ports from `first` to `last`, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


ALGORITHMS_ALLOWED = "SHA-256 and MD5 are allowed, the preferred first, "


def parse_ipv4(value: object) -> str:
    """An IPv4 address in dotted form."""
    try:
        return str(IPv4Address(str(value).strip()))
    except AddressValueError:
        raise ValueError("an IPv4 address such as 192.0.2.10 is allowed (no host names, no IPv6)") from None


def parse_optional_ipv4(value: object) -> str | None:
    """An IPv4 address, or nothing when the text is empty."""
    return None if value is None or value == "" else parse_ipv4(value)


def parse_host_port(value: object) -> HostPort:
    """`"127.0.0.1:5060"` as an address and a port."""
    if isinstance(value, HostPort):
        return value
    host, colon, port = str(value).strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("address:port is allowed, such as 127.0.0.1:5060, with a port from 1 to 65535")
    return HostPort(parse_ipv4(host), int(port))


def parse_optional_host_port(value: object) -> HostPort | None:
    """`"127.0.0.1:9160"`, or nothing when the text is empty."""
    return None if value is None or value == "" else parse_host_port(value)


def parse_port_range(value: object) -> PortRange:
    """`"20000-29999"` as a range of ports."""
    if isinstance(value, PortRange):
        return value
    first, dash, last = (part.strip() for part in str(value).partition("-"))
    if not (dash and first.isdecimal() and last.isdecimal() and 1024 <= int(first) < int(last) <= 65535):
        raise ValueError("first-last is allowed, such as 20000-29999, between 1024 and 65535")
    return PortRange(int(first), int(last))


def parse_network(value: object) -> IPv4Network:
    """`"10.0.0.0/8"` as a network."""
    try:
        return IPv4Network(str(value).strip())
    except ValueError:
        raise ValueError(
            "an IPv4 network such as 10.0.0.0/8 is allowed (no bits set after the prefix)"
        ) from None


def parse_list(value: object, allowed: str, *examples: str) -> list[object]:
    """A list; or one text, the form of an environment variable: JSON, or commas between the values."""
    given: object = value
    if isinstance(given, str):
        text = given.strip()
        if text.startswith("["):
            try:
                given = json.loads(text)
            except ValueError:
                given = None
        else:
            given = [part.strip() for part in text.split(",") if part.strip()]
    if not isinstance(given, list | tuple):
        raise ValueError(allowed + as_list(*examples))
    return list(given)


def as_list(*examples: str) -> str:
    """How these values are written as a list, in both forms that are taken."""
    return f"such as {json.dumps(examples)}, or {','.join(examples)} as one text with commas"


def parse_networks(value: object) -> tuple[IPv4Network, ...]:
    """A list of networks."""
    networks = parse_list(value, "a list of IPv4 networks is allowed, ", "10.0.0.0/8", "192.0.2.0/24")
    return tuple(parse_network(part) for part in networks)


def parse_name_servers(value: object) -> tuple[HostPort, ...]:
    """A list of name servers, each an address with or without a port."""
    servers = parse_list(value, "a list of name servers is allowed, ", "192.0.2.53", "192.0.2.54:5353")
    return tuple(_name_server(part) for part in servers)


def _name_server(value: object) -> HostPort:
    text = str(value).strip()
    try:
        return parse_host_port(text if ":" in text else f"{text}:53")
    except ValueError:
        raise ValueError("an IPv4 address with or without a port is allowed, such as 192.0.2.53") from None


def parse_codes(value: object) -> tuple[str, ...]:
    """A list of numbers as people dial them, digits only."""
    return _codes(value, "[0-9]{2,8}", "a list of 2 to 8 digits each is allowed, in quotes, ", "911", "933")


def parse_access_codes(value: object) -> tuple[str, ...]:
    """A list of codes as people dial them, digits that may have a star before them."""
    allowed = "a list of 2 to 8 digits each is allowed, also with a star before them, "
    return _codes(value, r"\*?[0-9]{2,8}", allowed, "1571", "*1571")


def _codes(value: object, form: str, allowed: str, *examples: str) -> tuple[str, ...]:
    codes = tuple(str(code).strip() for code in parse_list(value, allowed, *examples))
    if not all(re.fullmatch(form, code) for code in codes):
        raise ValueError(allowed + as_list(*examples))
    return codes


def parse_optional_number(value: object) -> str | None:
    """A number in E.164 with a plus, or nothing when the text is empty."""
    if value is None or value == "":
        return None
    number = str(value).translate(str.maketrans("", "", " -.()"))
    if not re.fullmatch(r"\+[1-9][0-9]{5,14}", number):
        raise ValueError("a number with plus and country code is allowed, such as +441632960100")
    return number


def parse_algorithms(value: object) -> tuple[str, ...]:
    """The digest algorithms offered, the preferred first (RFC 8760 §2.3)."""
    examples = ("SHA-256", "MD5")
    algorithms = tuple(str(name).strip().upper() for name in parse_list(value, ALGORITHMS_ALLOWED, *examples))
    if not algorithms or not {*algorithms} <= {*examples} or len({*algorithms}) < len(algorithms):
        raise ValueError(ALGORITHMS_ALLOWED + as_list(*examples))
    return algorithms


def parse_sender(value: object) -> str:
    """`"name@host"` or `"Name <name@host>"` as a header's address (RFC 5322 §3.4), in ASCII; or nothing."""
    text = "" if value is None else str(value).strip()
    if not text:
        return ""
    try:
        header = HeaderRegistry()("From", text if text.isprintable() else "")
        assert isinstance(header, AddressHeader)
        (address,) = header.addresses
        if header.defects or not address.domain or not address.addr_spec.isascii():
            raise ValueError
        return str(address)
    except (ValueError, MessageError, IndexError, AttributeError):  # the parser stumbles over some
        raise ValueError('an address such as "Ringplan <voicemail@acme.example>" is allowed') from None


def parse_url(value: object) -> str:
    """An address on the web, or nothing when the text is empty."""
    text = "" if value is None else str(value).strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(
            "https://host/path is allowed, such as https://crm.acme.example/calls (no name or password in it)"
        )
    return text


Algorithms = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_algorithms)]
Address = Annotated[str, BeforeValidator(parse_ipv4)]
Sender = Annotated[str, BeforeValidator(parse_sender)]
WebAddress = Annotated[str, BeforeValidator(parse_url)]
Codes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_codes)]
AccessCodes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_access_codes)]
OptionalNumber = Annotated[str | None, BeforeValidator(parse_optional_number)]
OptionalAddress = Annotated[str | None, BeforeValidator(parse_optional_ipv4)]
Endpoint = Annotated[HostPort, NoDecode, BeforeValidator(parse_host_port)]
OptionalEndpoint = Annotated[HostPort | None, NoDecode, BeforeValidator(parse_optional_host_port)]
NameServers = Annotated[tuple[HostPort, ...], NoDecode, BeforeValidator(parse_name_servers)]
Ports = Annotated[PortRange, NoDecode, BeforeValidator(parse_port_range)]
Network = Annotated[IPv4Network, BeforeValidator(parse_network)]
Networks = Annotated[tuple[IPv4Network, ...], NoDecode, BeforeValidator(parse_networks)]

Seconds = Annotated[float, Field(ge=0.1, allow_inf_nan=False)]
"""A time in seconds that must pass: at least 0.1, so that tests can be quick."""
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A time in seconds where 0 means: at once, or not at all."""
DeltaSeconds = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Whole seconds as SIP writes them (RFC 3261 §25.1, delta-seconds)."""
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65535)]

OptionalFile = Annotated[
    Path | None,
    BeforeValidator(lambda value: value or None),
    AfterValidator(lambda path: path and path.expanduser().absolute()),
]
"""A path, or nothing when the text is empty; a relative one counts from where the process was started."""
Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]
"""A path; a relative one counts from the folder the process was started in."""
