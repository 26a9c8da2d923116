"""The command as a whole: its groups, `--config`, errors as a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from b2bua.cli import console
from tests.cli.conftest import COMPANY, Run

COMMANDS = (
    "run",
    "apply",
    "explain",
    "calls",
    "call",
    "registrations",
    "voicemail",
    "logs",
    "backup",
    "restore",
)


def test_every_command_is_in_the_help(ringplan: Run) -> None:
    ran = ringplan("--help")
    assert ran.code == 0
    assert [name for name in COMMANDS if name not in ran.out] == []


@pytest.mark.parametrize("arguments", [(name, "--help") for name in COMMANDS])
def test_every_command_explains_itself(ringplan: Run, arguments: tuple[str, ...]) -> None:
    assert ringplan(*arguments).code == 0


def test_a_wrong_setting_ends_any_command_with_its_sentence(ringplan: Run, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[sip]\nt1 = 0\n[log]\nlevel = 'loud'\n")
    ran = ringplan("--config", str(file), "calls")
    assert ran.code == 1
    first, second = ran.err.splitlines()
    assert first.startswith(f"ringplan: sip.t1 (in {file}) is 0")
    assert second.startswith(f"ringplan: log.level (in {file}) is 'loud'")


def test_a_store_that_cannot_be_opened_ends_with_its_remedy(ringplan: Run, company: Path) -> None:
    (company / "secret.key").unlink()
    ran = ringplan("calls")
    assert ran.code == 1
    assert ran.err.startswith("ringplan: ")
    assert "secret.key" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", [("apply", "company.toml"), ("calls",), ("voicemail", "list"), ("run",)])
def test_on_a_full_disk_every_command_says_so_and_what_to_do(
    company: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A limit on the size of files stands in for the full disk: it is the same for SQLite, and for everybody."""
    (tmp_path / "company.toml").write_text(COMPANY)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        udp = f"127.0.0.1:{free.getsockname()[1]}"
    ran = subprocess.run(
        ["prlimit", "--fsize=0", Path(sys.executable).with_name("ringplan"), *command],
        env={**os.environ, "RINGPLAN_SIP__UDP": udp, "RINGPLAN_METRICS__ADDRESS": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"ringplan: There is no room on the disk that holds {company}")
    assert len(ran.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_used_is_told_in_a_sentence(
    ringplan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr(console, "settings", full)
    ran = ringplan("calls")
    assert (ran.code, ran.err) == (1, "ringplan: /somewhere: No space left on device\n")


def test_it_is_installed_as_ringplan() -> None:
    command = Path(sys.executable).with_name("ringplan")
    assert subprocess.run([command, "--help"], capture_output=True, check=False).returncode == 0
