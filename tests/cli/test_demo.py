"""The demo company: made once, kept readable by its owner only, shown truly at each start."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from b2bua.cli.console import CommandError
from b2bua.cli.demo import COMPANY as COMPANY_OF_THE_DEMO
from b2bua.cli.demo import CREDENTIALS, Demo, banner, ensure_demo, read_demo
from config.settings import Settings
from config.tables import SipSettings, VoicemailSettings
from config.values import HostPort
from provisioning.company.pins import pin_problem
from provisioning.file.apply import apply_changes
from provisioning.file.company_file import parse_company_file
from provisioning.store.store import open_store
from tests.cli.conftest import COMPANY


def start(settings: Settings, lan: bool = False, company: str = "") -> tuple[Demo, str]:
    """What `run --demo` does before the service: the demo and what it prints; `company` is applied before."""

    async def work() -> tuple[Demo, str]:
        async with await open_store(settings.data_dir) as store:
            if company:
                await apply_changes(store, parse_company_file(company))
            demo = await ensure_demo(store, settings)
            return demo, await banner(store, settings, demo, lan)

    return asyncio.run(work())


@pytest.fixture
def settings(data: Path) -> Settings:
    return Settings(data_dir=data)


def test_it_is_made_once_and_its_secrets_stay(settings: Settings) -> None:
    first, shown = start(settings)
    second, again = start(settings)
    assert first == second
    assert shown == again
    assert {client.username for client in first.clients} == {"alice", "bob", "carol"}
    assert len({client.password for client in first.clients}) == 3
    assert all(pin_problem(client.pin, ()) is None for client in first.clients)
    assert (settings.data_dir / CREDENTIALS).stat().st_mode & 0o777 == 0o600
    assert read_demo(settings.data_dir) == first


def test_the_table_says_how_to_call(settings: Settings) -> None:
    demo, shown = start(settings)
    assert "SIP address: 127.0.0.1:5060, UDP" in shown
    for client in demo.clients:
        (line,) = [line for line in shown.splitlines() if client.password in line]
        assert client.pin in line.split()
    assert "dial 1571 from the user's own phone" in shown
    (bob,) = [line for line in shown.splitlines() if line.startswith("Bob")]
    assert bob.split()[1:4] == ["202", "+441632960102", "bob"]
    assert bob.endswith("voicemail after 5 s; busy: engaged tone")


def test_in_a_lan_it_says_what_to_type_into_a_phone(data: Path) -> None:
    settings = Settings(data_dir=data, sip=SipSettings(udp=HostPort("127.0.0.3", 5070)))
    _, shown = start(settings, lan=True)
    assert "server, domain or registrar: 127.0.0.3   port: 5070" in shown


def test_a_wildcard_is_shown_as_an_address_that_can_be_called(data: Path) -> None:
    settings = Settings(data_dir=data, sip=SipSettings(udp=HostPort("0.0.0.0", 5060)))
    demo, shown = start(settings)
    assert demo.address == "127.0.0.1:5060"
    assert "0.0.0.0" not in shown


def test_a_password_changed_since_is_not_shown_as_good(settings: Settings) -> None:
    demo, _ = start(settings)
    text = COMPANY_OF_THE_DEMO.read_text().replace('"alice" }', '"alice", password = "pass-0123456789" }')
    _, shown = start(settings, company=text)
    (alice,) = [line for line in shown.splitlines() if line.startswith("Alice")]
    assert "(changed)" in alice
    assert demo.clients[0].password not in shown


def test_a_pin_changed_since_is_not_shown_as_good(settings: Settings) -> None:
    demo, _ = start(settings)
    name = 'email = "bob@acme.example"\n'
    text = COMPANY_OF_THE_DEMO.read_text().replace(name, f'{name}voice_portal_pin = "271828"\n')
    _, shown = start(settings, company=text)
    (bob,) = [line for line in shown.splitlines() if line.startswith("Bob")]
    assert "(changed)" in bob
    assert demo.clients[1].pin not in bob
    assert "271828" not in shown


def test_a_demo_made_before_there_were_pins_is_shown_as_it_is(settings: Settings) -> None:
    demo, _ = start(settings)
    without = [client.model_dump(exclude={"pin"}) for client in demo.clients]
    (settings.data_dir / CREDENTIALS).write_text(json.dumps({"address": demo.address, "clients": without}))
    text = COMPANY_OF_THE_DEMO.read_text().replace("email =", 'voice_portal_pin = ""\n  email =')
    _, shown = start(settings, company=text)
    assert shown.count("(none)") == 3


def test_other_access_codes_are_named_and_none_are_not(data: Path) -> None:
    for codes, said in ((("500",), "dial 500 from"), ((), "make call")):
        settings = Settings(data_dir=data, voicemail=VoicemailSettings(access_codes=codes))
        assert said in start(settings)[1]
        assert ("dial 500" in start(settings)[1]) == bool(codes)


def test_customers_of_ones_own_are_left_alone(settings: Settings) -> None:
    demo, shown = start(settings, company=COMPANY)
    assert demo.clients == ()
    assert shown == "This data directory has no demo company: its customers are your own."


def test_a_broken_file_is_named(settings: Settings) -> None:
    start(settings)
    (settings.data_dir / CREDENTIALS).write_text("{")
    with pytest.raises(CommandError, match=CREDENTIALS):
        read_demo(settings.data_dir)
