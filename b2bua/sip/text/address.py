"""Name-addr headers (RFC 3261 §20.10): From, To, Contact, Route and their relatives; and splitting lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Params, Uri, parse_any_uri, parse_params, parse_uri, write_params

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"\s*', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# One member of a list: commas inside quotes and angle brackets belong to it.
_MEMBER = re.compile(r'(?:[^,"<]++|"(?:[^"\\]++|\\.)*+"|<[^>]*+>)*+', re.DOTALL)


class Address(NamedTuple):
    """A display name, a URI and header parameters. The display name is kept without quotes and escapes."""

    uri: Uri
    display: str = ""
    params: Params = ()

    def param(self, name: str) -> str | None:
        """Return a header parameter's value, `""` for a flag, `None` for one that is not there."""
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    @property
    def tag(self) -> str | None:
        """The dialog tag, or `None`."""
        return self.param("tag") or None

    def with_tag(self, tag: str) -> Address:
        """Return this address with the tag given."""
        others = tuple(pair for pair in self.params if pair[0] != "tag")
        return self._replace(params=(*others, ("tag", tag)))

    def __str__(self) -> str:
        display = f"{quote_display(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{write_params(self.params)}"


def quote_display(text: str) -> str:
    """Quote a display name so that nothing in it can end the string or the header (RFC 3261 §25.1)."""
    return '"' + _printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_party(text: str) -> Address:
    """Parse a From or To, whose URI may be of any scheme (RFC 3261 §8.2.2.1). Raises BadMessage (400)."""
    return parse_address(text, parse_any_uri)


def parse_address(text: str, read: Callable[[str], Uri] = parse_uri) -> Address:
    """Parse one name-addr or addr-spec with its parameters; `read` parses the URI.

    In the form without angle brackets, parameters belong to the header (RFC 3261 §20). What cannot be printed
    is left out of the display name. Raises BadMessage (400, or 416 for a URI of another scheme).
    """
    text = text.strip()
    display = ""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        if quoted is None:
            raise BadMessage(400, "Open quote in an address")
        display = quoted[1] if "\\" not in quoted[1] else _ESCAPE.sub(r"\1", quoted[1])
        text = text[quoted.end() :]
        if not text.startswith("<"):
            raise BadMessage(400, "Bad address")
    opening = text.find("<")
    if opening < 0 or ";" in text[:opening]:
        # No brackets around the URI; one that comes later stands in a parameter.
        spec, _, params = text.partition(";")
        if "?" in spec:
            # RFC 3261 §20.10: what follows could belong to either.
            raise BadMessage(400, "URI without brackets")
        return Address(read(spec.rstrip()), "", parse_params(params))
    closing = text.find(">", opening)
    if closing < 0:
        raise BadMessage(400, "Bad address")
    if opening:
        display = text[:opening].rstrip()
        if '"' in display:
            raise BadMessage(400, "Bad address")
    rest = text[closing + 1 :].lstrip()
    if rest and not rest.startswith(";"):
        raise BadMessage(400, "Bad address")
    return Address(read(text[opening + 1 : closing].strip()), _printable(display), parse_params(rest))


def split_list(text: str) -> list[str]:
    """Split a header at its commas, leaving those inside quotes and angle brackets alone (RFC 3261 §7.3.1).

    Empty members are left out. Raises BadMessage (400) for an open quote or bracket.
    """
    if "," not in text:
        return [text.strip()]
    if '"' not in text and "<" not in text:
        return [member for part in text.split(",") if (member := part.strip())]
    members: list[str] = []
    start = 0
    while start <= len(text):
        match = _MEMBER.match(text, start)
        end = match.end() if match else start
        if text[end : end + 1] not in (",", ""):
            raise BadMessage(400, "Open quote or bracket in a list")
        if member := text[start:end].strip():
            members.append(member)
        start = end + 1
    return members


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())
