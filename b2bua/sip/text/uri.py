"""SIP and tel URIs (RFC 3261 §19.1, RFC 3966): parsed, compared by the RFCs, written back as they were."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, unquote

from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.transport import Transport

Params = tuple[tuple[str, str | None], ...]

# What may stand nowhere in a URI: blanks, quotes, angle brackets, control characters, bytes not in UTF-8.
_NEVER = r"\s\"<>\x00-\x1f\x7f\ud800-\udfff"
# userinfo may hold nearly anything but "@"; the host is a name, an IPv4 address or an IPv6 one in brackets.
_SIP = re.compile(
    rf"(?P<scheme>sips?):"
    rf"(?:(?P<user>[^@:{_NEVER}]*)(?::(?P<password>[^@{_NEVER}]*))?@)?"
    rf"(?P<host>[A-Za-z0-9.\-_]+|\[[0-9A-Fa-f:.]+\])"
    rf"(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<params>;[^?{_NEVER}]*)?"
    rf"(?:\?(?P<headers>[^{_NEVER}]*))?\Z",
    re.IGNORECASE,
)
_TEL = re.compile(rf"tel:(?P<number>\+?[0-9A-F*#().\-]+)(?P<params>;[^?{_NEVER}]*)?\Z", re.IGNORECASE)

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_OPAQUE = re.compile(rf"[^{_NEVER}]+\Z")
OURS = ("sip", "sips", "tel")

# RFC 3261 §25.1: unreserved and user-unreserved may stand in a user part as they are.
_USER_SAFE = "-_.!~*'()&=+$,;?/"
_PLAIN_USER = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]*\Z")

# A parameter that only one of two URIs has makes them differ if it is one of these (RFC 3261 §19.1.4).
_TELLING = ("user", "ttl", "method", "maddr", "transport")

_PARAM = re.compile(r'(?:[^;"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


class Uri(NamedTuple):
    """A `sip:`, `sips:` or `tel:` URI. `user` is unescaped; parameter names are lower case, values as sent.

    A `tel:` URI keeps its number in `user` and has no host. One of another scheme is all `host`.
    """

    host: str
    user: str | None = None
    port: int | None = None
    params: Params = ()
    scheme: str = "sip"
    headers: str | None = None
    password: str | None = None

    def param(self, name: str) -> str | None:
        """Return a parameter's value, `""` for one without a value, `None` for one that is not there."""
        for key, value in self.params:
            if key == name:
                return value or ""
        return None

    def without_params(self, *names: str) -> Uri:
        """Return this URI without the parameters named."""
        if not any(key in names for key, _ in self.params):
            return self
        return self._replace(params=tuple(pair for pair in self.params if pair[0] not in names))

    @property
    def is_sip(self) -> bool:
        """Whether SIP requests can be sent there."""
        return self.scheme in ("sip", "sips")

    @property
    def as_target(self) -> Uri:
        """This URI as a request names its target: without what may only be there (RFC 3261 §19.1.1, table 1)."""
        target = self.without_params("method")
        return target if self.headers is None else target._replace(headers=None)

    @property
    def transport(self) -> Transport | None:
        """The transport the URI asks for, UDP where it asks for none; `None` for one that we do not speak."""
        return Transport.named(self.param("transport") or Transport.UDP.value)

    def same_as(self, other: Uri) -> bool:
        """Compare by RFC 3261 §19.1.4: host and parameters without case, user and password with case."""
        if (self.scheme, self.user, self.password, self.port) != (
            other.scheme,
            other.user,
            other.password,
            other.port,
        ):
            return False
        if self.host.lower() != other.host.lower():
            return False
        ours, theirs = dict(self.params), dict(other.params)
        if any((name in ours) != (name in theirs) for name in _TELLING):
            return False
        return _header_set(self) == _header_set(other) and all(
            _folded(ours[name]) == _folded(theirs[name]) for name in ours.keys() & theirs.keys()
        )

    def __str__(self) -> str:
        parts = [self.scheme, ":"]
        if self.scheme == "tel":
            parts.append(self.user or "")
        else:
            if self.user is not None:
                plain = _PLAIN_USER.match(self.user)
                parts.append(self.user if plain else quote(self.user, safe=_USER_SAFE))
                if self.password is not None:
                    parts.append(f":{self.password}")
                parts.append("@")
            parts.append(self.host)
            if self.port is not None:
                parts.append(f":{self.port}")
        if self.params:
            parts.append(write_params(self.params))
        if self.headers is not None:
            parts.append(f"?{self.headers}")
        return "".join(parts)


def parse_uri(text: str) -> Uri:
    """Parse a URI.

    Raises BadMessage (416 for another scheme, 400 for anything malformed).
    """
    match = _SIP.match(text)
    if match is None:
        return _parse_other(text)
    scheme, user, password, host, port, params, headers = match.groups()
    if port is not None and not 0 < int(port) < 65536:
        raise BadMessage(400, "Bad port in URI")
    if user is not None and "%" in user:
        user = _unescape(user)
    return Uri(
        host,
        user,
        int(port) if port else None,
        parse_params(params) if params else (),
        scheme.lower(),
        headers,
        password,
    )


def parse_any_uri(text: str) -> Uri:
    """Parse a URI that may be of any scheme, as in From and To. Raises BadMessage (400)."""
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() in OURS:
        return parse_uri(text)
    rest = text[scheme.end() :]
    if not _OPAQUE.match(rest):
        raise BadMessage(400, "Bad URI")
    return Uri(rest, scheme=scheme[1].lower())


def _parse_other(text: str) -> Uri:
    match = _TEL.match(text)
    if match is not None:
        number, params = match.groups()
        return Uri("", number, params=parse_params(params or ""), scheme="tel")
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in OURS:
        raise BadMessage(416, "Unsupported URI Scheme")
    raise BadMessage(400, "Bad URI")


def parse_params(text: str) -> Params:
    """Split `;name=value;flag` into pairs with lower-case names; a flag has the value `None`.

    A quoted value keeps its quotes, and may hold semicolons. Raises BadMessage (400) for an open quote and
    for control characters.
    """
    if not text:
        return ()
    if not text.isprintable() and _CONTROL.search(text):
        raise BadMessage(400, "Bad character in a parameter")
    pairs: list[tuple[str, str | None]] = []
    for part in _split_quoted(text) if '"' in text else text.split(";"):
        name, equals, value = part.partition("=")
        if name := name.strip():
            pairs.append((name.lower(), value.strip() if equals else None))
    return tuple(pairs)


def write_params(params: Params) -> str:
    """Write parameters the way `parse_params` reads them."""
    return "".join([f";{name}" if value is None else f";{name}={value}" for name, value in params])


def _split_quoted(text: str) -> list[str]:
    parts: list[str] = []
    start = 0
    while start <= len(text):
        match = _PARAM.match(text, start)
        end = match.end() if match else start
        if text[end : end + 1] == '"':
            raise BadMessage(400, "Open quote in a parameter")
        parts.append(text[start:end])
        start = end + 1
    return parts


def _unescape(user: str) -> str:
    try:
        return unquote(user, errors="strict")
    except UnicodeDecodeError:
        raise BadMessage(400, "Bad escape in URI") from None


def _folded(value: str | None) -> str:
    return unquote(value or "").lower()


def _header_set(uri: Uri) -> list[str]:
    return sorted(_folded(header) for header in (uri.headers or "").split("&"))
