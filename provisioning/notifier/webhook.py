"""Telling another program: a POST of JSON, signed with a shared secret (docs/notifications.md shows how to check it).

The name in the URL is resolved here, every address is checked, and the connection goes to a checked address: a name
that leads elsewhere a moment later (DNS rebinding) changes nothing. Host and certificate stay those of the name.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from config.tables import WebhookSettings
from provisioning.notifier.mail import fingerprint
from provisioning.notifier.outcome import Outcome, Postponed, Taken
from provisioning.notifier.public_address import resolve
from provisioning.notifier.queue import Entry
from provisioning.notifier.recipient import Recipient
from provisioning.notifier.wording import clean
from provisioning.store.outbox import VoicemailLeft

ID, TIMESTAMP, SIGNATURE = "Ringplan-Id", "Ringplan-Timestamp", "Ringplan-Signature"
TOO_BUSY = frozenset({429, 503})
LONGEST_REASON = 200


def body(entry: Entry, recipient: Recipient) -> bytes:
    """What is posted. Neither number nor name of a caller who withholds (A3); numbers as they are stored."""
    news = entry.news
    caller = news.caller
    told: dict[str, Any] = {
        "id": fingerprint(entry.key),
        "event": news.event,
        "user": {"id": recipient.user, "name": recipient.name, "email": recipient.email},
        "caller": {
            "number": None if caller.withheld else caller.number,
            "name": None if caller.withheld else clean(caller.name or "") or None,
            "withheld": caller.withheld,
        },
    }
    if isinstance(news, VoicemailLeft):
        told |= {"message": news.message, "time": news.received, "seconds": news.seconds}
    else:
        told |= {"call_id": news.call_id, "time": news.at, "dialled": news.dialled, "outcome": news.how}
    return msgspec.json.encode(told)


def sign(secret: str, timestamp: int, content: bytes) -> str:
    """`v1=` and HMAC-SHA256, in hex, over the timestamp in decimal, a dot, and the body."""
    return "v1=" + hmac.digest(secret.encode(), b"%d." % timestamp + content, hashlib.sha256).hex()


class Webhook:
    """Tells by POST to `webhook.url`. Taken is what gets a 2xx; anything else may be mended and is tried again."""

    at_once = 4

    def __init__(
        self, settings: WebhookSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Raises ValueError for a URL that cannot be used."""
        self._settings = settings
        try:
            self._url = httpx.URL(settings.url)
        except httpx.InvalidURL as error:
            raise ValueError(f"webhook.url cannot be used: {error}") from None
        self._clock = clock
        self._trust = ssl.create_default_context()

    async def tell(self, entry: Entry, recipient: Recipient) -> Outcome:
        """Post one entry. Raises nothing of the network's or the server's."""
        content = body(entry, recipient)
        timestamp = int(self._clock().timestamp())
        headers = {
            "Host": self._url.netloc.decode("ascii"),
            "Content-Type": "application/json",
            "User-Agent": "Ringplan",
            ID: fingerprint(entry.key),
            TIMESTAMP: str(timestamp),
            SIGNATURE: sign(self._settings.secret.get_secret_value(), timestamp, content),
        }
        try:
            async with asyncio.timeout(self._settings.timeout):
                status = await self._post(content, headers)
        except TimeoutError:
            return Postponed(f"the webhook did not answer in {self._settings.timeout:g} s", for_all=True)
        except (httpx.HTTPError, OSError) as error:
            why = clean(str(error), LONGEST_REASON) or type(error).__name__
            return Postponed(f"the webhook cannot be reached: {why}", for_all=True)
        if 200 <= status <= 299:
            return Taken()
        hint = " (a redirect, which is not followed)" if 300 <= status <= 399 else ""
        return Postponed(f"the webhook answered {status}{hint}", for_all=status in TOO_BUSY)

    async def rest(self) -> None:
        """Nothing stays open between two requests."""

    async def _post(self, content: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, whose body nobody reads: it may be of any size."""
        url, host = self._url, self._url.raw_host.decode("ascii")
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        addresses = await resolve(host, port, self._settings.allow_private)
        # No proxy and no netrc of the environment: they would lead elsewhere.
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=None) as client:
            for number, address in enumerate(addresses, 1):
                request = client.build_request(
                    "POST",
                    url.copy_with(host=str(address)),
                    content=content,
                    headers=headers,
                    extensions={"sni_hostname": host},
                )
                try:
                    answer = await client.send(request, stream=True, follow_redirects=False)
                except httpx.ConnectError:
                    if number == len(addresses):
                        raise
                else:
                    await answer.aclose()
                    return answer.status_code
        raise OSError(f"{host} has no address")
