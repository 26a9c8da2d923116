"""SIPp as a source of load: many accounts from one file, no trace, and an end that says what failed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parents[2]
COMMON = ROOT / "sipp_scenarios" / "common"
PORT = 5060
CALLS = {"[user]": "[field0]", "[authentication]": "[field1]", "[service]": "[field2]"}
"""A row of a scenario that calls: username, credentials, what is dialled."""
REGISTRATIONS = {"Contact: <sip:[user]@": "Contact: <sip:[field2]@", "[expires]": "[field3]"} | CALLS
"""A row of `register.xml`: username, credentials, the user part of the contact, seconds until it expires."""


class LoadFailed(AssertionError):
    """A call or a registration of the load failed."""


class Load:
    """One SIPp at `address`, with a scenario of `sipp_scenarios/common`.

    With `rows` it makes one call a row, `rate` a second, and `fields` says which words of the scenario a row's
    fields stand for; without it waits for calls. `pause` is in seconds.
    """

    def __init__(
        self,
        scenario: str,
        folder: Path,
        address: str,
        remote: tuple[str, int],
        *,
        rows: Iterable[str] = (),
        fields: Mapping[str, str] = CALLS,
        rate: float = 10.0,
        pause: float = 0.0,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.name = folder, folder.name
        lines = list(rows)
        text = (COMMON / f"{scenario}.xml").read_text()
        for word, field in fields.items() if lines else ():
            text = text.replace(word, field)
        file = folder / f"{scenario}.xml"
        file.write_text(text)
        command = ["sipp", "-sf", str(file), "-i", address, "-p", str(PORT), "-nostdin"]
        command += ["-trace_err", "-error_file", str(folder / "errors.log"), "-d", str(round(pause * 1000))]
        command += ["-cid_str", f"{folder.name}-%u-%p@%s"]
        if lines:
            table = folder / "rows.csv"
            table.write_text("SEQUENTIAL\n" + "".join(f"{line}\n" for line in lines))
            command += ["-inf", str(table), "-m", str(len(lines)), "-r", f"{rate:g}", "-l", "2000"]
            command += ["-oocsf", str(COMMON / "notify.xml")]
        usual = {"user": "phone", "here": f"{address}:{PORT}", "expires": "600", "rtp_ip": address}
        usual |= {"rtp_port": "40000", "payload": "8", "codec": "PCMA"}
        for key, value in usual.items():
            command += ["-key", key, value]
        command.append(f"{remote[0]}:{remote[1]}")
        self._screen = (folder / "screen.log").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._screen, stderr=subprocess.STDOUT, cwd=folder
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether it still has calls to make."""
        return self._process.poll() is None

    def finish(self, timeout: float) -> None:
        """Wait until all its calls are made. Raises LoadFailed when one failed or the time ran out."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            raise LoadFailed(f"{self.name} did not end within {timeout:g} s\n{self._said()}") from None
        if code:
            raise LoadFailed(f"{self.name} ended with code {code}\n{self._said()}")

    def stop(self) -> None:
        """End it now."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._screen.close()

    def _said(self) -> str:
        errors = self._folder / "errors.log"
        said = errors.read_text(errors="replace") if errors.exists() else ""
        screen = (self._folder / "screen.log").read_text(errors="replace")
        return f"{said[:3000]}\n…\n{screen[-3000:]}"


def credentials(username: str, password: str) -> str:
    """The field with which SIPp answers a digest challenge of this account."""
    return f"[authentication username={username} password={password}]"
