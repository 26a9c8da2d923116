"""`ringplan backup` and `ringplan restore`: what they print and refuse, and a whole machine lost and replaced."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from b2bua.supervisor import service as supervisor
from media.message import Caller
from tests.cli.conftest import Run
from tests.cli.test_voicemail import left
from tests.clients.phones import Company
from tests.conftest import ServiceFactory
from tests.support import meter
from tests.support.addresses import fresh_address
from tests.support.rtp import RtpEndpoint
from tests.support.service import RINGPLAN, Service
from tests.support.sipp import Message, Sipp
from tests.support.waiting import wait_for

COMMON = Path(__file__).parents[2] / "sipp_scenarios" / "common"


@pytest.fixture
def backup(ringplan: Run, company: Path, tmp_path: Path) -> Path:
    """A backup of the company and one message."""
    left(company, 2, "s1", Caller("+441632960299"))
    ran = ringplan("backup", str(tmp_path / "backups"))
    assert ran.code == 0, ran.err
    (taken,) = (tmp_path / "backups").iterdir()
    assert ran.out.startswith(f"{taken}: schema ")
    assert ", 1 message, " in ran.out
    return taken


def test_restored_into_an_empty_machine(
    ringplan: Run, backup: Path, company: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RINGPLAN_DATA_DIR", str(tmp_path / "other"))
    ran = ringplan("restore", str(backup))
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"Restored {tmp_path / 'other'} as of ")
    assert "kept" not in ran.out
    (message,) = ringplan("voicemail", "list", "--json").json["messages"]
    assert (message["user"], message["number"]) == ("ben@acme.example", "+441632960299")
    assert ringplan("explain", "--to", "+441632960202", "--json").json["user"] == "ben@acme.example"


def test_present_data_is_kept_aside_with_force_only(ringplan: Run, backup: Path, company: Path) -> None:
    left(company, 2, "s2", Caller())
    refused = ringplan("restore", str(backup))
    assert (refused.code, "--force" in refused.err) == (1, True)
    ran = ringplan("restore", "--force", str(backup))
    assert ran.code == 0, ran.err
    assert len(ringplan("voicemail", "list", "--json").json["messages"]) == 1
    (kept,) = company.parent.glob("data.before-*")
    assert f"What was there before is kept in {kept}.\n" in ran.out
    assert len(list(kept.rglob("*.wav"))) == 2


def test_nothing_is_restored_under_a_running_service(ringplan: Run, backup: Path, company: Path) -> None:
    with supervisor.only_instance(company):
        ran = ringplan("restore", "--force", str(backup))
    assert ran.code == 1
    assert ran.err.startswith(f"ringplan: Ringplan is already running on {company}")
    assert not list(company.parent.glob("data.before-*"))


def test_a_damaged_backup_is_one_sentence(ringplan: Run, backup: Path) -> None:
    next(backup.rglob("*.wav")).write_bytes(b"noise")
    ran = ringplan("restore", "--force", str(backup))
    assert ran.code == 1
    assert "is not what was backed up" in ran.err
    assert "Traceback" not in ran.err


def test_what_was_left_out_is_told(ringplan: Run, company: Path, tmp_path: Path) -> None:
    left(company, 2, "s1", Caller())
    sound = next(company.rglob("*.wav"))
    sound.unlink()
    ran = ringplan("backup", str(tmp_path / "backups"))
    assert (ran.code, f"Left out: {sound.parent.parent / sound.stem} " in ran.out) == (0, True)


def test_nothing_to_back_up_is_an_error(ringplan: Run, tmp_path: Path) -> None:
    ran = ringplan("backup", str(tmp_path / "backups"))
    assert ran.code == 1
    assert ran.err.startswith("ringplan: There is nothing to back up: ")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder with a short path, for a service's sockets, that outlives the services of the test."""
    folder = Path(tempfile.mkdtemp(prefix="ringplan-"))
    yield folder
    shutil.rmtree(folder)


def speak(service: Service, company: Company, folder: Path, rtp: RtpEndpoint) -> Sipp:
    """Alice calls Bob, whose voicemail answers; she speaks for longer than a backup takes."""

    def follow(message: Message) -> None:
        if message.received and message.media:
            rtp.remote = message.media

    return Sipp(
        COMMON / "call.xml",
        folder / "caller",
        rtp.address,
        service.sip,
        pause=12.0,
        service="202",
        user=company.account("alice"),
        password=company.password,
        hear=follow,
    )


def test_a_lost_machine_is_replaced(new_service: ServiceFactory, tmp_path: Path, elsewhere: Path) -> None:
    """Backed up while a call records, and after it; users, message and registration are there again."""
    service = new_service()
    company = Company(service, tmp_path)
    phone = Sipp(
        COMMON / "register.xml",
        tmp_path / "phone",
        fresh_address(),
        service.sip,
        user=company.account("bob"),
        password=company.password,
        keys={"expires": 3600},
    )
    phone.finish()
    with RtpEndpoint(fresh_address(), 40000) as rtp:
        rtp.play(meter.tone(440, seconds=0.5))
        caller = speak(service, company, tmp_path, rtp)
        try:
            wait_for(lambda: rtp.heard().seconds >= 0.5, 20, "the greeting")
            rtp.send_digits("#")
            wait_for(lambda: list(service.data.glob("mailbox/*/tmp/*/part-*.wav")), 20, "the recording")
            during = service.run_cli("backup", str(tmp_path / "during"))
            assert ", 0 messages, " in during
            caller.finish()
        finally:
            caller.stop()
    (message,) = wait_for(lambda: company.mailbox("bob"), 20, "the message")
    wait_for(lambda: stored_bindings(service.data / "ringplan.db"), 10, "the binding on disk")
    service.run_cli("backup", str(tmp_path / "after"))
    sound = Path(str(message["path"])).read_bytes()
    service.stop()

    (backup,) = (tmp_path / "after").iterdir()
    own = {
        "RINGPLAN_DATA_DIR": str(elsewhere / "data"),
        "RINGPLAN_SIP__UDP": f"{service.sip[0]}:{service.sip[1]}",
    }
    restore(backup, own | {"PATH": service.environment["PATH"]})
    replaced = new_service(own)
    (again,) = replaced.messages(str(message["user"]))
    assert (again["message"], again["seconds"]) == (message["message"], message["seconds"])
    assert Path(again["path"]).read_bytes() == sound
    assert [one["username"] for one in replaced.registrations()] == [company.account("bob")]


def stored_bindings(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM bindings").fetchone()[0])


def restore(backup: Path, environment: dict[str, str]) -> None:
    ran = subprocess.run(
        [RINGPLAN, "restore", backup], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
