"""Kamailio as an edge proxy between phones and the service (RFC 3327)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

from tests.support.addresses import fresh_address
from tests.support.waiting import wait_for

_CONFIG = Path(__file__).with_name("edge.cfg")


class Edge:
    """One proxy at `sip`, in front of the service at `inner`."""

    def __init__(self, folder: Path, inner: tuple[str, int]) -> None:
        folder.mkdir()
        self.sip = (fresh_address(), 5060)
        config = folder / "edge.cfg"
        text = _CONFIG.read_text().replace("SERVICE_HOST", inner[0])
        config.write_text(text.replace("SERVICE", f"{inner[0]}:{inner[1]}"))
        self._log = folder / "log"
        host, port = self.sip
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["kamailio", "-f", str(config), "-DD", "-E", "-l", f"udp:{host}:{port}", "-Y", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        wait_for(self._listens, 10, "Kamailio to listen")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(errors="replace")
        host, port = self.sip
        place = f"{bytes(map(int, reversed(host.split('.')))).hex().upper()}:{port:04X}"
        return place in Path("/proc/net/udp").read_text()
