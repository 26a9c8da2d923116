"""Digest authentication of requests (RFC 7616, RFC 3261 §22, RFC 8760): challenges, and checking the answers."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from b2bua.sip.auth.nonces import Nonces
from b2bua.sip.text.errors import BadMessage
from b2bua.sip.text.message import Request
from b2bua.sip.text.uri import parse_uri

_PAIR = re.compile(
    r'\s*([A-Za-z0-9\-.!%*_+`\'~]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+))\s*(?:,[\s,]*|\Z)'
)
_HEX = re.compile(r"[0-9a-f]+\Z")
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}\Z")
_REQUIRED = ("username", "realm", "nonce", "uri", "response")
_OPTIONAL = ("algorithm", "qop", "nc", "cnonce")


class Algorithm(StrEnum):
    """The hash algorithms offered (RFC 8760 §2), strongest first."""

    SHA256 = "SHA-256"
    MD5 = "MD5"

    def hash(self, text: str) -> str:
        """Return the hash of a text in lower-case hexadecimal."""
        data = text.encode("utf-8", "surrogateescape")
        if self is Algorithm.SHA256:
            return hashlib.sha256(data).hexdigest()
        return hashlib.md5(data, usedforsecurity=False).hexdigest()


class Account(Protocol):
    """What must be known of an account to check its password: `ha1` with each algorithm, in hexadecimal."""

    @property
    def ha1_md5(self) -> str:
        """H(username:realm:password) with MD5, or `""` where it is not kept."""

    @property
    def ha1_sha256(self) -> str:
        """H(username:realm:password) with SHA-256, or `""` where it is not kept."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The request comes from the account named."""

    username: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The request carries no credentials for our realm: challenge it."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The password is right but the nonce is old or its count was used before: challenge it, `stale=true`."""

    username: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The credentials are wrong. `why` is for the log; a peer must see the same answer whatever it says."""

    username: str
    why: str


Verdict = Verified | Missing | Stale | Refused


def ha1(username: str, realm: str, password: str, algorithm: Algorithm) -> str:
    """Return what a server keeps instead of the password (RFC 7616 §3.4.2), in hexadecimal."""
    return algorithm.hash(f"{username}:{realm}:{password}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The parameters of an Authorization header (RFC 7616 §3.4) without quotes; no `qop` means RFC 2069."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    nc: str = ""
    cnonce: str = ""

    def expected(self, secret: str, method: str, algorithm: Algorithm) -> str:
        """Return the response that proves `secret`, an `ha1` (RFC 7616 §3.4.1, RFC 2069 §2.1.2)."""
        ha2 = algorithm.hash(f"{method}:{self.uri}")
        middle = f"{self.nonce}:{self.nc}:{self.cnonce}:{self.qop}" if self.qop else self.nonce
        return algorithm.hash(f"{secret}:{middle}:{ha2}")


def parse_credentials(text: str) -> Credentials | None:
    """Parse an Authorization value; `None` for a scheme other than Digest.

    Parameters may come in any order, with blanks around them and commas inside quotes; unknown ones are
    ignored. Raises BadMessage (400) for anything malformed, repeated or missing.
    """
    scheme, _, rest = text.strip().replace("\t", " ").partition(" ")
    if scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    position = 0
    while position < len(rest):
        match = _PAIR.match(rest, position)
        if match is None:
            raise BadMessage(400, "Bad Authorization")
        name, quoted, token = match.groups()
        if name.lower() in found:
            raise BadMessage(400, "Bad Authorization")
        found[name.lower()] = token if quoted is None else quoted
        position = match.end()
    credentials = Credentials(
        **{name: found[name] for name in _OPTIONAL if name in found},
        **{name: found.get(name, "") for name in _REQUIRED},
    )
    complete = credentials.username.isprintable() and all(found.get(name) for name in _REQUIRED)
    counted = not credentials.qop or (credentials.cnonce and _NONCE_COUNT.match(credentials.nc))
    if not complete or not counted or not _HEX.match(credentials.response.lower()):
        raise BadMessage(400, "Bad Authorization")
    return credentials


class Authenticator:
    """Challenges requests and checks what comes back.

    `realm` is text without quotes and backslashes. `key` signs the nonces and must be fresh random bytes at each
    start: nonces from before are then stale. `nonce_lifetime` and every `now` are seconds, `now` of a monotonic
    clock. `max_nonces` bounds the memory.
    """

    def __init__(
        self,
        realm: str,
        key: bytes,
        nonce_lifetime: float,
        algorithms: tuple[Algorithm, ...] = tuple(Algorithm),
        max_nonces: int = 50_000,
    ) -> None:
        self._realm = realm
        self._algorithms = algorithms
        self._nonces = Nonces(key, nonce_lifetime, max_nonces)
        # An unknown user is compared with this, so that the answer takes as long as for a wrong password.
        self._nobody = {algorithm: algorithm.hash(key.hex()) for algorithm in Algorithm}

    def challenge(self, now: float, *, stale: bool = False) -> tuple[str, ...]:
        """Return WWW-Authenticate values, one an algorithm, the preferred first (RFC 8760 §2.3)."""
        nonce = self._nonces.issue(now)
        end = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm="{self._realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{end}'
            for algorithm in self._algorithms
        )

    def check(self, request: Request, lookup: Callable[[str], Account | None], now: float) -> Verdict:
        """Check a request's Authorization.

        `lookup` finds an account by its username. Raises BadMessage (400) for malformed credentials.
        """
        credentials = self._for_our_realm(request)
        if credentials is None:
            return Missing()
        username = credentials.username
        algorithm = self._offered(credentials.algorithm)
        if algorithm is None or credentials.qop.lower() not in ("", "auth"):
            return Refused(username, "algorithm or qop not offered")
        account = lookup(username)
        secret = ""
        if account is not None:
            secret = account.ha1_sha256 if algorithm is Algorithm.SHA256 else account.ha1_md5
        expected = credentials.expected(secret or self._nobody[algorithm], request.method, algorithm)
        right = hmac.compare_digest(expected, credentials.response.lower())
        if not secret:
            return Refused(username, "unknown user")
        if not right:
            return Refused(username, "wrong password")
        if not _names_same_target(credentials.uri, request):
            return Refused(username, "uri is not the Request-URI")
        # A client in the style of RFC 2069 sends no count: each nonce serves it once.
        if not self._nonces.take(credentials.nonce, int(credentials.nc, 16) if credentials.qop else 1, now):
            return Stale(username)
        return Verified(username)

    @property
    def tracked(self) -> int:
        """How many nonces hold memory."""
        return len(self._nonces)

    def _for_our_realm(self, request: Request) -> Credentials | None:
        for line in request.lines("authorization"):
            credentials = parse_credentials(line)
            if credentials is not None and credentials.realm == self._realm:
                return credentials
        return None

    def _offered(self, name: str) -> Algorithm | None:
        return next((each for each in self._algorithms if each.lower() == name.lower()), None)


def _names_same_target(text: str, request: Request) -> bool:
    """Compare the digest's uri with the Request-URI.

    The host must agree, and so must the user if the client names one: some write the server alone. Ports and
    parameters need not, because phones and the gateways between add and drop them (RFC 3261 §22.4 allows the
    two to differ).
    """
    if text == request.uri_text:
        return True
    try:
        theirs, ours = parse_uri(text), request.uri
    except BadMessage:
        return False
    return theirs.host.lower() == ours.host.lower() and theirs.user in (None, ours.user)
