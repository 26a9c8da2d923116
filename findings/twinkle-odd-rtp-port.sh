#!/bin/bash
# Twinkle with an odd RTP port tells the other side to send its sound to what is its RTCP port.
#
# Package    Debian 12's twinkle-console 1:1.10.2+dfsg-2 with its libccrtp2v5 (must be installed)
# Input      `rtp_port=` of twinkle.sys is odd (42001), as SDP allows; a call to it that it answers
# One would guess   RTP at 42001 (and RTCP at 42002), or a refusal of the setting
# Seen       its SDP says 42001, without a=rtcp, but the RTP that it sends comes from 42000 and its RTCP from 42001: below it,
#            ccRTP takes the next lower even port, as RFC 3550 §11 would have it, and nobody tells the SDP. What the other
#            side says goes to the RTCP socket and is never heard; in the other direction all is well. With 42002 the SDP's
#            port is the one that RTP comes from. No warning in either case.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
command -v twinkle-console >/dev/null || { echo "needs Debian 12's twinkle-console"; exit 2; }
dpkg-query -W twinkle-console libccrtp2v5
cat > "$here/try.py" <<'PYTHON'
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

CARD = """\
pcm.microphone {{ type file slave.pcm null file /dev/null infile {folder}/microphone format raw }}
"""
SYSTEM = """\
dev_ringtone=alsa:null
dev_speaker=alsa:null
dev_mic=alsa:microphone
validate_audio_dev=no
play_ringtone=no
play_ringback=no
sip_port={sip}
rtp_port={rtp}
start_user_profile=phone
"""
PROFILE = """\
user_name=callee
user_domain=127.0.0.1
register_at_startup=no
sip_transport=udp
codecs=g711a
zrtp_enabled=no
mwi_sollicited=no
speex_dsp_vad=no
speex_dsp_agc=no
speex_dsp_aec=no
speex_dsp_nrd=no
"""


def bound(port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    made.settimeout(15)
    return made


def pair() -> tuple[socket.socket, socket.socket]:
    """Of sockets: RTP at an even port and RTCP at the next."""
    for port in range(43000, 44000, 2):
        try:
            first = bound(port)
        except OSError:
            continue
        try:
            return first, bound(port + 1)
        except OSError:
            first.close()
    raise OSError("no two free ports")


def ports(folder: Path, rtp_port: int) -> tuple[int, int, int]:
    """What the SDP says; where RTP comes from; where RTCP comes from."""
    sip, spare, (rtp, rtcp) = bound(), bound(), pair()
    own = spare.getsockname()[1]
    spare.close()
    home = folder / ".twinkle"
    home.mkdir(parents=True)
    (home / "twinkle.sys").write_text(SYSTEM.format(sip=own, rtp=rtp_port))
    (home / "phone.cfg").write_text(PROFILE)
    (folder / ".asoundrc").write_text(CARD.format(folder=folder))
    os.mkfifo(folder / "microphone")
    microphone = os.open(folder / "microphone", os.O_RDWR)
    ended = threading.Event()

    def speak() -> None:
        while not ended.wait(0.02):
            if select.select([], [microphone], [], 0)[1]:
                os.write(microphone, bytes(320))

    speaking = threading.Thread(target=speak)
    speaking.start()
    phone = subprocess.Popen(
        ["twinkle-console"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}, cwd=folder, text=True, bufsize=1,
    )
    try:
        here = f"127.0.0.1:{sip.getsockname()[1]}"
        offer = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {rtp.getsockname()[1]} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
        )

        def request(method: str, to: str, branch: int, body: str = "") -> None:
            text = (
                f"{method} sip:callee@127.0.0.1:{own} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{branch}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:caller@127.0.0.1>;tag=1\r\nTo: {to}\r\nCall-ID: {rtp_port}@127.0.0.1\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:caller@{here}>\r\n"
                + ("Content-Type: application/sdp\r\n" if body else "")
                + f"Content-Length: {len(body)}\r\n\r\n{body}"
            )
            sip.sendto(text.encode(), ("127.0.0.1", own))

        answer, until = "", time.monotonic() + 15
        sip.settimeout(0.5)
        while not answer.startswith("SIP/2.0 200"):
            assert time.monotonic() < until, "it does not answer"
            if not answer:
                request("INVITE", "<sip:callee@127.0.0.1>", 1, offer)
            try:
                answer = sip.recv(65536).decode()
            except TimeoutError:
                continue
            if answer.startswith("SIP/2.0 180"):
                phone.stdin.write("answer\n")
        request("ACK", re.search(r"^To: *(.*?)\r$", answer, re.M)[1], 2)
        advertised = int(re.search(r"m=audio (\d+)", answer)[1])
        assert "a=rtcp:" not in answer, "another behaviour than was found"
        sound, speaks_from = rtp.recvfrom(65536)
        assert sound[1] & 0x7F == 8
        report, reports_from = rtcp.recvfrom(65536)
        assert 200 <= report[1] <= 207
        return advertised, speaks_from[1], reports_from[1]
    finally:
        phone.kill()
        phone.wait()
        ended.set()
        speaking.join()
        os.close(microphone)
        for each in (sip, rtp, rtcp):
            each.close()


for setting, expected in ((42001, (42001, 42000, 42001)), (42002, (42002, 42002, 42003))):
    seen = ports(Path(sys.argv[1]) / str(setting), setting)
    print(f"rtp_port={setting}: SDP says {seen[0]}, RTP comes from {seen[1]}, RTCP from {seen[2]}")
    assert seen == expected, "another behaviour than was found"
print("as found")
PYTHON
python3 "$here/try.py" "$here"
