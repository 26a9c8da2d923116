"""The systemd unit and the logrotate example: valid, and in step with the service that they run."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from b2bua.supervisor.service import programs
from config.settings import Settings
from tests.support.service import RINGPLAN, Service
from tests.support.waiting import wait_for

SYSTEMD = Path(__file__).parents[1] / "systemd"
INSTALLED = "/opt/ringplan/.venv/bin/ringplan"


@pytest.fixture
def unit() -> configparser.SectionProxy:
    """What the unit's [Service] says."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(SYSTEMD / "ringplan.service")
    return parser["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_finds_no_mistake_in_the_unit(tmp_path: Path) -> None:
    text = (SYSTEMD / "ringplan.service").read_text()
    assert INSTALLED in text
    (tmp_path / "ringplan.service").write_text(text.replace(INSTALLED, str(RINGPLAN)))
    ran = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", tmp_path / "ringplan.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_stop_has_the_time_that_the_service_may_take(unit: configparser.SectionProxy) -> None:
    plan = programs(Settings())
    longest = sum(program.stop_limit for program in (*plan.media, plan.signalling, plan.provisioning))
    assert float(unit["TimeoutStopSec"]) >= longest + 10
    # Only the first process is told: the others would else stop before the calls have drained.
    assert unit["KillMode"] == "mixed"


def test_the_files_may_be_opened_that_the_most_calls_need(unit: configparser.SectionProxy) -> None:
    assert int(unit["LimitNOFILE"]) >= 10 * Settings().media.sessions


def test_the_log_that_is_rotated_is_the_services(unit: configparser.SectionProxy) -> None:
    rotated = re.search(r"^(/\S+) \{", (SYSTEMD / "ringplan.logrotate").read_text(), re.MULTILINE)
    assert rotated
    state = f"/var/lib/{unit['StateDirectory']}"
    assert unit["WorkingDirectory"] == state
    assert rotated[1] == str(Settings(data_dir=Path(state) / "data").log_file)


def test_after_a_rotation_the_log_goes_on_in_a_new_file(
    service: Service, unit: configparser.SectionProxy
) -> None:
    """As logrotate does: renamed, then what ExecReload sends; nothing is lost between the two."""
    assert unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    path, rotated = service.data / "log" / "ringplan.jsonl", service.data / "log" / "ringplan.jsonl.1"
    path.rename(rotated)
    os.kill(service.pid, signal.SIGHUP)
    service.apply('[[customers]]\nname = "Rotated Ltd"\nnumbers = ["+441632960990"]\n')
    wait_for(lambda: path.exists() and "settings.changed" in path.read_text(), 10, "the new log file")
    shown = service.events()
    events = [json.loads(line) for file in (rotated, path) for line in file.read_text().splitlines()]
    assert [one for one in shown if one not in events] == []
