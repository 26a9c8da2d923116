"""Uploads made for a test: good WAV and MP3 files, and the parts that hostile ones are built of."""

from __future__ import annotations

import functools
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 44100
SILENT_FRAME = b"\xff\xe3\x18\xc4".ljust(72, b"\0")
"""A frame of MPEG 2.5 layer III, 8 kbit/s, 8 kHz, mono: 72 ms of silence in 72 bytes."""


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE, level: float = -12.0) -> NDArray[np.float64]:
    """A sine of this level (RMS in dB of full scale), between -1 and 1."""
    time = np.arange(round(seconds * rate)) / rate
    wave: NDArray[np.float64] = 10 ** (level / 20) * np.sqrt(2) * np.sin(2 * np.pi * hertz * time)
    return wave


def silence(seconds: float, rate: int = RATE) -> NDArray[np.float64]:
    return np.zeros(round(seconds * rate))


def s16(wave: NDArray[np.float64]) -> bytes:
    return np.round(np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A RIFF chunk, which may state another size than it has."""
    return (
        struct.pack("<4sI", name, len(content) if size is None else size)
        + content
        + b"\0" * (len(content) % 2)
    )


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(body) if size is None else size) + body


def fmt(
    code: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, block: int | None = None
) -> bytes:
    block = channels * bits // 8 if block is None else block
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * block & 0xFFFFFFFF, block, bits)
    )


def wav_file(data: bytes, rate: int = RATE, channels: int = 1, code: int = 1, bits: int = 16) -> bytes:
    return riff(fmt(code, channels, rate, bits), chunk(b"data", data))


@functools.cache
def greeting_wav(seconds: float = 3.0, rate: int = RATE) -> bytes:
    return wav_file(s16(tone(seconds, rate=rate)), rate)


@functools.cache
def greeting_mp3(seconds: float = 3.0, *options: str) -> bytes:
    """By ffmpeg's encoder, `options` being its."""
    return encoded("mp3", *options, seconds=seconds)


def encoded(form: str, *options: str, seconds: float = 3.0) -> bytes:
    """A greeting in one of ffmpeg's formats; into a file, so that a head can be written last."""
    command = ["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "pipe:0"]
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([*command, *options, "-f", form, file.name], input=s16(tone(seconds)), check=True)
        return Path(file.name).read_bytes()


@functools.cache
def bare_mp3(seconds: float = 3.0) -> bytes:
    """Frames of sound only: no tag, and no frame that says how many there are."""
    return greeting_mp3(seconds, "-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0")


def syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(content: bytes, size: int | None = None) -> bytes:
    """An ID3v2.3 tag, which may state another size than it has."""
    return b"ID3\x03\x00\x00" + syncsafe(len(content) if size is None else size) + content


def id3_frame(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return struct.pack(">4sIH", name, len(content) if size is None else size, 0) + content


def samples_of(converted: bytes) -> NDArray[np.float64]:
    """What came out, between -1 and 1."""
    return np.frombuffer(converted, "<i2") / 32768


def decibels(wave: NDArray[np.float64]) -> float:
    """RMS in dB of full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-12))


def at(wave: NDArray[np.float64], hertz: float, rate: int = 8000) -> float:
    """How strong a frequency is in a wave, in dB of full scale."""
    time = np.arange(len(wave)) / rate
    return float(20 * np.log10(abs(np.mean(wave * np.exp(-2j * np.pi * hertz * time))) * np.sqrt(2) + 1e-12))
