"""The webhook against a real web server: what is posted, how it is signed, and where it never goes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.tables import WebhookSettings
from media.message import Caller
from provisioning.notifier.outcome import Outcome, Postponed, Taken
from provisioning.notifier.webhook import Webhook, body, sign
from provisioning.store.outbox import Channel, News
from tests.provisioning.notifier.entries import ALICE, CALL, MESSAGE, called_by, entry
from tests.support.addresses import fresh_address
from tests.support.certificates import make_certificate
from tests.support.webhost import Webhost

ROOT = Path(__file__).parents[3]
SECRET = "0123456789abcdef"


def settings(url: str, allow_private: bool = True, timeout: float = 10.0) -> WebhookSettings:
    return WebhookSettings(url=url, secret=SecretStr(SECRET), allow_private=allow_private, timeout=timeout)


async def post(url: str, news: News = MESSAGE, timeout: float = 10.0) -> Outcome:
    hook = Webhook(settings(url, timeout=timeout), lambda: datetime.now(UTC))
    try:
        return await hook.tell(entry(news, channel=Channel.WEBHOOK), ALICE)
    finally:
        await hook.rest()


def answers(monkeypatch: pytest.MonkeyPatch, *turns: tuple[str, ...]) -> list[str]:
    """Let the resolver answer so, one turn after the other; returns the names that it was asked for."""
    asked: list[str] = []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", (address, port)) for address in turns[len(asked) - 1]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


def test_what_is_told_of_a_message() -> None:
    told = json.loads(body(entry(MESSAGE, channel=Channel.WEBHOOK), ALICE))
    assert len(told.pop("id")) == 32
    assert told == {
        "event": "voicemail",
        "user": {"id": 1, "name": "Alice", "email": "alice@acme.example"},
        "caller": {"number": "+441632960998", "name": "Ms Outside", "withheld": False},
        "message": "m-1",
        "time": "2030-06-01T12:00:00Z",
        "seconds": 12.4,
    }


def test_what_is_told_of_a_missed_call() -> None:
    told = json.loads(body(entry(CALL, channel=Channel.WEBHOOK), ALICE))
    assert {key: told[key] for key in ("event", "call_id", "dialled", "outcome", "time")} == {
        "event": "missed-call",
        "call_id": "a@phone.example",
        "dialled": "+441632960101",
        "outcome": "engaged",
        "time": "2030-06-01T12:00:00Z",
    }


@pytest.mark.behaviour("A3")
@pytest.mark.parametrize("news", [MESSAGE, CALL])
def test_of_a_withheld_caller_nothing_is_told(news: News) -> None:
    caller = Caller(None, None, withheld=True)
    object.__setattr__(caller, "number", "+441632960998")
    object.__setattr__(caller, "name", "Ms Outside")
    content = body(entry(called_by(news, caller)), ALICE)
    assert json.loads(content)["caller"] == {"number": None, "name": None, "withheld": True}
    assert b"960998" not in content
    assert b"Outside" not in content


async def test_a_post_is_signed_and_can_be_checked_as_the_page_says() -> None:
    async with Webhost() as host:
        assert await post(f"http://127.0.0.1:{host.port}/calls?a=b") == Taken()
        assert await post(f"http://127.0.0.1:{host.port}/calls?a=b") == Taken()
        first, again = host.requests
    assert first.line == "POST /calls?a=b HTTP/1.1"
    assert first.headers["host"] == f"127.0.0.1:{host.port}"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["user-agent"] == "Ringplan"
    assert first.headers["ringplan-id"] == again.headers["ringplan-id"] == json.loads(first.body)["id"]
    assert "cookie" not in first.headers
    assert "authorization" not in first.headers

    is_genuine = documented()
    sent = {name: first.headers[name.lower()] for name in ("Ringplan-Timestamp", "Ringplan-Signature")}
    assert is_genuine(SECRET.encode(), sent, first.body)
    assert not is_genuine(b"another secret", sent, first.body)
    assert not is_genuine(SECRET.encode(), sent, first.body + b" ")
    later = sent | {"Ringplan-Timestamp": str(int(sent["Ringplan-Timestamp"]) + 1)}
    assert not is_genuine(SECRET.encode(), later, first.body)
    old = {"Ringplan-Timestamp": "1000", "Ringplan-Signature": sign(SECRET, 1000, first.body)}
    assert not is_genuine(SECRET.encode(), old, first.body)


def documented() -> Callable[[bytes, Mapping[str, str], bytes], bool]:
    """The check of docs/notifications.md, as it stands there."""
    page = (ROOT / "docs" / "notifications.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    space: dict[str, Any] = {}
    exec(code, space)
    check: Callable[[bytes, Mapping[str, str], bytes], bool] = space["is_genuine"]
    return check


@pytest.mark.parametrize("status", [300, 301, 307, 400, 404, 410, 429, 500, 503])
async def test_anything_but_success_is_tried_again(status: int) -> None:
    async with Webhost() as host:
        host.answers.append(
            b"HTTP/1.1 %d Whatever\r\nLocation: http://127.0.0.1:%d/elsewhere\r\nContent-Length: 0\r\n\r\n"
            % (status, host.port)
        )
        outcome = await post(f"http://127.0.0.1:{host.port}/")
        assert isinstance(outcome, Postponed)
        assert str(status) in outcome.reason
        assert outcome.for_all == (status in (429, 503))
        assert len(host.requests) == 1, "a redirect is not followed"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1", "0x7f.1"])
async def test_it_does_not_go_to_this_machine_unless_allowed(host: str) -> None:
    async with Webhost() as server:
        hook = Webhook(settings(f"https://{host}:{server.port}/", allow_private=False))
        outcome = await hook.tell(entry(), ALICE)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "webhook.allow_private" in outcome.reason
        assert server.connections == 0


async def test_the_checked_address_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere when it is asked again (DNS rebinding) gains nothing: it is asked once."""
    async with Webhost() as checked, Webhost(fresh_address(), checked.port) as other:
        asked = answers(monkeypatch, ("127.0.0.1",), (other._address,))
        assert await post(f"http://hook.example:{checked.port}/") == Taken()
        assert asked == ["hook.example"]
        assert checked.requests[0].headers["host"] == f"hook.example:{checked.port}"
        assert other.connections == 0


async def test_the_certificate_is_the_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = make_certificate(tmp_path / "good", "hook.example")
    wrong = make_certificate(tmp_path / "wrong", "127.0.0.1", "other.example")
    for certificate, works in ((good, True), (wrong, False)):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
        async with Webhost(tls=certificate.server_context()) as host:
            answers(monkeypatch, ("127.0.0.1",))
            outcome = await post(f"https://hook.example:{host.port}/")
            assert (outcome == Taken()) is works
            assert len(host.requests) == works


async def test_an_authority_that_nobody_knows_is_not_trusted(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "127.0.0.1")
    async with Webhost(tls=certificate.server_context()) as host:
        outcome = await post(f"https://127.0.0.1:{host.port}/")
        assert isinstance(outcome, Postponed)
        assert "certificate" in outcome.reason
        assert host.requests == []


async def test_the_next_address_is_tried_where_one_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Webhost() as host:
        answers(monkeypatch, (fresh_address(), "127.0.0.1"))
        assert await post(f"http://hook.example:{host.port}/") == Taken()


async def test_a_dead_server_and_a_name_without_address() -> None:
    async with Webhost() as host:
        pass
    for url in (f"http://127.0.0.1:{host.port}/", "http://no-such-name.invalid/"):
        outcome = await post(url)
        assert isinstance(outcome, Postponed)
        assert outcome.for_all
        assert "cannot be reached: " in outcome.reason


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async with Webhost() as host:
        host.answers.append(None)
        async with asyncio.timeout(30):
            outcome = await post(f"http://127.0.0.1:{host.port}/", timeout=0.3)
        assert outcome == Postponed("the webhook did not answer in 0.3 s", for_all=True)


async def test_an_answer_without_end_is_not_read() -> None:
    async with Webhost() as host:
        host.answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        host.endless = b"x" * 65536
        async with asyncio.timeout(30):
            assert await post(f"http://127.0.0.1:{host.port}/") == Taken()


async def test_headers_without_end_are_refused() -> None:
    async with Webhost() as host:
        host.answers.append(b"HTTP/1.1 200 OK\r\n")
        host.endless = b"X-Filler: " + b"x" * 1000 + b"\r\n"
        async with asyncio.timeout(30):
            assert isinstance(await post(f"http://127.0.0.1:{host.port}/"), Postponed)


async def test_what_is_no_http_is_an_answer_that_failed() -> None:
    async with Webhost() as host:
        host.answers.append(b"220 mail.example ESMTP\r\n\r\n")
        assert isinstance(await post(f"http://127.0.0.1:{host.port}/"), Postponed)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Webhost() as host, Webhost() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await post(f"http://127.0.0.1:{host.port}/") == Taken()
        assert proxy.connections == 0


def test_a_url_that_cannot_be_used_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"webhook\.url"):
        Webhook(settings("https://[v1.x]/"))
