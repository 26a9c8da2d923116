"""SIP messages (RFC 3261 §7): split once, every header value parsed only when somebody asks for it.

Names are folded to their long lower-case form; values stay text as they came. Bytes that are not UTF-8 survive
as surrogates, so that whatever a peer sends can be answered, logged with `repr` and never raises.
"""

from __future__ import annotations

import re
from functools import lru_cache

from b2bua.sip.text.address import Address, parse_address, parse_party, split_list
from b2bua.sip.text.body import EMPTY, Body, read_body
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.uri import Uri, parse_uri
from b2bua.sip.text.via import Via

# RFC 3261 §7.3.3 and the registered single-letter forms of later RFCs.
_COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
# Headers that name the message; a second one would make every reader see another message.
_SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "expires")
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_FOLD = re.compile(r"\r\n[ \t]+")
_VERSION = re.compile(r"SIP/[0-9]+\.[0-9]+\Z", re.IGNORECASE)
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]+)\Z")
MAX_HEADERS = 200
MAX_NAME = 256
MAX_KNOWN = 256
KNOWN = 512
"""People and header names that are remembered, as many as the calls of a few seconds have. A burst fills all of it."""
MAX_CSEQ = 2**31 - 1


@lru_cache(maxsize=KNOWN)
def canonical(name: str) -> str:
    """Return a header name's long form in lower case. Raises BadMessage (0) where it is no token.

    Blanks behind it are not taken: a long row of them would be kept with the name.
    """
    name = name.lower()
    if len(name) > MAX_NAME or not _TOKEN.match(name):
        raise BadMessage(0, "Bad header name")
    return _COMPACT.get(name, name)


def _party(text: str) -> Address:
    """A From or To, which comes again in every message of a dialog. Long ones are not worth the memory."""
    return _known_party(text) if len(text) <= MAX_KNOWN else parse_party(text)


@lru_cache(maxsize=KNOWN)
def _known_party(text: str) -> Address:
    """Read a From or To by what is known of the same people's other calls: only the tag is another."""
    untagged, mark, tag = text.rpartition(">;tag=")
    if not mark or not _TOKEN.match(tag):
        return parse_party(text)
    address = _known_address(untagged + ">")
    return address._replace(params=(*address.params, ("tag", tag)))


_known_address = lru_cache(maxsize=KNOWN)(parse_party)


def forget_known() -> None:
    """Forget the names of headers and the people that were read before."""
    for known in (canonical, _known_party, _known_address):
        known.cache_clear()


class Message:
    """What requests and responses have in common: headers in order of arrival, and a body."""

    __slots__ = ("_content", "_cseq", "_from", "_to", "_via", "body", "headers")

    def __init__(self, headers: dict[str, str | list[str]], body: bytes) -> None:
        self.headers = headers
        self.body = body
        self._content: Body | None = None
        self._via: Via | None = None
        self._from: Address | None = None
        self._to: Address | None = None
        self._cseq: tuple[int, str] | None = None

    def get(self, name: str) -> str | None:
        """Return the first value of a header (long lower-case name), or `None`."""
        value = self.headers.get(name)
        return value[0] if isinstance(value, list) else value

    def lines(self, name: str) -> list[str]:
        """Return a header's values, one for each line it came on."""
        value = self.headers.get(name)
        if value is None:
            return []
        return value if isinstance(value, list) else [value]

    def values(self, name: str) -> list[str]:
        """Return a list header's values over all its lines, split at commas (RFC 3261 §7.3.1)."""
        return [value for line in self.lines(name) for value in split_list(line)]

    def tokens(self, name: str) -> frozenset[str]:
        """Return a list of tokens, such as Supported or Require, in lower case."""
        return frozenset(value.lower() for value in self.values(name))

    def addresses(self, name: str) -> list[Address]:
        """Parse a list of addresses, such as Contact or Route. Raises BadMessage (400)."""
        return [parse_address(value) for value in self.values(name)]

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.get("call-id") or ""

    @property
    def cseq(self) -> tuple[int, str]:
        """The CSeq's number and method. Raises BadMessage (400)."""
        if self._cseq is None:
            match = _CSEQ.match(self.get("cseq") or "")
            if match is None or int(match[1]) > MAX_CSEQ:
                raise BadMessage(400, "Bad CSeq")
            self._cseq = int(match[1]), match[2]
        return self._cseq

    @property
    def from_(self) -> Address:
        """The From header. Raises BadMessage (400)."""
        if self._from is None:
            self._from = _party(self.get("from") or "")
        return self._from

    @property
    def to(self) -> Address:
        """The To header. Raises BadMessage (400)."""
        if self._to is None:
            self._to = _party(self.get("to") or "")
        return self._to

    @property
    def via(self) -> Via:
        """The topmost Via. Raises BadMessage (400)."""
        if self._via is None:
            line = self.get("via") or ""
            self._via = Via(next(iter(split_list(line)), "") if "," in line else line)
        return self._via

    @property
    def contact(self) -> Uri | None:
        """The URI of the first Contact, or `None`. Raises BadMessage (400)."""
        value = self.get("contact")
        first = next(iter(split_list(value)), "*") if value else "*"
        return None if first == "*" else parse_address(first).uri

    @property
    def content(self) -> Body:
        """What the body holds."""
        if not self.body:
            return EMPTY
        if self._content is None:
            self._content = read_body(
                self.body,
                self.get("content-type"),
                self.get("content-disposition"),
                self.get("content-encoding"),
            )
        return self._content

    @property
    def sdp(self) -> bytes | None:
        """The session description in the body, or `None`."""
        return self.content.sdp

    def integer(self, name: str, default: int) -> int:
        """Return a header that is a number. Raises BadMessage (400) where it is none, or is over 32 bits."""
        value = self.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 10):
            raise BadMessage(400, f"Bad {name.title()}")
        return min(int(value), 2**32 - 1)

    def check(self) -> None:
        """Refuse what cannot be answered or matched (RFC 3261 §8.1.1). Raises BadMessage (400 or 0).

        A request that is refused raises BadRequest.
        """
        headers = self.headers
        for name in ("via", "from", "to", "call-id", "cseq"):
            if not headers.get(name):
                # Without a Via there is nowhere to send an answer.
                raise BadMessage(0 if name == "via" else 400, f"Missing {name.title()}")
        for name in _SINGLE:
            if isinstance(headers.get(name), list):
                raise BadMessage(400, f"Repeated {name.title()}")
        _ = self.via, self.cseq, self.from_, self.to


class Request(Message):
    """A request: method in the case it was sent, Request-URI as text and, on demand, parsed."""

    __slots__ = ("_uri", "method", "uri_text")

    def __init__(self, method: str, uri: str, headers: dict[str, str | list[str]], body: bytes) -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri_text = uri
        self._uri: Uri | None = None

    def check(self) -> None:
        """As for every message; what is raised is a BadRequest."""
        try:
            super().check()
            if self.via.fault:
                raise BadMessage(400, self.via.fault)
        except BadMessage as error:
            raise BadRequest(error.code, error.reason, self) from None

    @property
    def uri(self) -> Uri:
        """The Request-URI. Raises BadMessage (400 or 416)."""
        if self._uri is None:
            self._uri = parse_uri(self.uri_text)
        return self._uri

    @property
    def first_line(self) -> str:
        """The request line, for traces."""
        return f"{self.method} {self.uri_text} SIP/2.0"


class Response(Message):
    """A response: status code and reason phrase."""

    __slots__ = ("code", "reason")

    def __init__(self, code: int, reason: str, headers: dict[str, str | list[str]], body: bytes) -> None:
        super().__init__(headers, body)
        self.code = code
        self.reason = reason

    @property
    def first_line(self) -> str:
        """The status line, for traces."""
        return f"SIP/2.0 {self.code} {self.reason}"


def parse_message(data: bytes) -> Request | Response:
    """Parse one datagram.

    Line ends before the start line are skipped (§7.5), bytes after Content-Length are dropped (§18.3). Raises
    BadRequest (400, or 505 for another version) for what can be answered and BadMessage (0) for what cannot.
    """
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        raise BadMessage(0, "No end of headers")
    text = head.decode("utf-8", "surrogateescape")
    if "\r\n " in text or "\r\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\r\n")
    if len(lines) > MAX_HEADERS:
        raise BadMessage(0, "Too many headers")
    first, _, rest = lines[0].partition(" ")
    second, _, third = rest.partition(" ")
    headers: dict[str, str | list[str]] = {}
    fault = ""
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        try:
            name = canonical(name.rstrip(" \t"))
        except BadMessage as error:
            fault = error.reason
            continue
        if not colon:
            fault = "Header without a colon"
            continue
        value = value.strip()
        known = headers.get(name)
        if known is None:
            headers[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            headers[name] = [known, value]
    if first == "SIP/2.0":
        if not (len(second) == 3 and second.isascii() and second.isdigit() and "100" <= second <= "699"):
            raise BadMessage(0, "Bad status code")
        if fault:
            raise BadMessage(0, fault)
        return Response(int(second), third, headers, _body(headers, body))
    if not _TOKEN.match(first):
        raise BadMessage(0, "Bad request line")
    request = Request(first, second, headers, b"")
    if third.upper() != "SIP/2.0":
        if _VERSION.match(third):
            raise _unusable(request, 505, "Version Not Supported")
        raise _unusable(request, 400, "Bad request line")
    if fault:
        raise _unusable(request, 400, fault)
    try:
        request.body = _body(headers, body)
    except BadMessage as error:
        raise BadRequest(error.code, error.reason, request) from None
    return request


class BadRequest(BadMessage):
    """A request that cannot be used but can be answered: its headers were read."""

    def __init__(self, code: int, reason: str, request: Request) -> None:
        super().__init__(code, reason)
        self.request = request


def _unusable(request: Request, code: int, reason: str) -> BadMessage:
    # Without a Via there is nowhere to send an answer.
    return BadRequest(code, reason, request) if "via" in request.headers else BadMessage(0, reason)


def _body(headers: dict[str, str | list[str]], body: bytes) -> bytes:
    length = headers.get("content-length")
    if length is None:
        return body
    if not (isinstance(length, str) and length.isascii() and length.isdigit() and len(length) <= 7):
        raise BadMessage(400, "Bad Content-Length")
    size = int(length)
    if size > len(body):
        raise BadMessage(400, "Body shorter than Content-Length")
    return body[:size]
