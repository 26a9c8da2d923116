"""Debian's linphonec, driven by the commands that a person types: a phone with its own folder, address and sound files.

Linphone looks every five seconds whether the machine has a way out, and signs off where it has none but loopback.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Self

from tests.support.addresses import free_port
from tests.support.meter import Sound, read_unfinished, silence
from tests.support.phone_log import answers_to_invite
from tests.support.waiting import wait_for

_CONFIG = """\
[sip]
bind_address={address}
sip_port={sip}
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
use_ipv6=0
use_info={info}
use_rfc2833={events}
default_proxy=0
inc_timeout=120
[net]
mtu=0
[rtp]
audio_rtp_port={rtp}
[sound]
echocancellation=0
ec_tail_len=0
[proxy_0]
reg_proxy=<sip:{host}:{port};transport=udp>
reg_identity=sip:{user}@{host}:{port}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
"""

ADDRESS = "127.0.0.1"
"""All Linphones have this one: they send RTP from an unbound socket, and the kernel gives that this source."""
REGISTERED = "to [LinphoneRegistrationOk]"
CALLED = "Receiving new incoming call"


class Linphone:
    """One phone, registering with `registrar` at once. It speaks the WAV file `source`."""

    info = False

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        (folder / ".local/share/linphone").mkdir(parents=True)
        self.user = user
        self._folder = folder
        self._registrar = f"{registrar[0]}:{registrar[1]}"
        self._calls = self._since = 0
        self._recording = folder / "heard-0.wav"
        self._log = folder / "messages.log"
        config = _CONFIG.format(
            address=ADDRESS,
            sip=free_port(ADDRESS),
            rtp=free_port(ADDRESS),
            host=registrar[0],
            port=registrar[1],
            user=user,
            password=password,
            info=int(self.info),
            events=int(not self.info),
        )
        (folder / "linphonerc").write_text(config)
        self._process = subprocess.Popen(
            ["linphonec", "-c", str(folder / "linphonerc"), "-d", "6", "-l", str(self._log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            cwd=folder,
            text=True,
            bufsize=1,
        )
        self._said: list[str] = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read, name=f"words of {user}", daemon=True)
        self._reader.start()
        self._command("soundcard use files")
        self._command(f"play {source}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a person does

    def register(self) -> None:
        """Wait until the phone, which registers by itself, is registered."""
        wait_for(lambda: REGISTERED in self._logged(), 10, f"{self.user} to be registered")

    def dial(self, number: str) -> None:
        """Call a number."""
        self._forget()
        self._record()
        self._command(f"call sip:{number}@{self._registrar}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self._wait(CALLED)
        self._command("answer")
        self._record()

    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""
        self._wait(CALLED)
        self._command(f"redirect all sip:{number}@{self._registrar}")
        self._wait(" ended (")
        self._forget()

    def hold(self) -> None:
        """Put the call on hold."""
        self._command("pause")
        self._wait("is now paused")

    def resume(self) -> None:
        """Take the call back."""
        self._command("resume")

    def send_digits(self, digits: str) -> None:
        """Press keys, each by itself."""
        for digit in digits:
            self._command(digit)

    def hang_up(self) -> None:
        """End the call."""
        self._command("terminate")

    def wait_ringing(self) -> None:
        """Wait until it is called."""
        self._wait(CALLED)

    def wait_talking(self) -> None:
        """Wait until the call is answered and has sound."""
        self._wait("Media streams established")

    def wait_ended(self) -> None:
        """Wait until the call is over."""
        self._wait(" ended (", " error.")

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much has been recorded."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 10, f"{self.user} to hear {seconds:g} s"
        )

    def recorded_seconds(self) -> float:
        """How much of the present call has been recorded so far."""
        return self._recording.stat().st_size / 16000 if self._recording.exists() else 0.0

    def hearing(self) -> Sound:
        """What it has heard in the present call so far."""
        return read_unfinished(self._recording) if self._recording.exists() else silence(0)

    heard = hearing

    def told(self) -> list[tuple[int, str]]:
        """What its INVITEs were answered with: code and SDP, in order, repeated ones too."""
        return answers_to_invite(self._log)

    def output(self) -> str:
        """What it said to the person in front of it."""
        with self._arrived:
            return "".join(self._said)

    def close(self) -> None:
        """End the phone: it hangs up and unregisters first."""
        if self._process.poll() is None:
            self._command("quit")
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(3)

    def _forget(self) -> None:
        """What it said of earlier calls is over."""
        with self._arrived:
            self._since = len(self._said)

    def _record(self) -> None:
        """Record the call in a file of its own. Said of a call that rings, the phone hears nothing more."""
        self._calls += 1
        self._recording = self._folder / f"heard-{self._calls}.wav"
        self._command(f"record {self._recording}")

    def _wait(self, *wanted: str, timeout: float = 10.0) -> None:
        """Wait until the phone says one of these in its present call."""

        def said() -> bool:
            return any(words in line for line in self._said[self._since :] for words in wanted)

        with self._arrived:
            if self._arrived.wait_for(said, timeout):
                return
        raise AssertionError(f"{self.user}: no {wanted} in {timeout:g} s\n{self.output()}")

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def _logged(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._arrived:
                self._said.append(line)
                self._arrived.notify_all()


class LinphoneInfo(Linphone):
    """One that tells its keys by SIP INFO."""

    info = True
