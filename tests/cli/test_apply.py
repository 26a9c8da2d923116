"""`ringplan apply`: shows, writes, tells the service, and refuses with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import COMPANY, Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "company.toml"
    path.write_text(COMPANY.replace(', password = "pass-0123456789"', ""))
    return path


def bens_rule(ringplan: Run) -> str:
    """The rule that decides a call to Ben's number: `unknown` while he does not exist."""
    return str(ringplan("explain", "--to", "+441632960202", "--json").json["rule"])


def test_a_dry_run_only_shows(ringplan: Run, file: Path) -> None:
    ran = ringplan("apply", "--dry-run", str(file))
    assert ran.code == 0
    assert "+ " in ran.out
    assert "Acme Ltd" in ran.out
    assert bens_rule(ringplan) == "unknown"


def test_it_writes_and_shows_generated_secrets_once(ringplan: Run, file: Path) -> None:
    ran = ringplan("apply", str(file))
    assert ran.code == 0
    assert "ann" in ran.out
    assert "in force when call handling is back" in ran.out
    assert bens_rule(ringplan) == "ring"
    again = ringplan("apply", str(file)).out
    assert "Nothing changes." in again
    assert "password" not in again


def test_a_running_service_is_told(ringplan: Run, file: Path, answering: dict[str, Any]) -> None:
    answering["changed"] = {"version": 2}
    ran = ringplan("apply", str(file))
    assert "in force when call handling is back" not in ran.out
    assert "in force" in ran.out


def test_users_whom_the_file_does_not_name_go_with_prune_only(ringplan: Run, file: Path) -> None:
    ringplan("apply", str(file))
    text = file.read_text()
    file.write_text(text[: text.index('  [[customers.users]]\n  name = "Ben"')])
    assert ringplan("apply", str(file)).code == 0
    assert bens_rule(ringplan) == "ring"
    assert ringplan("apply", "--prune", str(file)).code == 0
    assert bens_rule(ringplan) == "unknown"


@pytest.mark.parametrize(
    ("text", "says"), [("[[customers]\n", ":1: "), ('[[customers]]\nnam = "x"\n', ":2: nam")]
)
def test_a_wrong_file_is_refused_with_its_line(ringplan: Run, file: Path, text: str, says: str) -> None:
    file.write_text(text)
    ran = ringplan("apply", str(file))
    assert ran.code == 1
    assert f"ringplan: {file}{says}" in ran.err


def test_a_missing_file_is_named(ringplan: Run, tmp_path: Path) -> None:
    ran = ringplan("apply", str(tmp_path / "absent.toml"))
    assert ran.code == 1
    assert f"{tmp_path / 'absent.toml'}: the company file cannot be read" in ran.err


@pytest.mark.behaviour("P2", "W1", "E1")
@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("RINGPLAN_VOICEMAIL__ACCESS_CODES", "is the access code of the voice portal"),
        ("RINGPLAN_EMERGENCY__CODES", "is an emergency number"),
    ],
)
def test_a_code_of_the_platform_is_nobodys_extension(
    ringplan: Run, file: Path, monkeypatch: pytest.MonkeyPatch, setting: str, why: str
) -> None:
    monkeypatch.setenv(setting, "302,*302" if "ACCESS" in setting else "302")
    ran = ringplan("apply", str(file))
    assert ran.code == 1
    assert f'extension: "302" {why}; choose another extension' in ran.err
    assert bens_rule(ringplan) == "unknown"
