"""Debian's twinkle-console: a phone with its own home, ports and sound.

Its sound card is two named pipes behind ALSA's `file` plugin: the phone reads its microphone at the pace at which we
write, and what it plays comes to us.
"""

from __future__ import annotations

import os
import re
import threading
import time
from fcntl import F_SETPIPE_SZ, fcntl
from pathlib import Path
from select import select

import numpy as np

from tests.support.addresses import free_port
from tests.support.console_phone import ConsolePhone
from tests.support.meter import Sound, read_wav

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


class Twinkle(ConsolePhone):
    """Twinkle with keys by RFC 4733. It speaks over and over."""

    keys = "rfc2833"
    registered = "registration succeeded"
    called = "incoming call"
    talking = "answered call"
    ended = (" ended",)
    held = resumed = "re-INVITE successful"
    key = re.compile(r"DTMF detected: (.)")
    _hold, _resume, _hang_up = "hold", "retrieve", "bye"

    def __init__(
        self, folder: Path, registrar: tuple[str, int], user: str, password: str, source: Path
    ) -> None:
        home = folder / ".twinkle"
        home.mkdir(parents=True)
        self._registrar = f"{registrar[0]}:{registrar[1]}"
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
        super().__init__(["twinkle-console"], folder, user, home / "twinkle.log")
        speech = (read_wav(source).samples * 32767).astype("<i2").tobytes()
        self._threads = [
            threading.Thread(target=self._speak, args=(speech,), name=f"voice of {user}", daemon=True),
            threading.Thread(target=self._listen, name=f"ear of {user}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def dial(self, number: str) -> None:
        """Call a number."""
        self._forget()
        self._heard.clear()
        self._command(f"call sip:{number}@{self._registrar}")

    def answer(self) -> None:
        """Wait for a call and take it."""
        self._wait(self.called)
        self._heard.clear()
        self._command("answer")

    def redirect(self, number: str) -> None:
        """Wait for a call and say who is to be called instead (302)."""
        self._wait(self.called)
        self._forget()
        self._command(f"redirect sip:{number}@{self._registrar}")

    def send_digits(self, digits: str) -> None:
        """Press keys."""
        self._command(f"dtmf {digits}")

    def recorded_seconds(self) -> float:
        """How much of the present call has been heard so far."""
        return len(self._heard) / (FRAME / FRAME_SECONDS)

    def heard(self) -> Sound:
        """What it has heard in the present call so far."""
        data = bytes(self._heard)
        return Sound(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float64) / 32768)

    def close(self) -> None:
        """End the phone, then its sound card."""
        super().close()
        self._closing.set()
        for thread in self._threads:
            thread.join(3)
        os.close(self._microphone)
        os.close(self._speaker)

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
