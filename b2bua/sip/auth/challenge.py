"""Challenges and answering them: the client's side of digest authentication (RFC 7616, RFC 8760, RFC 3261 §22).

A carrier's proxy says 401 or 407 and what it wants hashed; the same request goes out again with the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from b2bua.sip.auth.digest import Algorithm, Credentials, ha1
from b2bua.sip.text.message import Response

# An optional scheme, then name=value. Commas between are expected and not insisted on.
_PIECE = re.compile(
    r"[\s,]*(?:([A-Za-z][A-Za-z0-9\-]*)\s+)?([A-Za-z0-9\-]+)\s*=\s*" r'(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))'
)
_ANSWERED_BY = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
CHALLENGED = frozenset(_ANSWERED_BY)
"""The codes of challenges."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who we are to somebody who challenges us; the password is in clear, because the realm is theirs."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One Digest challenge that we can answer (RFC 7616 §3.3), text as it stood between the quotes.

    `header` is the one that answers it, `algorithm_text` the name as the challenge wrote it, empty where it named
    none. `qop` says whether `auth` is offered; a challenge without any is answered as in RFC 2069.
    """

    header: str
    realm: str
    nonce: str
    algorithm: Algorithm
    algorithm_text: str = ""
    qop: bool = False
    opaque: str | None = None
    stale: bool = False

    @property
    def space(self) -> tuple[str, str]:
        """What the credentials are for: a proxy's or a server's realm (RFC 7616 §2.2)."""
        return self.header, self.realm

    def answer(self, credential: Credential, method: str, uri: str, cnonce: str, count: int) -> str:
        """The value of `header` for a request (RFC 7616 §3.4).

        `uri` is its Request-URI, `cnonce` a fresh token, `count` how often the nonce was used, this time included.
        """
        username = credential.username.replace("\\", "\\\\").replace('"', '\\"')
        unsigned = Credentials(username, self.realm, self.nonce, uri, "", self.algorithm)
        if self.qop:
            unsigned = Credentials(
                username, self.realm, self.nonce, uri, "", self.algorithm, "auth", f"{count:08x}", cnonce
            )
        secret = ha1(username, self.realm, credential.password, self.algorithm)
        parts = [
            f'Digest username="{username}"',
            f'realm="{self.realm}"',
            f'nonce="{self.nonce}"',
            f'uri="{uri}"',
            f'response="{unsigned.expected(secret, method, self.algorithm)}"',
        ]
        if self.algorithm_text:
            parts.append(f"algorithm={self.algorithm_text}")
        if self.qop:
            parts.append(f'qop=auth, nc={unsigned.nc}, cnonce="{cnonce}"')
        if self.opaque is not None:
            parts.append(f'opaque="{self.opaque}"')
        return ", ".join(parts)


def challenges_in(response: Response) -> tuple[Challenge, ...]:
    """The challenges of a 401 or 407 that we can answer: for each realm the one with the strongest algorithm.

    Several may share a line or have one each (RFC 3261 §7.3.1 makes them an exception, and peers make it
    anyway). What cannot be read, other schemes and algorithms, and `auth-int` alone are left out.
    """
    asked, header = _ANSWERED_BY[response.code]
    best: dict[str, Challenge] = {}
    strength = list(Algorithm)
    for line in response.lines(asked):
        for parameters in _digests(line):
            challenge = _challenge(header, parameters)
            if challenge is None:
                continue
            known = best.get(challenge.realm)
            if known is None or strength.index(challenge.algorithm) < strength.index(known.algorithm):
                best[challenge.realm] = challenge
    return tuple(best.values())


def _digests(line: str) -> list[dict[str, str]]:
    """The parameters of each Digest challenge in a line, by name; of a repeated one the first counts."""
    found: list[dict[str, str]] = []
    reading = False
    for match in _PIECE.finditer(line):
        scheme, name, quoted, token = match.groups()
        if scheme is not None:
            reading = scheme.lower() == "digest"
            if reading:
                found.append({})
        if reading:
            found[-1].setdefault(name.lower(), token if quoted is None else quoted)
    return found


def _challenge(header: str, parameters: dict[str, str]) -> Challenge | None:
    text = parameters.get("algorithm", "")
    algorithm = next((each for each in Algorithm if each.lower() == (text or "MD5").lower()), None)
    offered = parameters.get("qop", "")
    qop = "auth" in [option.strip().lower() for option in offered.split(",")]
    if algorithm is None or (offered and not qop) or not {"realm", "nonce"} <= parameters.keys():
        return None
    return Challenge(
        header,
        parameters["realm"],
        parameters["nonce"],
        algorithm,
        text,
        qop,
        parameters.get("opaque"),
        parameters.get("stale", "").lower() == "true",
    )
