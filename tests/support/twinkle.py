"""Debian's twinkle-console, driven by the commands that a person types: a phone with its own home, ports and sound.

Its sound card is two named pipes behind ALSA's `file` plugin: the phone reads its microphone at the pace at which we
write, and what it plays comes to us.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from select import select
from typing import Self

import numpy as np

from tests.support.addresses import free_port
from tests.support.meter import Sound, read_wav
from tests.support.phone_log import answers_to_invite
from tests.support.waiting import wait_for

_SOUND = """\
pcm.microphone {{ type file slave.pcm null file /dev/null infile {folder}/microphone format raw }}
pcm.speaker {{ type file slave.pcm null file {folder}/speaker format raw }}
"""
_SYSTEM = """\
dev_ringtone=alsa:null
dev_speaker=alsa:speaker
dev_mic=alsa:microphone
validate_audio_dev=no
log_max_size=50
log_show_sip=yes
play_ringtone=no
play_ringback=no
sip_port={sip}
rtp_port={rtp}
start_user_profile=phone
"""
_PROFILE = """\
user_name={user}
user_domain={host}:{port}
registrar={host}:{port}
registration_time=600
register_at_startup=yes
auth_name={user}
auth_pass={password}
sip_transport=udp
codecs=g711a,g711u
dtmf_transport={keys}
timer_noanswer=120
speex_dsp_vad=no
speex_dsp_agc=no
speex_dsp_aec=no
speex_dsp_nrd=no
mwi_sollicited=no
zrtp_enabled=no
"""

FRAME = 320
"""Bytes of 20 ms of sound: 16 bits at 8 kHz."""
FRAME_SECONDS = 0.02
PIPE = 4096
"""Bytes that wait for a phone which does not listen to its microphone: a quarter of a second."""
CALLED = "incoming call"


class Twinkle:
    """One phone, registering with `registrar` at once. It speaks the WAV file `source` over and over.

    It has no address of its own: its sockets are unbound, and the kernel gives what they send the source 127.0.0.1.
    """

    keys = "rfc2833"

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        home = folder / ".twinkle"
        home.mkdir(parents=True)
        self.user = user
        self._registrar = f"{registrar[0]}:{registrar[1]}"
        self._log = home / "twinkle.log"
        self._since = 0
        (folder / ".asoundrc").write_text(_SOUND.format(folder=folder))
        (home / "twinkle.sys").write_text(_SYSTEM.format(sip=free_port("0.0.0.0"), rtp=_even_port()))
        profile = _PROFILE.format(
            host=registrar[0], port=registrar[1], user=user, password=password, keys=self.keys
        )
        (home / "phone.cfg").write_text(profile)
        self._microphone = _pipe(folder / "microphone")
        fcntl(self._microphone, F_SETPIPE_SZ, PIPE)
        self._speaker = _pipe(folder / "speaker")
        self._closing = threading.Event()
        self._heard = bytearray()
        self._said: list[str] = []
        self._arrived = threading.Condition()
        self._process = subprocess.Popen(
            ["twinkle-console"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
            cwd=folder,
            text=True,
            errors="replace",
            bufsize=1,
        )
        speech = (read_wav(source).samples * 32767).astype("<i2").tobytes()
        self._threads = [
            threading.Thread(target=self._read, name=f"words of {user}", daemon=True),
            threading.Thread(target=self._speak, args=(speech,), name=f"voice of {user}", daemon=True),
            threading.Thread(target=self._listen, name=f"ear of {user}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a person does

    def register(self) -> None:
        """Wait until the phone, which registers by itself, is registered."""
        self._wait("registration succeeded")

    def dial(self, number: str) -> None:
        """Call a number."""
        self._forget()
        self._heard.clear()
        self._command(f"call sip:{number}@{self._registrar}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self._wait(CALLED)
        self._heard.clear()
        self._command("answer")

    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""
        self._wait(CALLED)
        self._forget()
        self._command(f"redirect sip:{number}@{self._registrar}")

    def hold(self) -> None:
        """Put the call on hold. Asked back before that is done, it would refuse."""
        self._forget()
        self._command("hold")
        self._wait("re-INVITE successful")

    def resume(self) -> None:
        """Take the call back."""
        self._forget()
        self._command("retrieve")
        self._wait("re-INVITE successful")

    def send_digits(self, digits: str) -> None:
        """Press keys."""
        self._command(f"dtmf {digits}")

    def hang_up(self) -> None:
        """End the call."""
        self._command("bye")

    def wait_ringing(self) -> None:
        """Wait until it is called."""
        self._wait(CALLED)

    def wait_talking(self) -> None:
        """Wait until the call that it made is answered."""
        self._wait("answered call")

    def wait_ended(self) -> None:
        """Wait until the call is over."""
        self._wait(" ended")
        self._forget()

    def wait_heard(self, seconds: float) -> None:
        """Wait until so much has been heard."""
        wait_for(
            lambda: self.recorded_seconds() >= seconds, seconds + 20, f"{self.user} to hear {seconds:g} s"
        )

    def recorded_seconds(self) -> float:
        """How much of the present call has been heard so far."""
        return len(self._heard) / (FRAME / FRAME_SECONDS)

    def hearing(self) -> Sound:
        """What it has heard in the present call so far."""
        data = bytes(self._heard)
        return Sound(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float64) / 32768)

    heard = hearing

    def told(self) -> list[tuple[int, str]]:
        """What its INVITEs were answered with: code and SDP, in order, repeated ones too."""
        return answers_to_invite(self._log)

    def logged(self) -> str:
        """Its log, with every SIP message that it sent and received."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

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
        self._closing.set()
        for thread in self._threads:
            thread.join(3)
        os.close(self._microphone)
        os.close(self._speaker)

    def _forget(self) -> None:
        """What it said of earlier calls is over."""
        with self._arrived:
            self._since = len(self._said)

    def _wait(self, *wanted: str, timeout: float = 20.0) -> None:
        """Wait until the phone says one of these in its present call."""

        def said() -> bool:
            return any(words in line for line in self._said[self._since :] for words in wanted)

        with self._arrived:
            if self._arrived.wait_for(said, timeout):
                return
        raise AssertionError(f"{self.user}: no {wanted} in {timeout:g} s\n{self.output()}\n{self.logged()}")

    def _command(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._arrived:
                self._said.append(line)
                self._arrived.notify_all()

    def _speak(self, speech: bytes) -> None:
        """Write the microphone's sound, as fast as a sound card would, whether the phone listens or not."""
        due, at = time.monotonic(), 0
        while not self._closing.wait(max(0.0, due - time.monotonic())):
            due += FRAME_SECONDS
            frame = speech[at : at + FRAME]
            at = (at + FRAME) % (len(speech) - len(speech) % FRAME)
            if select([], [self._microphone], [], 0)[1]:
                os.write(self._microphone, frame)

    def _listen(self) -> None:
        """Collect what the phone plays."""
        while not self._closing.is_set():
            if select([self._speaker], [], [], 0.1)[0]:
                self._heard += os.read(self._speaker, 65536)


def _even_port() -> int:
    """A port for RTP. What is sent to an odd one the phone does not hear: it listens one below."""
    while True:
        port = free_port("0.0.0.0")
        if port % 2 == 0:
            return port


def _pipe(path: Path) -> int:
    """Make a named pipe that both sides can open at any time, and open it."""
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


class TwinkleInfo(Twinkle):
    """One that tells its keys by SIP INFO."""

    keys = "info"
