"""Others that carry the same calls: sippy's B2BUA (PyPI) and Kamailio as a proxy (Debian)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.bench.accounting import wait_until_calm
from tests.bench.company import PASSWORD
from tests.bench.pinning import measured_core
from tests.bench.sipp import listens
from tests.support.addresses import fresh_address
from tests.support.waiting import wait_for

SIPPY = Path("build/sippy/bin/b2bua_simple")
KAMAILIO = Path(__file__).with_name("kamailio.cfg")
STOP_LIMIT = 10.0


class Peer:
    """A program that sends every call it gets to the phones."""

    name = "peer"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.sip, self.carrier, self.phones = ((fresh_address(), 5060) for _ in range(3))
        command = self.command(folder)
        with measured_core(), (folder / f"{self.name}.log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | self.environment(),
            )
        try:
            wait_for(lambda: self._alive() and listens(self.sip), 15, f"{self.name} to listen")
        except BaseException:
            self.__exit__()
            raise

    def command(self, folder: Path) -> Sequence[str]:
        """How it is started; its files go into `folder`."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What its environment has beside ours."""
        return {}

    @property
    def roles(self) -> Mapping[str, tuple[int, ...]]:
        """All its processes."""
        return {"signalling": (self._process.pid,)}

    def written(self) -> None:
        """Wait until it is idle."""
        wait_until_calm(self.roles["signalling"])

    def _alive(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with code {self._process.returncode}")
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Sippy(Peer):
    """Its plain B2BUA, without its log of messages; it has no plan, no relay and no call log."""

    name = "sippy"

    def command(self, folder: Path) -> Sequence[str]:
        """In the foreground, to one next hop."""
        next_hop = f"{self.phones[0]}:{self.phones[1]}"
        return [str(SIPPY.absolute()), "-f", "-l", self.sip[0], "-p", str(self.sip[1]), "-n", next_hop]

    def environment(self) -> Mapping[str, str]:
        """No log of messages."""
        return {"SIPLOG_BEND": "none"}


class Kamailio(Peer):
    """A stateful proxy in the path of the whole dialog, and a registrar that keeps nothing on disk."""

    name = "kamailio"

    def command(self, folder: Path) -> Sequence[str]:
        """In the foreground, with a configuration of ours."""
        text = KAMAILIO.read_text().replace("PHONES", f"{self.phones[0]}:{self.phones[1]}")
        (folder / "kamailio.cfg").write_text(text.replace("PASSWORD", PASSWORD))
        listen = f"udp:{self.sip[0]}:{self.sip[1]}"
        return [
            "kamailio",
            "-DD",
            "-E",
            "-f",
            str(folder / "kamailio.cfg"),
            "-l",
            listen,
            "-Y",
            str(folder),
            "-m",
            "256",
        ]
