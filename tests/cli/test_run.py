"""`ringplan run`: what is refused before anything starts, and what the service is started with."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from b2bua.cli import lan as lan_module
from b2bua.cli import run as run_module
from b2bua.cli.console import CommandError
from b2bua.cli.lan import lan_address
from b2bua.supervisor import service
from config.settings import Settings
from tests.cli.conftest import Run


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, Path | None, str]]:
    """The starts of the service, which is not started here, on a free port and without metrics."""
    started: list[tuple[Settings, Path | None, str]] = []
    monkeypatch.setattr(service, "run", lambda *arguments: started.append(arguments))
    monkeypatch.setenv("RINGPLAN_METRICS__ADDRESS", "")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RINGPLAN_SIP__UDP", f"127.0.0.1:{free.getsockname()[1]}")
    return started


def test_it_runs_the_service_with_its_settings(
    ringplan: Run, runs: list[tuple[Settings, Path | None, str]], tmp_path: Path, data: Path
) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[sip]\nrealm = 'own'\n")
    assert ringplan("--config", str(file), "run").code == 0
    ((settings, config_file, banner),) = runs
    assert (settings.sip.realm, settings.data_dir, config_file, banner) == ("own", data, file, "")


def test_the_demo_is_made_and_shown(ringplan: Run, runs: list[tuple[Settings, Path | None, str]]) -> None:
    assert ringplan("run", "--demo").code == 0
    assert "alice" in runs[0][2]


def test_in_the_lan_every_process_gets_the_machines_address(
    ringplan: Run, runs: list[tuple[Settings, Path | None, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "lan_address", lambda: "127.0.0.9")
    assert ringplan("run", "--lan").code == 0
    assert runs[0][0].sip.udp.host == "127.0.0.9"


def test_a_second_service_on_the_same_data_is_refused(
    ringplan: Run, runs: list[tuple[Settings, Path | None, str]], data: Path
) -> None:
    with service.only_instance(data):
        ran = ringplan("run", "--demo")
    assert ran.code == 1
    assert ran.err.startswith(f"ringplan: Ringplan is already running on {data}")
    assert not runs
    assert not (data / "ringplan.db").exists()


def test_a_taken_port_is_refused_before_the_demo_is_made(
    ringplan: Run, runs: list[tuple[Settings, Path | None, str]], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RINGPLAN_SIP__UDP", f"127.0.0.1:{taken.getsockname()[1]}")
        ran = ringplan("run", "--demo")
    assert ran.code == 1
    assert "another program has this port" in ran.err
    assert not runs
    assert not (data / "ringplan.db").exists()


def test_the_lan_address_is_that_of_the_route_outwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lan_module, "ELSEWHERE", ("127.0.0.1", 9))
    assert lan_address() == "127.0.0.1"


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lan_module, "ELSEWHERE", ("255.255.255.255", 9))
    with pytest.raises(CommandError, match="no route to a network"):
        lan_address()
