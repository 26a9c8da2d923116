#!/bin/bash
# pydub's set_frame_rate does not filter: a tone that the new rate cannot hold comes back as another tone, nearly as loud.
#
# Packages   pydub 0.25.1 and numpy 2.4.6 from PyPI
# Input      a sine of 7,000 Hz at 44,100 Hz, brought to 8,000 Hz (which holds up to 4,000 Hz)
# One would guess   next to nothing is left, as from every resampler of an audio tool (under -60 dB)
# Seen       a sine of 1,000 Hz (8,000 - 7,000) only a few dB quieter than what went in: speech gets a hiss of its own
#            mirrored s-sounds, which no later filter can take out
set -euo pipefail
here=$(mktemp -d); trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pydub==0.25.1 numpy==2.4.6
cat > "$here/try.py" <<'PYTHON'
import sys
import warnings

warnings.simplefilter("ignore")
import numpy as np
from pydub import AudioSegment

print("Python", sys.version.split()[0])


def level(samples: np.ndarray, rate: int, hertz: float) -> float:
    """Of one frequency, in dB of a full sine."""
    window = np.hanning(len(samples))
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / rate)
    return 20 * np.log10(2 * abs(np.sum(samples * window * wave)) / np.sum(window) / 32767)


time = np.arange(44100 * 2) / 44100
sine = np.round(0.5 * 32767 * np.sin(2 * np.pi * 7000 * time)).astype("<i2")
before = AudioSegment(data=sine.tobytes(), sample_width=2, frame_rate=44100, channels=1)
after = before.set_frame_rate(8000)
put_in = level(sine, 44100, 7000)
alias = level(np.frombuffer(after.raw_data, "<i2"), 8000, 1000)
print(f"in: 7000 Hz at {put_in:.1f} dB; out: 1000 Hz at {alias:.1f} dB")
assert alias > put_in - 10, "another behaviour than was found"
print("as found")
PYTHON
"$here/venv/bin/python" "$here/try.py"
