"""The command as a whole: its groups, `--config`, errors as a sentence and an exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

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


def test_it_is_installed_as_ringplan() -> None:
    command = Path(sys.executable).with_name("ringplan")
    assert subprocess.run([command, "--help"], capture_output=True, check=False).returncode == 0
