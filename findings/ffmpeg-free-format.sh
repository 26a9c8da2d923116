#!/bin/bash
# ffmpeg does not decode MP3 in "free format", which the MP3 standard has and LAME writes.
#
# Packages   imageio-ffmpeg 0.6.0 from PyPI (ffmpeg 7.0.2), miniaudio 1.61 from PyPI as the other opinion
# Input      a constant 128 kbit/s MP3 of ffmpeg's own encoder, whose frame headers have bitrate index 0 instead of 9
#            (ISO/IEC 11172-3 §2.4.2.3: "free"; `lame --freeformat -b 128` writes the same). Nothing else is changed.
# One would guess   ffmpeg reads every MP3 there is
# Seen       ffmpeg gives not one sample of it; miniaudio (dr_mp3) decodes all of it. Debian's ffmpeg 5.1 does the same.
#            With index 9 written back, the length of the frames being what it always was, ffmpeg decodes it.
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check imageio-ffmpeg==0.6.0 miniaudio==1.61
cat > "$here/try.py" <<'PYTHON'
import subprocess

import imageio_ffmpeg
import miniaudio

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
SECONDS, RATE = 3, 44100


def ffmpeg(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run([FFMPEG, "-v", "quiet", *arguments], input=data, stdout=subprocess.PIPE).stdout


tone = f"sine=440:duration={SECONDS}:sample_rate={RATE}"
plain = ffmpeg("-f", "lavfi", "-i", tone, "-c:a", "libmp3lame", "-b:a", "128k", "-write_xing", "0",
               "-id3v2_version", "0", "-f", "mp3", "pipe:1")
free, at = bytearray(plain), 0
while at < len(plain):
    assert plain[at] == 0xFF and plain[at + 2] >> 4 == 9, "a frame of 128 kbit/s"
    free[at + 2] &= 0x0F
    at += 144 * 128000 // RATE + (plain[at + 2] >> 1 & 1)


def by_ffmpeg(data: bytes) -> float:
    return len(ffmpeg("-f", "mp3", "-i", "pipe:0", "-f", "s16le", "pipe:1", data=bytes(data))) / 2 / RATE


def by_miniaudio(data: bytes) -> float:
    return miniaudio.decode(bytes(data), nchannels=1, sample_rate=RATE).duration


for name, data in (("128 kbit/s", plain), ("free format", free)):
    print(f"{name}: ffmpeg {by_ffmpeg(data):.2f} s, miniaudio {by_miniaudio(data):.2f} s")
assert by_ffmpeg(plain) > 2.9 and by_miniaudio(plain) > 2.9, "the plain file is not decoded"
assert by_miniaudio(free) > 2.9, "another behaviour than was found"
assert by_ffmpeg(free) == 0, "another behaviour than was found"
print("as found")
PYTHON
"$here/venv/bin/python" "$here/try.py"
