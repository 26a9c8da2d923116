"""A mail server for tests: aiosmtpd on a loopback port, with TLS and login or without, that can misbehave."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, syntax

from tests.support.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Received:
    """A mail that was taken: what the envelope said, and the mail itself as it came."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.content, policy=policy.default)


class Mailhost:
    """A mail server. `mails` holds what it took; `says` holds what it answers instead of taking the next ones.

    `security` is as in the setting; with a `login`, (user name, password), nobody else may send. A port given makes
    it come back where another was.
    """

    def __init__(
        self,
        certificate: Certificate | None = None,
        security: Literal["none", "starttls", "tls"] = "none",
        login: tuple[str, str] | None = None,
        port: int = 0,
    ) -> None:
        self.mails: list[Received] = []
        self.says: defaultdict[str, deque[str]] = defaultdict(deque)
        """By command, MAIL, RCPT or DATA: the answers to the next ones."""
        self.cuts = 0
        """So many connections are cut in the middle of the next mails' content."""
        self.holds: asyncio.Event | None = None
        """The answer to a mail's content waits for it."""
        self.connections = 0
        self.offered = asyncio.Event()
        """Set when a mail's content has come."""
        self.port = port
        self._context = certificate.server_context() if certificate else None
        self._security = security
        self._login = login
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.BaseTransport] = set()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        tls = self._context if self._security == "tls" else None
        self._server = await loop.create_server(self._connection, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for transport in self._open:
            cast(asyncio.Transport, transport).abort()
        await self._server.wait_closed()

    def _connection(self) -> SMTP:
        self.connections += 1
        return _Connection(
            self,
            self._open,
            hostname="mail.example",
            data_size_limit=20_000_000,
            tls_context=self._context if self._security == "starttls" else None,
            require_starttls=self._security == "starttls",
            authenticator=self._authenticate if self._login else None,
            auth_required=self._login is not None,
            auth_require_tls=self._security == "starttls",
        )

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=good, handled=False)

    # What aiosmtpd asks its handler

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.says["MAIL"]:
            return self.says["MAIL"].popleft()
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.says["RCPT"]:
            return self.says["RCPT"].popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.offered.set()
        if self.holds is not None:
            await self.holds.wait()
        if self.says["DATA"]:
            return self.says["DATA"].popleft()
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.mails.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return "250 OK"


class _Connection(SMTP):
    """One connection, which can be cut while a mail's content comes."""

    def __init__(self, host: Mailhost, open_: set[asyncio.BaseTransport], **options: Any) -> None:
        super().__init__(host, **options)
        self._host = host
        self._all = open_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._all.add(transport)
        super().connection_made(transport)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        if not self._host.cuts:
            await super().smtp_DATA(arg)
            return
        self._host.cuts -= 1
        await self.push("354 go on")
        await self._reader.readline()
        assert self.transport is not None
        cast(asyncio.Transport, self.transport).abort()
