from __future__ import annotations

import asyncio
from ipaddress import ip_address

import pytest

from provisioning.notifier.public_address import NotPublic, is_public, resolve


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254"),
        *(
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.88.99.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
        ),
        *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
        ),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "2002:808:808::1"),
        *("3fff::1", "5f00::1"),
        *("fc00::1", "fd00::1", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "ff0e::1"),
    ],
)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2001:4860:4860::8888", "2a00::1"]
)
def test_others_are(address: str) -> None:
    assert is_public(ip_address(address))


def answer(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[tuple[object, ...]]:
    """Make the resolver answer with these; returns what it was asked."""
    asked: list[tuple[object, ...]] = []

    async def getaddrinfo(*args: object, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append(args)
        return [(0, 1, 6, "", (address, 80)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_every_address_of_a_name_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "8.8.8.8", "8.8.8.8", "8.8.4.4")
    assert await resolve("hook.example", 443, False) == (ip_address("8.8.8.8"), ip_address("8.8.4.4"))
    answer(monkeypatch, "8.8.8.8", "10.0.0.7")
    with pytest.raises(NotPublic, match=r"hook\.example leads to 10\.0\.0\.7"):
        await resolve("hook.example", 443, False)
    assert ip_address("10.0.0.7") in await resolve("hook.example", 443, True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "::1", "0"])
async def test_this_machine_is_found_in_every_spelling(host: str) -> None:
    with pytest.raises(NotPublic):
        await resolve(host, 80, False)


@pytest.mark.parametrize("host", ["x" * 64 + ".example", "..", "no-such-name.invalid"])
async def test_what_is_no_name_is_an_error_of_the_network(host: str) -> None:
    with pytest.raises(OSError):
        await resolve(host, 80, True)
