"""The Via header (RFC 3261 §20.42, RFC 3581): where a response goes, and the name of the transaction."""

from __future__ import annotations

import re

from b2bua.sip.text.errors import BadMessage

# Possessive, so that no run of blanks can make a match slow.
_VIA = re.compile(
    r"SIP\s*+/\s*+([0-9]+\.[0-9]+)\s*+/\s*+([A-Za-z0-9\-]+)\s++(\[[^\]]+\]|[^\s:;,]+)"
    r"\s*+(?::\s*+([0-9]{1,5})\s*+)?(;.*)?\Z",
    re.DOTALL | re.IGNORECASE,
)
_PARAM = r'[^\s;=,"<>]++\s*+(?:=\s*+(?:"(?:[^"\\]|\\.)*+"|[^;,"]*+))?'
_PARAMS = re.compile(rf"(?:\s*+;\s*+{_PARAM})*+\s*+\Z", re.DOTALL)
_SOUND_PARAM = re.compile(rf"\s*+{_PARAM}\s*+\Z", re.DOTALL)
_BRANCH = re.compile(r";\s*+branch\s*+=\s*+([^\s;,]+)", re.IGNORECASE)
_RPORT = re.compile(r";\s*+rport\s*+(?=;|\Z)", re.IGNORECASE)
_RECEIVED = re.compile(r";\s*+received\s*+=[^;]*", re.IGNORECASE)


class Via:
    """One Via value. `host` is lower case; `rport` says whether the answer is to go to the source port.

    `fault` says what is wrong with a value that is good enough for an answer and for nothing else; "" is sound.
    """

    __slots__ = ("branch", "fault", "host", "port", "rport", "text", "transport")

    def __init__(self, text: str) -> None:
        """Read one value. Raises BadMessage (400) where not even an answer has a way back."""
        match = _VIA.match(text)
        if match is None:
            raise BadMessage(400, "Bad Via")
        version, transport, host, port, params = match.groups("")
        self.text = text
        self.transport = transport.upper()
        self.host = host.lower()
        self.port = int(port) if port else None
        self.fault = "" if version == "2.0" else "Bad version in Via"
        if self.port is not None and not 0 < self.port < 65536:
            self.fault, self.port = "Bad port in Via", None
        if not _PARAMS.match(params):
            self.fault = "Bad parameter in Via"
            sound = "".join(f";{each}" for each in params.split(";") if _SOUND_PARAM.match(each))
            self.text, params = text[: match.start(5)] + sound, sound
        branch = _BRANCH.search(params)
        self.branch = branch[1] if branch else ""
        self.rport = _RPORT.search(params) is not None

    @property
    def received(self) -> str | None:
        """The address that a proxy saw the request come from, where it is not `host` (§18.2.1)."""
        found = _RECEIVED.search(self.text)
        return None if found is None else found[0].partition("=")[2].strip().lower()

    def answered(self, host: str, port: int) -> str:
        """This value as a response carries it, when the request came from there (§18.2.1, RFC 3581 §4).

        `received` is added where the host is another, and with `rport` always; a bare `rport` gets its value.
        Parameters that cannot be read are left out.
        """
        if not self.rport and self.host == host:
            return self.text
        text = f"{_RECEIVED.sub('', self.text)};received={host}"
        return _RPORT.sub(f";rport={port}", text, count=1) if self.rport else text


def is_via(text: str) -> bool:
    """Whether a value could be a Via at all."""
    return _VIA.match(text) is not None
