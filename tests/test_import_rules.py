"""The import rules of .importlinter hold, and each of them refuses an import that breaks it."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("b2bua", "config", "media", "provisioning")

VIOLATIONS = {
    "config": ("config/values.py", "import media.mailbox"),
    "sip": ("b2bua/sip/text/uri.py", "import b2bua.callplan.settings"),
    "sip_layers": ("b2bua/sip/text/uri.py", "import b2bua.sip.transactions.timers"),
    "callplan": ("b2bua/callplan/settings.py", "import b2bua.sip.text.uri"),
    "registrar": ("b2bua/registrar/__init__.py", "import b2bua.callplan.settings"),
    "call": ("b2bua/call/__init__.py", "import config.settings"),
    "trunks": ("b2bua/trunks/__init__.py", "import b2bua.registrar.location"),
    "transport": ("b2bua/transport/__init__.py", "import media.mailbox"),
    "pure": ("b2bua/sip/text/flow.py", "import socket"),
    "media": ("media/wav.py", "import b2bua.sip.text.uri"),
    "provisioning": ("provisioning/control.py", "import b2bua.sip.text.uri"),
    "mailbox": ("media/greetings.py", "import subprocess"),
    "conversion": ("media/conversion/level.py", "import media.pool"),
    "pjsua2": ("media/__init__.py", "import pjsua2"),
    "rooms": ("provisioning/store/model.py", "import provisioning.editing.audit"),
    "company": ("provisioning/company/words.py", "import sqlalchemy"),
    "editing": ("provisioning/mailboxes/owners.py", "import provisioning.editing.rows"),
    "acyclic": ("b2bua/call/context.py", "if TYPE_CHECKING: import b2bua.call.call"),
}
"""For each contract, a file and an import that it must refuse; those of siblings count also by type."""


def contracts() -> dict[str, str]:
    """The contracts' ids and names."""
    rules = configparser.ConfigParser()
    rules.read(ROOT / ".importlinter")
    sections = (name for name in rules.sections() if ":contract:" in name)
    return {name.rpartition(":")[2]: rules[name]["name"] for name in sections}


def lint(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run lint-imports on the packages in `folder`; its exit code and what it said, on one line."""
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.wav", "data")
        )
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_all_rules_hold(copy: Path) -> None:
    code, said = lint(copy)
    assert code == 0, said
    assert f"Contracts: {len(VIOLATIONS)} kept, 0 broken" in said


def test_every_contract_has_a_planted_violation() -> None:
    assert VIOLATIONS.keys() == contracts().keys()


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_a_planted_violation_is_refused(copy: Path, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    file = copy / name
    before = file.read_text()
    file.write_text(f"{before}\n{line}\n")
    try:
        code, said = lint(copy, "--contract", contract)
    finally:
        file.write_text(before)
    assert code == 1, said
    assert f"{contracts()[contract]} BROKEN" in said
    imported = line.split()[-1]
    # This kind of contract leaves out the package that both are in.
    named = f".{imported.rpartition('.')[2]}" if contract.startswith("acyclic") else imported
    assert f"-> {named}" in said


CIRCLES = {
    "b2bua.call": ("context", "call"),
    "b2bua.callplan": ("settings", "numbering"),
    "b2bua.cli": ("console", "main"),
    "b2bua.registrar": ("bindings", "location"),
    "b2bua.runtime": ("picked_numbers", "directory"),
    "b2bua.runtime.carriers": ("resolver", "trunks"),
    "b2bua.runtime.guard": ("rate_limit", "gate"),
    "b2bua.runtime.records": ("trace", "callbook"),
    "b2bua.sip.dialogs": ("dialog", "session"),
    "b2bua.sip.sdp": ("description", "offer_answer"),
    "b2bua.sip.text": ("errors", "uri"),
    "b2bua.sip.transactions": ("timers", "layer"),
    "b2bua.supervisor": ("process", "service"),
    "b2bua.transport": ("unreachable", "tcp"),
    "b2bua.trunks": ("numbers", "calling"),
    "config": ("values", "settings"),
    "media.relay": ("errors", "client"),
    "provisioning.notifier": ("queue", "courier"),
    "provisioning.store": ("outbox", "store"),
}
"""For each package, a module and another that imports it."""


def test_a_circle_is_seen_in_every_package(copy: Path) -> None:
    before = {}
    for package, (inner, outer) in CIRCLES.items():
        file = copy / package.replace(".", "/") / f"{inner}.py"
        before[file] = file.read_text()
        file.write_text(f"{before[file]}\nif TYPE_CHECKING: import {package}.{outer}\n")
    try:
        _, said = lint(copy, "--contract", "acyclic")
    finally:
        for file, text in before.items():
            file.write_text(text)
    assert [package for package in CIRCLES if f"No cycles are allowed in {package}." not in said] == []
