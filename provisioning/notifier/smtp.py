"""The mail server: mails are handed to it one after the other over one connection (RFC 5321, RFC 6409).

What its answers mean for a mail is decided here: refused for good is a mail whose recipient or content gets a 5xx;
whatever concerns the server, its login or our sender concerns all mail, and is tried again.
"""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from typing import TypeVar

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from config.tables import SmtpSettings
from provisioning.notifier.mail import sender_domain
from provisioning.notifier.outcome import Outcome, Postponed, Refused, Taken
from provisioning.notifier.wording import clean

SHUTTING_DOWN = 421
TOO_LARGE = 552
"""Given to MAIL FROM with a SIZE (RFC 1870 §6.1)."""
LOGIN_NEEDED = frozenset({530, 534, 535, 538})
"""RFC 4954 §6: these say nothing of a recipient, whatever command they answer."""
LONGEST_REASON = 200

E = TypeVar("E", bound=BaseException)


class MailServer:
    """The mail server of `[smtp]`. Connects when there is something to send; `rest` closes the connection."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._name = f"the mail server {settings.host}:{settings.port}"
        self._client: SMTP | None = None

    async def send(self, mail: EmailMessage) -> Outcome:
        """Hand over one mail. Raises nothing of the network's or the server's."""
        try:
            client = await self._connected()
        except (SMTPException, OSError) as error:
            return Postponed(self._no_session(error), for_all=True)
        try:
            await client.send_message(mail)
        except (SMTPException, OSError) as error:
            return self._outcome(error)
        except BaseException:
            self._drop()  # in the middle of a command: what comes next would be taken for its answer
            raise
        return Taken()

    async def rest(self) -> None:
        """Say good-bye: nothing more for now."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if client.is_connected:
                await client.quit()
        except (SMTPException, OSError):
            pass  # it has what it took
        finally:
            client.close()

    async def _connected(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password.get_secret_value() or None,
            # The machine's own full name would have to be asked of DNS, which may take any time.
            local_hostname=sender_domain(settings.sender),
            timeout=settings.timeout,
            use_tls=settings.security == "tls",
            start_tls=settings.security == "starttls",
            tls_context=self._trust(),
        )
        await client.connect()
        self._client = client
        return client

    def _trust(self) -> ssl.SSLContext | None:
        """Whose signature is trusted, read anew each time, so that a renewed file is seen."""
        if self._settings.security == "none":
            return None
        return ssl.create_default_context(cafile=self._settings.ca_file)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None

    def _no_session(self, error: SMTPException | OSError) -> str:
        """Why there is no connection to send by."""
        if isinstance(error, SMTPAuthenticationError):
            return f"{self._name} refused the login ({_answer(error)}): see smtp.username and smtp.password"
        if untrusted := _cause(error, ssl.SSLCertVerificationError):
            why = clean(untrusted.verify_message, LONGEST_REASON)
            return (
                f"the certificate of {self._name} cannot be trusted ({why}): see smtp.ca_file and smtp.host"
            )
        if isinstance(error, SMTPResponseException):
            return f"{self._name} takes nothing now ({_answer(error)})"
        return f"there is no session with {self._name}: {clean(str(error), LONGEST_REASON)}"

    def _outcome(self, error: SMTPException | OSError) -> Outcome:
        """What it means that a mail was not taken."""
        match error:
            case SMTPRecipientsRefused(recipients=[first, *_]):
                return self._judged(first, "refuses the recipient")
            case SMTPDataError():
                return self._judged(error, "refuses the mail")
            case SMTPSenderRefused(code=code) if code == TOO_LARGE:
                return Refused(f"{self._name} refuses the mail: it is too large ({_answer(error)})")
            case SMTPSenderRefused():
                return Postponed(f"{self._name} refuses smtp.sender ({_answer(error)})", for_all=True)
            case SMTPNotSupported():
                return Refused(f"{self._name} cannot send to this address: it has letters beyond ASCII")
            case SMTPResponseException():
                return Postponed(f"{self._name} takes nothing now ({_answer(error)})", for_all=True)
            case _:
                self._drop()
                return Postponed(f"{self._name} was lost: {clean(str(error), LONGEST_REASON)}")

    def _judged(self, error: SMTPResponseException, what: str) -> Outcome:
        reason = f"{self._name} {what} ({_answer(error)})"
        if error.code in LOGIN_NEEDED or error.code == SHUTTING_DOWN:
            return Postponed(reason, for_all=True)
        return Refused(reason) if 500 <= error.code <= 599 else Postponed(reason)


def _answer(error: SMTPResponseException) -> str:
    return clean(f"{error.code} {error.message}", LONGEST_REASON)


def _cause(error: BaseException | None, kind: type[E]) -> E | None:
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
