"""`setup.sh`: what is missing is installed by root, named to others, and nothing is done when all is there.

It runs in a folder of its own, where every program it calls is a small script that writes down how it was called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SYSTEM = ("sh", "dirname", "sha256sum", "cut", "cat", "touch", "rm", "mkdir", "chmod", "cp")
RECORDER = '#!/bin/sh\necho "{name} $*" >> "{calls}"\n{then}\n'
VENV = """
if [ "$1" = -m ] && [ "$2" = venv ]; then
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
fi
"""


class Machine:
    """A folder with the project's set-up files, and a PATH with only what the test puts there."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.programs = folder / "bin"
        self._calls = folder / "calls"
        self.project.mkdir()
        self.programs.mkdir()
        for name in ("setup.sh", "requirements.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.project)
        for name in SYSTEM:
            found = shutil.which(name)
            assert found
            (self.programs / name).symlink_to(found)

    def has(self, name: str, then: str = "") -> None:
        """Put a program there that records its calls and then does `then`."""
        path = self.programs / name
        path.write_text(RECORDER.format(name=name, calls=self._calls, then=then))
        path.chmod(0o755)

    def calls(self) -> list[str]:
        """What was called since the last time."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return lines

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            ["./setup.sh", *arguments],
            cwd=self.project,
            env={"PATH": str(self.programs), "HOME": os.environ.get("HOME", "/")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    machine.has("python3.11", VENV)
    machine.has("apt-get")
    machine.has("id", "echo 0")
    machine.has("ffmpeg")
    return machine


def test_everything_is_made_at_first_and_nothing_the_second_time(machine: Machine) -> None:
    first = machine.setup("run")
    assert first.returncode == 0, first.stderr
    assert "== Python packages of requirements.lock" in first.stdout
    made = machine.calls()
    assert any(call.endswith("-m venv .venv") for call in made)
    assert any("pip install" in call and "--require-hashes -r requirements.lock" in call for call in made)
    assert any("--no-deps --no-build-isolation --quiet --editable ." in call for call in made)
    assert not any(call.startswith("apt-get") for call in made)

    second = machine.setup("run")
    assert (second.returncode, second.stdout) == (0, "")
    assert not any("install" in call for call in machine.calls())


def test_a_changed_lock_file_is_installed(machine: Machine) -> None:
    machine.setup("run")
    machine.calls()
    with (machine.project / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    machine.setup("run")
    assert any("-r requirements.lock" in call for call in machine.calls())


def test_root_gets_the_debian_packages_of_the_purpose_only(machine: Machine) -> None:
    assert machine.setup("call").returncode == 0
    apt = [call for call in machine.calls() if call.startswith("apt-get")]
    assert apt == ["apt-get update -q", "apt-get install -y --no-install-recommends sip-tester"]
    machine.has("sipp")
    assert machine.setup("test").returncode == 0
    apt = [call for call in machine.calls() if call.startswith("apt-get install")]
    assert apt == ["apt-get install -y --no-install-recommends baresip linphone-cli twinkle-console kamailio"]


@pytest.mark.parametrize("purpose", ["run", "test"])
def test_greetings_need_ffmpeg(machine: Machine, purpose: str) -> None:
    (machine.programs / "ffmpeg").unlink()
    for name in ("sipp", "baresip", "linphonec", "twinkle-console", "kamailio"):
        machine.has(name)
    assert machine.setup(purpose).returncode == 0
    assert "apt-get install -y --no-install-recommends ffmpeg" in machine.calls()


def test_peers_for_the_benchmarks_get_an_environment_of_their_own(machine: Machine) -> None:
    machine.has("sipp")
    machine.has("systemctl")
    assert machine.setup("bench").returncode == 0
    assert not any("sippy" in call or "apt-get" in call for call in machine.calls())
    done = machine.setup("bench-peers")
    assert done.returncode == 0, done.stderr
    calls = machine.calls()
    assert "apt-get install -y --no-install-recommends kamailio" in calls
    assert "systemctl disable --now kamailio" in calls
    assert any(call.endswith("-m venv build/sippy") for call in calls)
    assert any(call.endswith("sippy==2.5.0") for call in calls)


def test_others_get_the_exact_command_and_nothing_is_done(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    ran = machine.setup("test")
    assert ran.returncode == 1
    assert (
        "    sudo apt-get install -y --no-install-recommends sip-tester baresip linphone-cli twinkle-console kamailio\n"
        in ran.stderr
    )
    assert not any(call.startswith("apt-get") for call in machine.calls())
    assert not (machine.project / ".venv").exists()


def test_debians_python_without_venv_gets_it(machine: Machine) -> None:
    machine.has("python3.11", '[ "$2" != "import ensurepip" ] || exit 1')
    machine.has("id", "echo 1000")
    ran = machine.setup("run")
    assert ran.returncode == 1
    assert "sudo apt-get install -y --no-install-recommends python3-venv" in ran.stderr


def test_a_machine_without_apt_is_told_what_is_missing(machine: Machine) -> None:
    (machine.programs / "apt-get").unlink()
    ran = machine.setup("call")
    assert ran.returncode == 1
    assert "Missing: sip-tester" in ran.stderr


def test_an_unknown_purpose_is_refused(machine: Machine) -> None:
    ran = machine.setup("fly")
    assert (ran.returncode, ran.stderr) == (2, "usage: ./setup.sh run|call|test|bench|bench-peers\n")
